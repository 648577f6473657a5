# The package set: plays `<nixpkgs>`.
{ overlays ? [ ]
, seed ? ./seed.json # where the first two files come from, and their hashes
}:
let
  lib = import ./lib;
  packages = import ./pkgs { inherit lib seed; };
in
lib.fix (builtins.foldl' (lib.flip lib.extends) packages overlays)
