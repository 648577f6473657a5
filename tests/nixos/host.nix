# What a configuration needs to be evaluated beyond what is under test.
{
  boot.loader.grub.enable = false;
}
