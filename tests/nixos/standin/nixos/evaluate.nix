# nixpkgs, nixos/lib/eval-config.nix.
{ pkgs }:
let
  evaluate =
    modules:
    pkgs.lib.evalModules {
      modules = [ ./modules/base.nix ] ++ modules;
      specialArgs = {
        inherit pkgs;
        modulesPath = toString ./modules;
      };
    }
    // {
      inherit pkgs;
      extendModules = further: evaluate (modules ++ further.modules);
    };
in
evaluate
