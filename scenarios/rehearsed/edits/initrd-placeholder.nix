# A rehearsal: any other module in the initrd.
{
  boot.initrd.kernelModules = [ "dm_mod" ];
}
