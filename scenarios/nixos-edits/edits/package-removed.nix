# A package removed (NixOS/nixos#176).
{ lib, pkgs, ... }:
{
  environment.systemPackages = lib.mkForce [
    pkgs.bashInteractive
    pkgs.coreutils-full
    pkgs.curl
    pkgs.gnugrep
    pkgs.gnused
    pkgs.gnutar
    pkgs.gzip
    pkgs.findutils
    pkgs.iproute2
    pkgs.nix
    pkgs.procps
    pkgs.util-linux
    pkgs.e2fsprogs
    pkgs.systemd
    pkgs.file
  ];
}
