{ stdenv, fetchurl }:
stdenv.mkDerivation rec {
  pname = "hello";
  version = "2.12.1";
  src = fetchurl {
    url = "http://mirror.internet/hello-${version}.tar";
    hash = "sha256-SDSRVmUTW4PJJb3QvcwD+VfTFEwRHUs9Y0KXnF1WtBI=";
  };
  patches = [ ./greeting-option.patch ];
}
