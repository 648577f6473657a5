# Another module in the initrd.
{
  boot.initrd.kernelModules = [ "dm_crypt" ];
}
