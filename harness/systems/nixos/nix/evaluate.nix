# A configuration as the machine will evaluate it: `import <nixpkgs/nixos>` with the machine's own
# module, so that paths computed here are those that are computed there.
{
  tree,
  system,
  settings,
}:
modules:
import "${tree}/nixos" {
  inherit system;
  configuration.imports = [ (import ./guest.nix settings) ] ++ modules;
}
