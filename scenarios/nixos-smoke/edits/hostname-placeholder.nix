# Another host name, to rehearse.
{ lib, ... }:
{
  networking.hostName = lib.mkForce "rehearsed";
}
