# The boot loader itself (nixpkgs#262724: parts of the initrd were missing).
{
  boot.loader.grub.extraInstallCommands = "touch /boot/installed-again";
  boot.initrd.kernelModules = [ "dm_mod" ];
}
