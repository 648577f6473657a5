{ stdenv, fetchurl, ncurses }:
stdenv.mkDerivation rec {
  pname = "nano";
  version = "8.4";
  src = fetchurl {
    url = "http://mirror.internet/nano-${version}.tar";
    hash = "sha256-I29fEoHpxNhX1+PZv1E0AavIQJB5BotlCJHEMRGnEwk=";
  };
  buildInputs = [ ncurses ];
  libraries = "-lncursesw";
}
