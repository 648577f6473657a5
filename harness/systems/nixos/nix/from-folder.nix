# Tests of a shipped scenario folder, one derivation for each of its strategies.
{
  nixpkgs,
  system,
  pkgs,
}:
{
  folder,
  # Nix cannot read the scenario file, so what it needs of it is told again (and checked in tests).
  edits,
  strategies,
  machine ? { },
}:
let
  inherit (pkgs) lib;
  name = baseNameOf folder;
  settings = import ./settings.nix machine;
  source = builtins.path {
    inherit name;
    path = folder;
  };
  evaluate = import ./evaluate.nix { inherit nixpkgs system settings; };
  evaluated = evaluate [ (folder + "/base.nix") ];
  caches = import ./caches.nix { inherit pkgs; } {
    base = evaluated;
    edited = map (edit: evaluate [
      (folder + "/base.nix")
      (folder + "/edits/${edit}.nix")
    ]) edits;
  };
  # The name of its folder is the scenario's name, and that of a store path is another.
  named = pkgs.runCommand "scenario" { } "mkdir $out && cp -r ${source} $out/${name}";
in
lib.genAttrs strategies (
  strategy:
  import ./test-of.nix { inherit nixpkgs pkgs; } {
    name = "offline-rebuild-${name}-${strategy}";
    scenario = "${named}/${name}";
    select = {
      strategies = [ strategy ];
      provisions = (import ./provisions.nix).supported.hermetic;
    };
    inherit settings evaluated caches;
  }
)
