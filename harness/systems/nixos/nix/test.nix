# A test for nixos/lib's runTest: the machine, its internet, and the engine in the driver's process.
{
  settings,
  nixpkgs,
  sources ? [ ],
  job, # a JSON file for harness.testscript
  caches ? null,
  timeout ? 6 * 60 * 60, # seconds for everything; the framework's own default is one hour
}:
{ config, hostPkgs, ... }:
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

  testScript = ''
    from harness.testscript import run

    run(machine, internet, "${job}", ${toString timeout})
  '';
}
