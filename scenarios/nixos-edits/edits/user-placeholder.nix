# Another user, to rehearse.
{
  users.users.bob.isNormalUser = true;
}
