# nixpkgs, nixos/lib/eval-config.nix.
{ system, modules }: import ../evaluate.nix { pkgs = import ../../. { inherit system; }; } modules
