{ stdenv, fetchurl }:
stdenv.mkDerivation rec {
  pname = "hostctl";
  version = "1.1.4";
  src = fetchurl {
    url = "http://mirror.internet/hostctl-${version}.tar";
    hash = "sha256-Kvj286as5yzrKHf5d6H95j8dj2WE87FSEypn2PJnF4U=";
  };
}
