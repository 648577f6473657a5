# A derivation with the whole stdenv (nixpkgs#45866: it was built anew).
{ pkgs, ... }:
{
  environment.etc."made".source = pkgs.stdenv.mkDerivation {
    name = "made";
    dontUnpack = true;
    installPhase = "echo made > $out";
  };
}
