# The binary cache of a hermetic test: the base system, and what it takes to build it and its edits.
#
# What it takes is found as nixpkgs's own tests of the installer do it, by naming it
# (nixos/tests/installer.nix, system.extraDependencies), but for the inputs that derivations can
# name themselves.  An edit that needs more fails its online control, which tells what to add.
{
  pkgs,
  extraInputs ? (_pkgs: [ ]),
}:
{
  base, # as `import <nixpkgs/nixos>` gives them
  edited,
}:
let
  inherit (pkgs) lib;

  # The derivations that a change of configuration rebuilds; their inputs have to be at hand.
  rebuilt =
    evaluated:
    let
      build = evaluated.config.system.build;
      units = lib.mapAttrsToList (_: unit: unit.unit) evaluated.config.systemd.units;
    in
    [ build.toplevel ]
    ++ lib.optional (build ? etc) build.etc
    ++ lib.optional (build ? bootStage1) build.bootStage1
    ++ lib.optional (build ? bootStage2) build.bootStage2
    ++ lib.optional (build ? initialRamdisk) build.initialRamdisk
    ++ [ evaluated.config.system.path ]
    ++ units;
  inputs = map (drv: drv.inputDerivation) (
    lib.filter (drv: drv ? inputDerivation) (lib.concatMap rebuilt ([ base ] ++ edited))
  );

  # What nearly every derivation of a configuration is made with.
  tools = evaluated: [
    evaluated.pkgs.stdenv
    evaluated.pkgs.stdenvNoCC
    evaluated.pkgs.stdenv.bootstrapTools or evaluated.pkgs.bash
    evaluated.pkgs.jq.bin # closureInfo and bootspec
    evaluated.pkgs.lndir
    evaluated.pkgs.makeWrapper
    evaluated.pkgs.perl
    evaluated.pkgs.kmod
    evaluated.pkgs.nukeReferences
    evaluated.pkgs.libxslt.bin
    evaluated.pkgs.shared-mime-info
    evaluated.pkgs.texinfo
  ];
in
{
  packages = pkgs.mkBinaryCache {
    rootPaths =
      base.config.environment.systemPackages ++ tools base ++ extraInputs base.pkgs;
  };
  systems = pkgs.mkBinaryCache {
    rootPaths = [ base.system ] ++ inputs ++ tools base ++ extraInputs base.pkgs;
  };
}
