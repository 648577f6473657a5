# Another host name.
{ lib, ... }:
{
  networking.hostName = lib.mkForce "renamed";
}
