# nixpkgs, nixos/modules/config/{system-path,system-environment,shells-environment}.nix
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.environment;
  export = name: value: "export ${name}=${lib.escapeShellArg value}\n";
in
{
  options.environment = {
    systemPackages = mkOption {
      type = types.listOf types.package;
      default = [ ];
      description = "Packages in /run/current-system/sw.";
    };
    pathsToLink = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Which of their folders appear there.";
    };
    variables = mkOption {
      type = types.attrsOf (types.oneOf [ types.str types.path types.int ]);
      default = { };
      description = "Environment variables of login shells, in /etc/set-environment.";
    };
  };
  options.system.path = mkOption { type = types.package; };

  config = {
    environment.pathsToLink = [ "/bin" "/lib" ];
    environment.etc.set-environment.text = lib.concatStrings (lib.mapAttrsToList export cfg.variables);
    system.path = pkgs.buildEnv {
      name = "system-path";
      paths = lib.unique cfg.systemPackages;
      inherit (cfg) pathsToLink;
    };
  };
}
