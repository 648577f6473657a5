# Another peer of wireguard, to rehearse.
{
  networking.wireguard.interfaces.wg0.peers = [
    {
      publicKey = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";
      allowedIPs = [ "10.100.0.3/32" ];
    }
  ];
}
