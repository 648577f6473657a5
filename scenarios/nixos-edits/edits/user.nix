# A user added.
{
  users.users.alice = {
    isNormalUser = true;
    description = "Alice";
  };
}
