{ stdenv, fetchurl }:
stdenv.mkDerivation rec {
  pname = "zlib";
  version = "1.3.1";
  src = fetchurl {
    url = "http://mirror.internet/zlib-${version}.tar";
    hash = "sha256-aiKaQ/eCjOCOtCsKayr06R80/+yNbmwS7X5+Enp/IiU=";
  };
  outputs = [ "out" "dev" ];
  buildPhase = "cc -shared -Wl,-soname,libz.so.1 -o libz.so.1 zlib.c";
  installPhase = ''
    mkdir -p $out/lib $dev/include
    cp libz.so.1 $out/lib/
    ln -s libz.so.1 $out/lib/libz.so
    cp zlib.h $dev/include/
  '';
}
