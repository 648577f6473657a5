# nixpkgs, nixos/modules/virtualisation/qemu-vm.nix: options, and the machine's start script.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  cfg = config.virtualisation;
in
{
  options.virtualisation = {
    memorySize = option types.ints.positive 1024;
    cores = option types.ints.positive 1;
    diskSize = option (types.nullOr types.ints.positive) 1024;
    emptyDiskImages = option (types.listOf types.ints.positive) [ ];
    graphics = option types.bool true;
    useBootLoader = option types.bool false;
    useNixStoreImage = option types.bool false;
    mountHostNixStore = option types.bool (!cfg.useNixStoreImage && !cfg.useBootLoader);
    writableStore = option types.bool cfg.mountHostNixStore;
    writableStoreUseTmpfs = option types.bool true;
    sharedDirectories = option (types.attrsOf types.attrs) { };
    additionalPaths = option (types.listOf types.path) [ ];
    restrictNetwork = option types.bool false;
    qemu.networkingOptions = option (types.listOf types.str) [ ];
    qemu.options = option (types.listOf types.str) [ ];
  };

  config = {
    virtualisation.sharedDirectories.xchg.target = "/tmp/xchg";
    virtualisation.qemu.networkingOptions = [ "-net nic,netdev=user.0,model=virtio" ];
    system.build.vm = pkgs.runCommand "nixos-vm" {
      paths = map toString cfg.additionalPaths;
      inherit (config.system.build) toplevel;
    } "";
  };
}
