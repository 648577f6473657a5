# Other settings of dnsmasq, to rehearse.
{
  services.dnsmasq.settings.address = [ "/rehearsed.example/10.0.0.2" ];
}
