# nixpkgs, nixos/modules/programs/nano.nix. Difference: the program is wrapped, so that it reads its
# configuration from the store; /etc/nanorc is there for people.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.programs.nano;
  nanorc = pkgs.writeText "nanorc" cfg.nanorc;
  wrapped = pkgs.symlinkJoin {
    name = "nano-wrapped-${cfg.package.version}";
    paths = [ cfg.package ];
    nativeBuildInputs = [ pkgs.makeWrapper ];
    postBuild = "wrapProgram $out/bin/nano --add-flags '--rcfile ${nanorc}'";
  };
in
{
  options.programs.nano = {
    enable = lib.mkEnableOption "nano, a small user-friendly console text editor" // { default = true; };
    package = mkOption { type = types.package; default = pkgs.nano; };
    nanorc = mkOption {
      type = types.lines;
      default = "";
      example = "set nowrap\nset tabstospaces\nset tabsize 2";
      description = "The system-wide configuration of nano.";
    };
  };

  config = lib.mkIf cfg.enable {
    environment.etc.nanorc.source = nanorc;
    environment.systemPackages = [ wrapped ];
    system.build.nano = wrapped;
  };
}
