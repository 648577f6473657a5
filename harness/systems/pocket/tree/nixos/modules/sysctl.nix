# nixpkgs, nixos/modules/config/sysctl.nix
{ config, lib, pkgs, ... }:
let
  inherit (lib) types;
  line = name: value:
    lib.optionalString (value != null)
      "${name}=${if value == false then "0" else toString value}\n";
in
{
  options.boot.kernel.sysctl = lib.mkOption {
    type = types.attrsOf (types.nullOr (types.oneOf [ types.bool types.int types.str ]));
    default = { };
    example = { "net.ipv4.tcp_syncookies" = false; };
    description = "Parameters of the kernel at run time; null leaves the kernel's own.";
  };

  config = {
    environment.etc."sysctl.d/60-nixos.conf".text =
      lib.concatStrings (lib.mapAttrsToList line config.boot.kernel.sysctl);

    # A result that nothing refers to at run time, as those of system.checks are.
    system.checks = [
      (pkgs.runCommand "check-sysctl" { file = config.environment.etc."sysctl.d/60-nixos.conf".source; } ''
        while IFS= read -r line; do
          case $line in
          [a-z]*.*=?*) ;;
          *) echo "not a kernel parameter: $line" >&2; exit 1 ;;
          esac
        done < $file
        touch $out
      '')
    ];
  };
}
