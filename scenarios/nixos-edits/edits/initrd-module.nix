# A module in the initrd (nixpkgs#96361: stage 1 began to need lvm2 without udev).
{
  boot.initrd.kernelModules = [ "dm_mod" ];
}
