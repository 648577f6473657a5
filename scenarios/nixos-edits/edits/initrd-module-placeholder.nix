# Another module in the initrd, to rehearse.
{
  boot.initrd.kernelModules = [ "loop" ];
}
