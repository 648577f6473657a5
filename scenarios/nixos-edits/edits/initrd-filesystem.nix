# A file system in the initrd (nixpkgs#153724: keyutils came along with one).
{
  boot.initrd.supportedFilesystems = [ "btrfs" ];
}
