{ stdenv, fetchurl }:
stdenv.mkDerivation rec {
  pname = "cowsay";
  version = "3.8.4";
  src = fetchurl {
    url = "http://mirror.internet/cowsay-${version}.tar";
    hash = "sha256-AaNBFiqLTzcpSogqfEun9a8x5nGje4R5Tu1ZmvsXOng=";
  };
}
