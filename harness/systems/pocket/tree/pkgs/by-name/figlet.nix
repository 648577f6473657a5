{ stdenv, fetchurl }:
stdenv.mkDerivation rec {
  pname = "figlet";
  version = "2.2.5";
  src = fetchurl {
    url = "http://mirror.internet/figlet-${version}.tar";
    hash = "sha256-ny550msFCXkXsPikfjHya9CDPaoCssC6uXaOWf1c+rs=";
  };
}
