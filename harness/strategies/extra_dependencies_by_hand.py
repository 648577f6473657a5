"""system.extraDependencies as nixpkgs's own installer test fills it: by hand, from experience."""

from __future__ import annotations

from harness.results import Witness
from harness.strategies.base import Site, Strategy, count_witness


class ExtraDependenciesByHand(Strategy):
    """The packages that rebuilding a configuration turned out to need, one regression at a time.

    The list is that of nixos/tests/installer.nix in nixpkgs (24.11); names that another release
    does not have are left out, which is one of the ways in which such a list goes stale.
    """

    name = "extra-dependencies-by-hand"
    summary = "system.extraDependencies with the list of nixpkgs's installer test"
    module = (
        "{ lib, pkgs, ... }:\n"
        "let\n"
        "  found = names: scope: map (n: scope.${n}) (lib.filter (n: scope ? ${n}) names);\n"
        "in\n"
        "{\n"
        "  system.extraDependencies =\n"
        "    found [\n"
        '      "stdenv" "stdenvNoCC" "bintools" "brotli" "curl" "desktop-file-utils" "docbook5"\n'
        '      "docbook_xsl_ns" "jq" "libarchive" "makeInitrdNGTool" "ntp" "shared-mime-info"\n'
        '      "sudo" "switch-to-configuration-ng" "texinfo" "unionfs-fuse" "shellcheck-minimal"\n'
        "    ] pkgs\n"
        '    ++ map lib.getDev (found [ "brotli" "kbd" "kmod" "libarchive" ] pkgs)\n'
        '    ++ map lib.getBin (found [ "libxml2" "libxslt" ] pkgs)\n'
        '    ++ found [ "lndir" ] (pkgs.xorg or pkgs)\n'
        '    ++ found [ "ConfigIniFiles" "FileSlurp" "JSON" "ListCompare" "XMLLibXML" ]\n'
        "      (pkgs.perlPackages or { });\n"
        "}"
    )

    def applied(self, site: Site) -> Witness:
        """The active system lists them, and they are in its closure."""
        closure = set(site.store.closure("/run/current-system"))
        listed = site.machine.succeed("cat /run/current-system/extra-dependencies").split()
        kept = [path for path in listed if path in closure]
        return count_witness("extra dependencies in the closure", len(kept))
