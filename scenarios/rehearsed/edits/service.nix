# Settings of a service, which a validator checks when the system is built.
{
  services.openssh = {
    ports = [ 22 2222 ];
    settings.MaxAuthTries = 3;
  };
}
