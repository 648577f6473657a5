# Another kernel parameter, to rehearse.
{
  boot.kernelParams = [ "quiet" ];
}
