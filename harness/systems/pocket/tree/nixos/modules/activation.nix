# nixpkgs, nixos/modules/system/activation/activation-script.nix and
# switchable-system.nix.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  # /etc comes before what reads it.
  names = [ "etc" ] ++ lib.filter (name: name != "etc") (lib.attrNames config.system.activationScripts);
  snippet = name: "# ${name}\n${config.system.activationScripts.${name}}\n";
in
{
  options.system.activationScripts = mkOption {
    type = types.attrsOf types.lines;
    default = { };
    description = "Shell script fragments that run when the system is activated; they must be idempotent.";
  };

  # They do not know the toplevel that they are for: it fills in @out@.
  config.system.build = {
    activate = pkgs.writeShellApplication {
      name = "activate";
      destination = "";
      text = lib.replaceStrings [ "@busybox@" ] [ "${pkgs.busybox}" ] (builtins.readFile ./activate-functions.sh)
        + lib.concatMapStrings snippet names
        + builtins.readFile ./activate-end.sh;
    };
    switchToConfiguration = pkgs.writeShellApplication {
      name = "switch-to-configuration";
      destination = "";
      text = builtins.readFile ./switch-to-configuration.sh;
    };
  };
}
