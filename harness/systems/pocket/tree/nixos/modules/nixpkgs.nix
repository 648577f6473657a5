# nixpkgs, nixos/modules/misc/nixpkgs.nix
{ config, lib, ... }:
{
  options.nixpkgs = {
    overlays = lib.mkOption {
      type = lib.types.listOf lib.types.overlay;
      default = [ ];
      description = "Functions of the final and the previous package set that change packages.";
    };
    pkgs = lib.mkOption {
      type = lib.types.raw;
      default = import ../.. { inherit (config.nixpkgs) overlays; };
      description = "The package set that everything is made from.";
    };
  };
}
