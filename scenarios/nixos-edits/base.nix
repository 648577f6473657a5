# A small server with a bit of everything that the edits change.
{ pkgs, ... }:
{
  networking.hostName = "small";
  environment.systemPackages = [
    pkgs.hello
    pkgs.file
  ];
  services.openssh.enable = true;

  systemd.services.report = {
    description = "Report on the state of the machine";
    wantedBy = [ "multi-user.target" ];
    path = [ pkgs.hello ];
    script = "hello > /run/report";
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
    };
  };

  services.dnsmasq = {
    enable = true;
    settings.server = [ "192.0.2.1" ];
  };

  networking.wireguard.interfaces.wg0 = {
    ips = [ "10.100.0.1/24" ];
    listenPort = 51820;
    privateKeyFile = "/run/wireguard.key";
    generatePrivateKeyFile = true;
  };

  # A file that was fetched by hand, as `nix-prefetch-url file://...` puts it into the store.
  environment.etc."licensed".source = builtins.seq (builtins.fetchurl {
    url = "file://${toString ./files/licensed.txt}";
    sha256 = builtins.hashFile "sha256" ./files/licensed.txt;
  }) (import ./files/licensed.nix pkgs);
}
