# An option that NixOS does not have.
{
  networking.hostNam = "small";
}
