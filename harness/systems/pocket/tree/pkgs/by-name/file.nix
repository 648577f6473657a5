{ stdenv, fetchurl, zlib }:
stdenv.mkDerivation rec {
  pname = "file";
  version = "5.46";
  src = fetchurl {
    url = "http://mirror.internet/file-${version}.tar";
    hash = "sha256-mCPyEZeTI08yhDFdaJeef90tfhrsQPnEDSscIiCOyhk=";
  };
  buildInputs = [ zlib ];
  libraries = "-lz";
}
