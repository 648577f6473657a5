# nixpkgs, nixos/lib/testing: runTest and the options of a test that we set.
{ lib, ... }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };

  test =
    { config, ... }:
    let
      pkgs = config.hostPkgs;
      node =
        name: configuration:
        (import ../evaluate.nix { inherit pkgs; } [
          ../modules/virtualisation/qemu-vm.nix
          ../modules/testing/test-instrumentation.nix
          configuration
        ]).config;
      nodes = lib.mapAttrs node config.nodes;
      built = pkgs.runCommand "vm-test-run-${config.name}" {
        machines = lib.mapAttrsToList (_: machine: machine.system.build.vm) nodes;
        inherit (config) testScript;
        engine = config.extraPythonPackages pkgs.python3Packages;
      } "";
    in
    {
      options = {
        name = mkOption { type = types.str; };
        # nixos/lib/testing/nodes.nix
        nodes = option (types.attrsOf types.raw) { };
        node.pkgs = option (types.nullOr types.raw) null;
        # nixos/lib/testing/driver.nix
        hostPkgs = mkOption { type = types.raw; };
        extraPythonPackages = option types.raw (_: [ ]);
        skipTypeCheck = option types.bool false;
        globalTimeout = option types.int 3600;
        # nixos/lib/testing/testScript.nix
        testScript = mkOption { type = types.lines; };
        includeTestScriptReferences = option types.bool true;
        result = option types.raw null;
      };
      config.result = built // {
        driver = built;
        config = config // {
          inherit nodes;
        };
      };
    };
in
{
  runTest =
    module:
    (lib.evalModules {
      modules = [
        test
        (
          let
            given = removeAttrs module [ "hostPkgs" ];
          in
          { inherit (module) hostPkgs; imports = [ given ]; }
        )
      ];
      specialArgs = { inherit (module) hostPkgs; };
    }).config.result;
}
