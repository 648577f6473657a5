# The menu of the boot loader, which is written anew.
{
  boot.loader.timeout = 17;
}
