# An unpacked archive, fetched by a program in the sandbox: a fixed-output derivation with native
# build inputs, as nixpkgs' fetchurl and fetchzip are (they use curl).
{ lib, stdenvNoCC, wget }:
{ url, hash, name ? "source" }:
stdenvNoCC.mkDerivation {
  inherit name url;
  outputHash = hash;
  outputHashMode = "recursive";
  preferLocalBuild = true;
  nativeBuildInputs = [ wget ];
  buildCommand = ''
    wget -q -T 10 -O archive.tar "$url"
    tar xf archive.tar
    mv ./*/ $out
  '';
}
