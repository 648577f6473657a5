# lib.mkOfflineRebuildTest: tests for someone's own configuration, one derivation for each strategy.
{
  nixpkgs, # source tree: a path or a flake input
  system ? builtins.currentSystem,
  pkgs ? import nixpkgs { inherit system; },
}:
{
  name,
  # A NixOS module in a file of its own: the machine evaluates it, too.
  base ? null,
  # Instead of `base`: { flake = self; host = "laptop"; }, a host of a flake.
  nixosConfiguration ? null,
  # name = ./module.nix, or name = { file; check ? null; title ? name; }.
  edits,
  strategies ? [ "keep-outputs-realised" ],
  provision ? if network == "real" then "cached-packages" else "cached-all",
  network ? "hermetic",
  # Rules as in a scenario's `claims`; without any, every edit has to rebuild with every strategy.
  claims ? null,
  # Seconds that one rebuild may take.
  patience ? 1800,
  # Memory and disks in MiB; see settings.nix.
  machine ? { },
  # Hermetic: what the rebuilds with the network up need beyond what is found here.
  extraInputs ? (_pkgs: [ ]),
}:
let
  inherit (pkgs) lib;

  settings = import ./settings.nix (machine // { inherit network; });
  host = nixosConfiguration;
  tree = if host == null then nixpkgs else import ./flake-host.nix { inherit pkgs; } host;

  modules = lib.mapAttrs (_: edit: if lib.isAttrs edit then edit else { file = edit; }) edits;
  baseFile =
    if host != null then
      builtins.toFile "base.nix" "{ }"
    else if base == null then
      throw "mkOfflineRebuildTest: ${name} needs `base` or `nixosConfiguration`"
    else
      base;

  scenario = import ./scenario.nix { inherit pkgs; } {
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

  # The configurations as the machine will evaluate them, for the cache.
  evaluated =
    further:
    import "${tree}/nixos" {
      inherit system;
      configuration.imports = [
        (import ./guest.nix settings)
        baseFile
      ]
      ++ further;
    };
  caches =
    if network == "real" then
      null
    else
      import ./caches.nix { inherit pkgs extraInputs; } {
        base = evaluated [ ];
        edited = map (edit: evaluated [ edit.file ]) (lib.attrValues modules);
      };

  job =
    strategy:
    pkgs.writeText "job.json" (
      builtins.toJSON {
        inherit settings;
        scenario = "${scenario}/${name}";
        tree = "${tree}";
        strategies = [ strategy ];
        published = if caches == null then "" else "${(evaluated [ ]).system}";
        guest = "${./guest.nix}";
      }
    );

  test =
    strategy:
    (import "${nixpkgs}/nixos/lib" { inherit lib; }).runTest {
      imports = [
        (import ./test.nix {
          inherit settings caches;
          nixpkgs = tree;
          sources = lib.optionals (host != null) (import ./flake-sources.nix [ host.flake ]);
          job = job strategy;
        })
      ];
      name = "offline-rebuild-${name}-${strategy}";
      hostPkgs = pkgs;
      node.pkgs = pkgs;
    };
in
lib.genAttrs strategies test
