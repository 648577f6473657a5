{ stdenv, fetchzip }:
stdenv.mkDerivation rec {
  pname = "ncurses";
  version = "6.5";
  src = fetchzip {
    url = "http://mirror.internet/ncurses-${version}.tar";
    hash = "sha256-BRKWX4WxeQdr/CnnQMpZfUE2vS2jL/37VNbAslcvHCc=";
  };
  outputs = [ "out" "dev" ];
  buildPhase = ''
    cc -shared -Wl,-soname,libncursesw.so.6 -o libncursesw.so.6 curses.c
    ln -s libncursesw.so.6 libncursesw.so
    cc -o tput tput.c -L. -lncursesw -Wl,-rpath=$out/lib
  '';
  installPhase = ''
    mkdir -p $out/bin $out/lib $dev/include
    cp tput $out/bin/
    cp -P libncursesw.so* $out/lib/
    cp curses.h $dev/include/
  '';
}
