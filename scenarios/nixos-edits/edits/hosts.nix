# A line in /etc/hosts.
{
  networking.extraHosts = "10.20.30.40 printer.example";
}
