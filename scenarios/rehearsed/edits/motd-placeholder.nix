# A rehearsal: any other plain file.
{ lib, ... }:
{
  environment.etc."motd".source = lib.mkForce ./motd-placeholder.nix;
}
