# Plays `<nixpkgs/nixos>` (nixpkgs, nixos/default.nix).
{ configuration ? import <nixos-config> }:
let
  lib = import ../lib;
  eval = lib.evalModules {
    modules = [ configuration ] ++ import ./modules/module-list.nix;
    specialArgs = { inherit (eval.config.nixpkgs) pkgs; modulesPath = toString ./modules; };
  };
in
{
  inherit (eval) config options;
  inherit (eval.config.nixpkgs) pkgs;
  system = eval.config.system.build.toplevel;
}
