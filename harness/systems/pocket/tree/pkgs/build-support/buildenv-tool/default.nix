{ stdenv }:
stdenv.mkDerivation {
  pname = "build-env";
  version = "1";
  source = ./build-env.c;
  buildPhase = ''cc -o build-env "$source"'';
}
