# What `harness run --tier nixos` builds: the driver of one scenario folder.
{
  nixpkgs,
  scenario, # path of the folder
  job, # path of a JSON file: { cells, network, machine, facts, timeout, base, edits, host }
  system ? builtins.currentSystem,
}:
let
  pkgs = import nixpkgs { inherit system; };
  inherit (pkgs) lib;
  wanted = builtins.fromJSON (builtins.readFile job);
  settings = import ./settings.nix (wanted.machine // { inherit (wanted) network; });

  host =
    if wanted.host == null then
      null
    else
      {
        flake = builtins.getFlake wanted.host.flake;
        host = wanted.host.name;
      };
  tree = if host == null then source else import ./flake-host.nix { inherit pkgs; } host;
  source = builtins.path {
    name = "nixpkgs";
    path = nixpkgs;
  };
  folder = builtins.path {
    name = baseNameOf scenario;
    path = scenario;
  };
  file = relative: /. + "${scenario}/${relative}";
  evaluate = import ./evaluate.nix {
    inherit system settings host;
    nixpkgs = source;
  };
  base = if host == null then file wanted.base else ./empty.nix;
  evaluated = evaluate [ base ];
in
import ./test-of.nix
  {
    inherit pkgs;
    nixpkgs = source;
  }
  {
    name = "offline-rebuild-${baseNameOf scenario}";
    # The name of its folder is the scenario's name, and that of a store path is another.
    scenario = "${
      pkgs.runCommand "scenario" { } ''
        mkdir $out
        cp -r ${folder} $out/${baseNameOf scenario}
        chmod -R u+w $out
        ${lib.optionalString (host != null) "cp ${base} $out/${baseNameOf scenario}/${wanted.base}"}
      ''
    }/${baseNameOf scenario}";
    inherit (wanted) cells facts timeout;
    inherit settings tree evaluated;
    sources = lib.optionals (host != null) (import ./flake-sources.nix [ host.flake ]);
    caches =
      if wanted.network == "real" then
        null
      else
        import ./caches.nix { inherit pkgs; } {
          base = evaluated;
          edited = map (edit: evaluate [
            base
            (file edit)
          ]) wanted.edits;
        };
  }
