# What flake.nix offers, for those without flakes:
#   nix-build -A package
#   nix-build -A checks.smoke
#   (import ./. { }).lib.mkOfflineRebuildTest { ... }
{
  nixpkgs ? <nixpkgs>,
  system ? builtins.currentSystem,
  pkgs ? import nixpkgs { inherit system; },
}:
let
  inherit (pkgs) lib;
  nix = ./harness/systems/nixos/nix;
  package = pkgs.python3Packages.callPackage (nix + "/package.nix") { };
  mkOfflineRebuildTest = import (nix + "/make-test.nix") { inherit nixpkgs system pkgs; };
  fromFolder = import (nix + "/from-folder.nix") { inherit nixpkgs system pkgs; };
  scenarios = import ./scenarios/nixos.nix;
in
{
  inherit package;
  app = pkgs.python3Packages.toPythonApplication package;
  lib = { inherit mkOfflineRebuildTest; };
  nixosModules.default = nix + "/rehearsal.nix";

  checks = {
    smoke = (fromFolder scenarios.nixos-smoke).rehearsed;
    unit = pkgs.runCommand "offline-rebuild-harness-unit-tests" {
      nativeBuildInputs = [
        (pkgs.python3.withPackages (p: [
          package
          p.hypothesis
          p.junitparser
        ]))
      ];
    } "cp -r ${package.src} source && cd source && python3 -m pytest -q -m 'not vm' tests && touch $out";
  };

  # One derivation for each scenario and strategy: what Nix's remote builders or Hydra distribute.
  matrix = lib.mapAttrs (_: fromFolder) scenarios;
}
