# A rehearsal: any other line in /etc/hosts.
{
  networking.hosts."192.0.2.1" = [ "placeholder.example" ];
}
