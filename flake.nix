{
  description = "Proves whether a NixOS machine can still rebuild after garbage collection, offline";

  inputs.nixpkgs.url = "nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      # Those whose tests a builder of the same kind can run under KVM.
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      each = lib.genAttrs systems;
      ours =
        system:
        import ./default.nix {
          inherit system;
          nixpkgs = nixpkgs.outPath;
          pkgs = nixpkgs.legacyPackages.${system};
        };
    in
    {
      packages = each (system: {
        default = (ours system).app;
      });
      apps = each (system: {
        default = {
          type = "app";
          program = lib.getExe self.packages.${system}.default;
        };
      });
      checks = each (system: (ours system).checks);
      legacyPackages = each (system: {
        inherit (ours system) matrix;
      });
      hydraJobs = each (system: (ours system).matrix);

      nixosModules.default = ./harness/systems/nixos/nix/rehearsal.nix;

      lib.mkOfflineRebuildTest =
        { system, ... }@test: (ours system).lib.mkOfflineRebuildTest (removeAttrs test [ "system" ]);
    };
}
