# lib.mkOfflineRebuildTest: tests for someone's own configuration, one derivation for each strategy.
{
  nixpkgs, # source tree: a path in the store or a flake input
  system ? builtins.currentSystem,
  pkgs ? import nixpkgs { inherit system; },
}:
{
  name,
  # A NixOS module in a file of its own: the machine evaluates it, too.
  base ? null,
  # Instead of `base`: { flake = self; host = "laptop"; }, a host of a flake.
  nixosConfiguration ? null,
  # name = ./module.nix, or name = { file; check ? null; rehearse ? null; title ? name; }.
  edits,
  strategies ? [ "keep-outputs" ],
  # How the base system comes onto the machine: cached-all or copied (hermetic), cached-packages
  # (real: the public cache has what no configuration changes).
  provision ? if network == "real" then "cached-packages" else "cached-all",
  # hermetic: in the Nix sandbox, from a cache made beforehand; real: outside of it (`.driver`).
  network ? "hermetic",
  # Rules as in a scenario's `claims`; without any, every edit has to rebuild with every strategy.
  claims ? null,
  # Seconds that one rebuild may take.
  patience ? 1800,
  # Memory and disks in MiB, and whether it has a boot loader: see settings.nix.
  machine ? { },
  # Hermetic: what the rebuilds with the network up need beyond what is found here.
  extraInputs ? (_pkgs: [ ]),
}:
let
  inherit (pkgs) lib;
  inherit (import ./provisions.nix) supported;

  settings = import ./settings.nix (machine // { inherit network; });
  host = nixosConfiguration;
  tree = if host == null then nixpkgs else import ./flake-host.nix { inherit pkgs; } host;
  evaluate = import ./evaluate.nix {
    inherit
      nixpkgs
      system
      settings
      host
      ;
  };

  modules = lib.mapAttrs (_: edit: if lib.isAttrs edit then edit else { file = edit; }) edits;
  baseFile =
    if host != null then
      ./empty.nix
    else if base == null then
      throw "mkOfflineRebuildTest: ${name} needs `base` or `nixosConfiguration`"
    else
      base;

  folder = import ./scenario.nix { inherit pkgs; } {
    inherit
      name
      strategies
      provision
      claims
      patience
      settings
      ;
    base = baseFile;
    edits = modules;
  };
  evaluated = evaluate [ baseFile ];

  test =
    strategy:
    import ./test-of.nix { inherit nixpkgs pkgs; } {
      name = "offline-rebuild-${name}-${strategy}";
      scenario = "${folder}/${name}";
      select.strategies = [ strategy ];
      inherit settings tree evaluated;
      sources = lib.optionals (host != null) (import ./flake-sources.nix [ host.flake ]);
      caches =
        if network == "real" then
          null
        else
          import ./caches.nix { inherit pkgs extraInputs; } {
            base = evaluated;
            edited = map (edit: evaluate [
              baseFile
              edit.file
            ]) (lib.attrValues modules);
          };
    };
in
assert lib.assertMsg (lib.elem provision supported.${network}) ''
  mkOfflineRebuildTest: ${name}: the network model ${network} cannot provide ${provision}, only ${lib.concatStringsSep ", " supported.${network}}'';
lib.genAttrs strategies test
