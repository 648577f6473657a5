# A test for nixos/lib's runTest: the machine, its internet, and the engine in the driver's process.
{
  settings,
  nixpkgs,
  sources ? [ ],
  job, # a JSON file for harness.testscript
  caches ? null,
  timeout ? 6 * 60 * 60, # seconds for everything; the framework's own default is one hour
}:
{ hostPkgs, ... }:
let
  harnessOf = pythonPackages: pythonPackages.callPackage ./package.nix { };
in
{
  nodes = {
    machine = import ./machine.nix { inherit settings nixpkgs sources; };
    internet = import ./internet.nix {
      inherit settings caches;
      harness = harnessOf hostPkgs.python3Packages;
    };
  };

  extraPythonPackages = pythonPackages: [ (harnessOf pythonPackages) ];
  # The type checker knows nothing of extra packages (nixos/lib/testing/driver.nix).
  skipTypeCheck = true;
  globalTimeout = timeout;
  # The script names the published system and the caches: with a store image, all that it names
  # would lie in the machine's store from the start (nixos/lib/testing/testScript.nix).
  includeTestScriptReferences = false;

  testScript = ''
    from harness.testscript import run

    run(machine, internet, "${job}", ${toString timeout})
  '';
}
