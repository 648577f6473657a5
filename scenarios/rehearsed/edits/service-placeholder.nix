# A rehearsal: any other settings of the service.
{
  services.openssh.settings.LoginGraceTime = 60;
}
