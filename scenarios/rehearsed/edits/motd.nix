# A plain file in /etc, straight from the configuration's folder.
{ lib, ... }:
{
  environment.etc."motd".source = lib.mkForce ./motd.txt;
}
