# The machine under test, as the test driver boots it.
{
  settings,
  nixpkgs, # source tree, evaluated in the machine
  sources ? [ ], # further store paths that evaluation needs: a flake and its inputs
}:
{ lib, ... }:
let
  evaluated = [ nixpkgs ] ++ sources;
in
{
  imports = [ (import ./guest.nix settings) ];

  virtualisation.additionalPaths = evaluated;

  # A channel and a checkout are roots on real machines; the boot files are one by /run/booted-system.
  systemd.tmpfiles.rules = lib.imap0 (
    index: path: "L+ /nix/var/nix/gcroots/sources-${toString index} - - - - ${path}"
  ) evaluated;
}
