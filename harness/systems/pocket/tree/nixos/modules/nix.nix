# nixpkgs, nixos/modules/config/nix.nix
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  show = value:
    if builtins.isBool value then lib.boolToString value
    else if builtins.isList value then toString value
    else toString value;
  line = name: value: "${name} = ${show value}\n";
  atom = types.oneOf [ types.bool types.int types.str ];
  keyFile = ../../cache-key.pub; # of the simulated cache, where there is one
in
{
  options.nix = {
    settings = mkOption {
      type = types.attrsOf (types.either (types.listOf types.str) atom);
      default = { };
      example = { max-jobs = 4; };
      description = "Settings of Nix (nix.conf(5)).";
    };
    extraOptions = mkOption {
      type = types.lines;
      default = "";
      description = "Further lines of nix.conf.";
    };
  };

  config = {
    nix.settings = {
      build-users-group = "";
      experimental-features = [ "nix-command" "flakes" ];
      sandbox = true;
      sandbox-paths = [ ];
      substituters = lib.mkDefault [ "http://cache.internet" ];
      trusted-public-keys = lib.mkIf (builtins.pathExists keyFile)
        [ (lib.removeSuffix "\n" (builtins.readFile keyFile)) ];
    };
    # Last, so that what the harness sets counts.
    nix.extraOptions = lib.mkAfter "!include /etc/nix/harness.conf";
    environment.etc."nix/nix.conf".text =
      lib.concatStrings (lib.mapAttrsToList line config.nix.settings) + config.nix.extraOptions + "\n";
  };
}
