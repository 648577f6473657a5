# What any configuration needs to run in the test's machine: its disks, its network, and the test
# driver's door.  The machine boots with it, and every configuration that is built in the machine
# imports it, so that switching between them leaves the machine itself alone.
#
# The settings (see settings.nix) come first, since the machine has them as a file.
settings:
{
  lib,
  modulesPath,
  pkgs,
  ...
}:
let
  inherit (lib) mkDefault mkForce mkIf;
  real = settings.network == "real";
in
{
  imports = [
    "${toString modulesPath}/virtualisation/qemu-vm.nix"
    # Without it the door would close at the first switch (nixpkgs, nixos/tests/nixos-rebuild-*.nix).
    "${toString modulesPath}/testing/test-instrumentation.nix"
  ];

  virtualisation = {
    memorySize = settings.memory;
    cores = settings.cores;
    diskSize = settings.disk;
    emptyDiskImages = [ settings.stick ];
    graphics = false;

    # The machine's own store on its own disk.  With the host's store in it, every path of the host
    # would look like garbage, and a rebuild might find what no real machine has.
    useBootLoader = settings.bootLoader;
    useNixStoreImage = !settings.bootLoader;
    writableStore = !settings.bootLoader;
    writableStoreUseTmpfs = false;

    # QEMU saves no state while a 9p share is mounted; files go through the shell instead.
    sharedDirectories = mkForce { };
    # The only network card is the one to the internet node, so there is one to cut.
    qemu.networkingOptions = mkForce [ ];
    # All disks become temporary overlays: checkpoints work whatever their format, and a machine
    # that is started again is a fresh one.
    qemu.options = [ "-snapshot" ];
  };

  boot.loader = {
    grub = {
      enable = mkForce settings.bootLoader;
      forceInstall = true;
    };
    # Of a host whose hardware is replaced, as `nixos-rebuild build-vm` does.
    systemd-boot.enable = mkForce false;
  };

  networking = {
    useDHCP = mkForce false;
    # The harness writes /etc/resolv.conf: losing the name server is part of an experiment.
    resolvconf.enable = mkForce false;
    interfaces.${settings.card} = {
      ipv4.addresses = mkForce [
        {
          address = settings.machineAddress;
          prefixLength = 24;
        }
      ];
      ipv6.addresses = mkForce [ ];
    };
    # All that leaves the machine passes the node, whose log is the witness.
    proxy = mkIf real {
      default = mkForce "http://${settings.internetAddress}:${toString settings.proxyPort}";
      noProxy = mkForce "localhost,127.0.0.1,cache.internet,${settings.internetAddress}";
    };
  };

  nix = {
    settings = {
      experimental-features = [
        "nix-command"
        "flakes"
      ];
      substituters = mkIf (!real) (mkForce [ "http://cache.internet" ]);
      # A cache that is made within a derivation has no secret key to be signed with.
      require-sigs = mkForce real;
      # What nixpkgs's own tests of offline rebuilds set; without it fixed outputs are looked for
      # at tarballs.nixos.org first.
      hashed-mirrors = mkIf (!real) (mkForce null);
    };
    # Strategies put their settings there (nix.conf(5): `!include` passes over a missing file).
    extraOptions = "!include /etc/nix/harness.conf";
  };

  # Off in tests by default (nixos/lib/testing/nixos-test-base.nix); here switching is the point.
  system.switch.enable = true;
  # A switch must not close the door through which it is commanded.
  systemd.services.backdoor = {
    restartIfChanged = false;
    stopIfChanged = false;
  };

  # The second disk, wherever it falls behind the root disk and the store's image.
  services.udev.extraRules = ''
    SUBSYSTEM=="block", KERNEL=="${settings.stickDevice}", SYMLINK+="stick"
  '';

  documentation.enable = mkDefault false;
  environment.systemPackages = [ pkgs.e2fsprogs ];
}
