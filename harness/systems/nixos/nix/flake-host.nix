# A tree that plays nixpkgs for a host of a flake: `<nixpkgs/nixos>` is that host, with the
# configuration of `nixos-config` on top, so that the same commands work as on any NixOS.
{ pkgs }:
{ flake, host }:
let
  # "path:" so that neither git nor a registry is asked; the lock file names the inputs by hash,
  # which are in the store (Nix manual, "Flakes", flake.lock).
  flakeHost = ''(builtins.getFlake "path:${flake.outPath}").nixosConfigurations."${host}"'';
  toNixList = paths: "[ ${toString (map (path: ''"${path}"'') paths)} ]\n";
in
pkgs.linkFarm "nixpkgs-of-${host}" [
  {
    name = "default.nix";
    path = pkgs.writeText "default.nix" "_: ${flakeHost}.pkgs\n";
  }
  {
    # For the strategy flake-inputs.  Plain text: were they referred to from here, none could go.
    name = "sources.nix";
    path = builtins.toFile "sources.nix" (
      "map builtins.storePath "
      + builtins.unsafeDiscardStringContext (toNixList (import ./flake-sources.nix [ flake ]))
    );
  }
  {
    name = "nixos/default.nix";
    path = pkgs.writeText "nixos-default.nix" ''
      {
        configuration ? <nixos-config>,
        system ? null, # the host knows
      }:
      let
        extended = ${flakeHost}.extendModules { modules = [ configuration ]; };
      in
      {
        inherit (extended) config options pkgs;
        system = extended.config.system.build.toplevel;
      }
    '';
  }
]
