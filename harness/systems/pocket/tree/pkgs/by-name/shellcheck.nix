{ stdenv, fetchurl }:
stdenv.mkDerivation rec {
  pname = "shellcheck";
  version = "0.10.0";
  src = fetchurl {
    url = "http://mirror.internet/shellcheck-${version}.tar";
    hash = "sha256-3GAmQZNt+G5tadFCLwsWPWJTgs9I4qHed5ukEyvY/9E=";
  };
}
