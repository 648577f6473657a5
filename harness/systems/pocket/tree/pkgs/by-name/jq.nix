{ stdenv, fetchurl }:
stdenv.mkDerivation rec {
  pname = "jq";
  version = "1.7.1";
  src = fetchurl {
    url = "http://mirror.internet/jq-${version}.tar";
    hash = "sha256-sHnp5AkYqEcsoGELSuTRqXQPDOWhEmE3nf90b/B9zig=";
  };
}
