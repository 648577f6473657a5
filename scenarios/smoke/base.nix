# A small machine: little to build, and enough that an edit needs inputs which collection takes.
{ pkgs, ... }:
{
  networking.hostName = "pocket";
  networking.hosts."192.168.7.1" = [ "gateway.example" ];
  environment.systemPackages = [ pkgs.hello ];
}
