# A small server.
{ pkgs, ... }:
{
  networking.hostName = "small";
  environment.systemPackages = [
    pkgs.hello
    pkgs.file
  ];
  services.openssh.enable = true;
}
