# The machine that every edit of this scenario changes.
{ pkgs, ... }:
{
  networking.hostName = "pocket";
  networking.hosts."192.168.7.1" = [ "gateway.example" ];

  boot.initrd.kernelModules = [ "loop" ];
  boot.kernelParams = [ "quiet" ];
  boot.kernel.sysctl."vm.swappiness" = 10;

  environment.systemPackages = [ pkgs.hello pkgs.file ];
  environment.variables.EDITOR = "nano";
  environment.etc."motd".source = ./motd.txt;

  programs.nano.nanorc = "set linenumbers";
  services.openssh = {
    enable = true;
    settings.PermitRootLogin = "no";
  };
}
