# A line in /etc/hosts.
{
  networking.hosts."10.20.30.40" = [ "printer.example" ];
}
