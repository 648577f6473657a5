# The test of one scenario folder with one selection of its cells, as a derivation that runs it;
# its `driver` attribute runs it outside of the Nix sandbox.
{
  nixpkgs, # sources of the test framework and of the machine's own system
  pkgs,
}:
{
  name,
  scenario, # the folder, in the store
  settings,
  select ? { }, # filters by dimension, as in a scenario's claims
  cells ? null, # the ids of the only cells to run; null: all that `select` admits
  tree ? nixpkgs, # what plays nixpkgs in the machine
  sources ? [ ],
  evaluated, # the base configuration, as `import <nixpkgs/nixos>` gives it
  caches ? null,
  facts ? { },
  timeout ? 6 * 60 * 60,
}:
let
  inherit (pkgs) lib;
  job = pkgs.writeText "job.json" (
    builtins.toJSON {
      inherit
        scenario
        select
        cells
        settings
        ;
      tree = "${tree}";
      published = lib.optionalString (caches != null) "${evaluated.system}";
      facts = {
        nixpkgs = lib.trivial.revisionWithDefault "unknown";
        nixos = lib.version;
        nix = evaluated.config.nix.package.version;
      }
      // facts;
    }
  );
in
(import "${nixpkgs}/nixos/lib" { inherit lib; }).runTest {
  inherit name;
  imports = [
    (import ./test.nix {
      inherit
        settings
        sources
        job
        caches
        timeout
        ;
      nixpkgs = tree;
    })
  ];
  hostPkgs = pkgs;
  node.pkgs = pkgs;
}
