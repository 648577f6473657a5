# nixpkgs, nixos/modules/system/etc/etc.nix
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  live = lib.filterAttrs (_: entry: entry.enable) config.environment.etc;

  addEntry = entry: "add ${lib.escapeShellArgs [ entry.target "${entry.source}" entry.mode ]}\n";
in
{
  options.environment.etc = mkOption {
    default = { };
    description = "Files in /etc.";
    type = types.attrsOf (types.submodule ({ name, config, ... }: {
      options = {
        enable = mkOption { type = types.bool; default = true; };
        target = mkOption { type = types.str; default = name; };
        text = mkOption { type = types.nullOr types.lines; default = null; };
        source = mkOption { type = types.path; };
        mode = mkOption { type = types.str; default = "symlink"; example = "0600"; };
      };
      config.source = lib.mkIf (config.text != null)
        (lib.mkOptionDefault (pkgs.writeText "etc-${baseNameOf name}" config.text));
    }));
  };

  # $out/etc/NAME → the source; NAME.mode says that it is to be a file of its own.
  config.system.build.etc = pkgs.runCommandLocal "etc" { } ''
    add() {
      target=$out/etc/$1
      mkdir -p "''${target%/*}"
      ln -s "$2" "$target"
      if [ "$3" != symlink ]; then echo "$3" > "$target.mode"; fi
    }
    mkdir -p $out/etc
    ${lib.concatMapStrings addEntry (lib.attrValues live)}
  '';

  config.system.activationScripts.etc = ''
    # Link /etc to what the configuration wants there.
    setup_etc "$systemConfig/etc"
  '';
}
