# A rehearsal: any other host name.
{ lib, ... }:
{
  networking.hostName = lib.mkForce "placeholder";
}
