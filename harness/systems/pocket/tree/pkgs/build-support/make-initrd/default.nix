# Builds an initrd from a list of files (nixpkgs, pkgs/build-support/kernel/make-initrd-ng.nix).
{ stdenv }:
stdenv.mkDerivation {
  pname = "make-initrd";
  version = "1";
  source = ./make-initrd.c;
  buildPhase = ''cc -o make-initrd "$source"'';
}
