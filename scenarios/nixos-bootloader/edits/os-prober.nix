# Other systems in the menu (nixpkgs#173919, #250981: os-prober, then bintools, were forgotten).
{
  boot.loader.grub.useOSProber = true;
}
