# Settings of dnsmasq.
{
  services.dnsmasq.settings.address = [ "/intranet.example/10.0.0.1" ];
}
