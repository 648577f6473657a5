# nixpkgs, nixos/lib/eval-config.nix.
{ pkgs }:
modules:
pkgs.lib.evalModules {
  modules = [ ./modules/base.nix ] ++ modules;
  specialArgs = {
    inherit pkgs;
    modulesPath = toString ./modules;
  };
}
