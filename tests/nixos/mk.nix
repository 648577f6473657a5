# What the tests evaluate: the functions of the Nix files, on any nixpkgs.
{
  nixpkgs, # its path, as a string
  system ? "x86_64-linux",
}:
let
  files = ../../harness/systems/nixos/nix;
  scenarios = ../../scenarios;
  pkgs = import nixpkgs { inherit system; };
  mkOfflineRebuildTest = import (files + "/make-test.nix") { inherit nixpkgs system pkgs; };
  small = mkOfflineRebuildTest {
    # The example of the README.
    name = "small";
    base = scenarios + "/nixos-smoke/base.nix";
    edits.hosts = {
      file = scenarios + "/nixos-smoke/edits/hosts.nix";
      check = scenarios + "/nixos-smoke/checks/test_hosts.py";
      rehearse = scenarios + "/nixos-smoke/edits/hosts-placeholder.nix";
    };
    strategies = [
      "keep-outputs"
      "rehearsed"
    ];
  };
  with_ =
    changes:
    (mkOfflineRebuildTest (
      {
        name = "own";
        base = scenarios + "/nixos-smoke/base.nix";
        edits.hosts = scenarios + "/nixos-smoke/edits/hosts.nix";
        strategies = [ "rehearsed" ];
      }
      // changes
    )).rehearsed;
  project = import ../../default.nix { inherit nixpkgs system pkgs; };
  hosts = {
    outPath = toString ./flake;
    inputs.nixpkgs.outPath = nixpkgs;
    nixosConfigurations.laptop = import "${nixpkgs}/nixos/lib/eval-config.nix" {
      inherit system;
      modules = [
        {
          networking.hostName = "laptop";
          nixpkgs = { inherit pkgs; };
        }
      ];
    };
  };
  shipped = import (scenarios + "/nixos.nix");
  evaluate =
    machine: modules:
    (import (files + "/evaluate.nix") {
      inherit system;
      inherit nixpkgs;
      settings = import (files + "/settings.nix") machine;
    } modules).system;
  edited =
    folder: edit:
    (evaluate (shipped.${baseNameOf folder}.machine or { }) (
      [ (folder + "/base.nix") ] ++ (if edit == null then [ ] else [ (folder + "/edits/${edit}") ])
    )).drvPath;
in
{
  # Tests, as derivations.
  inherit small;
  real = with_ { network = "real"; };
  bootLoader = with_ { machine.bootLoader = true; };
  copied = with_ { provision = "copied"; };
  host = with_ {
    base = null;
    nixosConfiguration = {
      flake = hosts;
      host = "laptop";
    };
    network = "real";
  };
  matrix = project.matrix;
  inherit (project) package;
  smoke = project.checks.smoke;

  # What `harness run --tier nixos` builds.
  run =
    (import (files + "/run.nix") {
      inherit nixpkgs system;
      scenario = toString (scenarios + "/nixos-smoke");
      job = toString ./job.json;
    }).driver;

  # The flake, called as Nix calls it.
  flake =
    let
      outputs = (import ../../flake.nix).outputs {
        self = outputs;
        nixpkgs = {
          outPath = nixpkgs;
          inherit (pkgs) lib;
          legacyPackages.${system} = pkgs;
        };
      };
      own = outputs.lib.mkOfflineRebuildTest {
        inherit system;
        name = "own";
        base = scenarios + "/nixos-smoke/base.nix";
        edits.hosts = scenarios + "/nixos-smoke/edits/hosts.nix";
      };
    in
    {
      names = builtins.attrNames outputs;
      module = builtins.pathExists outputs.nixosModules.default;
      package = outputs.packages.${system}.default.drvPath;
      smoke = outputs.checks.${system}.smoke.drvPath;
      job = outputs.hydraJobs.${system}.nixos-smoke.rehearsed.drvPath;
      matrix = outputs.legacyPackages.${system}.matrix.nixos-smoke.rehearsed.drvPath;
      own = own.keep-outputs.drvPath;
      program = builtins.isString outputs.apps.${system}.default.program;
    };

  # Refused.
  built = with_ { provision = "built"; };
  neither = with_ { base = null; };
  misspelt = with_ { base = ./misspelt.nix; };
  notARealSetting = with_ { machine.memorySize = 4096; };

  # What the machine is like.
  machine =
    let
      own = (small.rehearsed.config.nodes).machine;
    in
    {
      inherit (own.virtualisation)
        sharedDirectories
        mountHostNixStore
        writableStoreUseTmpfs
        useNixStoreImage
        ;
      inherit (own.virtualisation.qemu) options networkingOptions;
      inherit (own.nix.settings) substituters hashed-mirrors;
      inherit (own.systemd.services.backdoor) restartIfChanged;
      references = small.rehearsed.config.includeTestScriptReferences;
      switch = own.system.switch.enable;
      network = own.networking.interfaces.eth1.ipv4.addresses;
    };
  supported = (import (files + "/provisions.nix")).supported;
  settings = import (files + "/settings.nix") { };
  shipped = builtins.mapAttrs (_: one: removeAttrs one [ "folder" ]) shipped;
  scenarioText =
    (import (files + "/scenario.nix") { inherit pkgs; } {
      name = "own";
      base = scenarios + "/nixos-smoke/base.nix";
      edits.hosts = {
        file = scenarios + "/nixos-smoke/edits/hosts.nix";
        check = scenarios + "/nixos-smoke/checks/test_hosts.py";
      };
      strategies = [ "rehearsed" ];
      provision = "cached-all";
      claims = null;
      patience = 900;
      settings = import (files + "/settings.nix") { };
    }).text;
  rehearsal =
    (import "${nixpkgs}/nixos" {
      inherit system;
      configuration = {
        imports = [
          (files + "/rehearsal.nix")
          ./host.nix
        ];
        system.offlineRebuild = {
          paths = [ pkgs.hello ];
          keepOutputs = true;
          flakeInputs.one.outPath = "${pkgs.curl}";
        };
      };
    }).config;

  # Every module of a scenario on its own: none and one edit.
  scenario =
    folder:
    builtins.mapAttrs (edit: _: edited folder edit) (builtins.readDir (folder + "/edits"))
    // {
      base = edited folder null;
    };
  inherit edited;
}
