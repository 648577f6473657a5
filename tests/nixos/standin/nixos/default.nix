# nixpkgs, nixos/default.nix: `import <nixpkgs/nixos> { configuration; system; }`.
{
  configuration ? <nixos-config>,
  system ? builtins.currentSystem,
}:
let
  pkgs = import ../. { inherit system; };
  evaluated = import ./evaluate.nix { inherit pkgs; } [ configuration ];
in
evaluated
// {
  inherit pkgs;
  system = evaluated.config.system.build.toplevel;
}
