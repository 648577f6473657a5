# A kernel parameter.
{
  boot.kernelParams = [ "mitigations=off" ];
}
