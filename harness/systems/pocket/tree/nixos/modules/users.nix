# nixpkgs, nixos/modules/config/motd.nix
{ config, lib, ... }:
{
  options.users.motd = lib.mkOption {
    type = lib.types.nullOr lib.types.lines;
    default = null;
    example = "Today is Sweetmorn, the 4th day of The Aftermath in the YOLD 3178.";
    description = "Message of the day shown to users when they log in.";
  };
  config.environment.etc = lib.mkIf (config.users.motd != null) {
    motd.text = config.users.motd;
  };
}
