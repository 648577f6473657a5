# The picture behind the menu (nixpkgs#8057: it pulled in perl and certificates).
{ lib, ... }:
{
  boot.loader.grub.splashImage = lib.mkForce null;
}
