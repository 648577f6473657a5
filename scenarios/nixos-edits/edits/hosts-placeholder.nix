# Another line in /etc/hosts, to rehearse.
{
  networking.extraHosts = "10.99.99.99 rehearsed.example";
}
