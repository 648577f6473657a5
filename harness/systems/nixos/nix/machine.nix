# The machine under test, as the test driver boots it.
{
  settings,
  nixpkgs, # source tree, evaluated in the machine
  sources ? [ ], # further store paths that evaluation needs: a flake and its inputs
}:
{
  imports = [ (import ./guest.nix settings) ];

  virtualisation.additionalPaths = [ nixpkgs ] ++ sources;

  # A channel is a root on real machines, and a checkout is not in the store; the inputs of a flake
  # are neither.  What booted is a root by /run/booted-system.
  systemd.tmpfiles.rules = [ "L+ /nix/var/nix/gcroots/nixpkgs - - - - ${nixpkgs}" ];
}
