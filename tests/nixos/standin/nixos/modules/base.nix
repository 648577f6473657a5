# The options of NixOS that our files and the scenarios of real NixOS set, with their types.
# Each line names the file of nixpkgs that declares it (NixOS 24.11).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  strings = types.listOf types.str;
  addresses = option (types.listOf (
    types.submodule {
      options = {
        address = mkOption { type = types.str; };
        prefixLength = mkOption { type = types.int; };
      };
    }
  )) [ ];
  # pkgs/build-support/replace-dependencies.nix: imports what the system refers to.
  replaced =
    drv:
    let
      inherit (config.system.replaceDependencies) replacements;
      references = import (pkgs.runCommand "references.nix" { of = drv; } "").outPath;
    in
    if replacements == [ ] then drv else builtins.seq references drv;
in
{
  options = {
    # nixos/modules/misc/nixpkgs.nix
    nixpkgs.pkgs = option types.raw pkgs;
    # nixos/modules/system/boot/loader/grub/grub.nix
    boot.loader.grub = {
      enable = option types.bool true;
      forceInstall = option types.bool false;
      splashImage = option (types.nullOr types.path) "${pkgs.hello}/splash.png";
      useOSProber = option types.bool false;
      extraInstallCommands = option types.lines "";
    };
    # nixos/modules/system/boot/loader/systemd-boot/systemd-boot.nix
    boot.loader.systemd-boot.enable = option types.bool false;
    # nixos/modules/system/boot/loader/loader.nix
    boot.loader.timeout = option (types.nullOr types.int) 5;
    # nixos/modules/system/boot/kernel.nix
    boot.kernelParams = option strings [ ];
    boot.initrd.kernelModules = option strings [ ];
    # nixos/modules/tasks/filesystems.nix
    boot.initrd.supportedFilesystems = option strings [ ];

    # nixos/modules/tasks/network-interfaces.nix
    networking = {
      hostName = option types.str "nixos";
      useDHCP = option types.bool true;
      nameservers = option strings [ ];
      defaultGateway = option (types.nullOr types.attrs) null;
      interfaces = option (types.attrsOf (
        types.submodule {
          options = {
            ipv4.addresses = addresses;
            ipv6.addresses = addresses;
          };
        }
      )) { };
      # nixos/modules/config/resolvconf.nix
      resolvconf.enable = option types.bool true;
      # nixos/modules/config/networking.nix
      extraHosts = option types.lines "";
      proxy.default = option (types.nullOr types.str) null;
      proxy.noProxy = option (types.nullOr types.str) null;
      # nixos/modules/services/networking/firewall.nix
      firewall.enable = option types.bool true;
      # nixos/modules/services/networking/wireguard.nix
      wireguard.interfaces = option types.attrs { };
    };

    # nixos/modules/config/nix.nix, nixos/modules/services/system/nix-daemon.nix
    nix = {
      package = option types.package pkgs.nix;
      extraOptions = option types.lines "";
      settings = {
        experimental-features = option strings [ ];
        substituters = option strings [ ];
        require-sigs = option types.bool true;
        hashed-mirrors = option (types.nullOr types.str) "";
        keep-outputs = option types.bool false;
        keep-derivations = option types.bool true;
      };
    };

    # nixos/modules/system/activation/switchable-system.nix
    system.switch.enable = option types.bool true;
    # nixos/modules/system/activation/top-level.nix
    system.extraDependencies = option (types.listOf types.pathInStore) [ ];
    system.includeBuildDependencies = option types.bool false;
    # nixos/modules/system/build.nix
    system.build = option types.attrs { };
    # nixos/modules/config/system-path.nix
    system.path = option types.package (pkgs.runCommand "system-path" { } "");
    # nixos/modules/system/activation/top-level.nix (24.11)
    system.replaceDependencies.replacements = option (types.listOf (
      types.submodule {
        options = {
          oldDependency = mkOption { type = types.package; };
          newDependency = mkOption { type = types.package; };
        };
      }
    )) [ ];
    # nixos/modules/system/activation/specialisation.nix
    specialisation = option types.attrs { };

    # nixos/modules/system/boot/systemd.nix, nixos/lib/systemd-unit-options.nix
    systemd.services = option (types.attrsOf (
      types.submodule {
        options = {
          description = option types.str "";
          wantedBy = option strings [ ];
          wants = option strings [ ];
          after = option strings [ ];
          path = option (types.listOf types.package) [ ];
          script = option types.lines "";
          serviceConfig = option types.attrs { };
          restartIfChanged = option types.bool true;
          stopIfChanged = option types.bool true;
        };
      }
    )) { };
    systemd.units = option types.attrs { };
    # nixos/modules/system/boot/systemd/tmpfiles.nix
    systemd.tmpfiles.rules = option strings [ ];
    # nixos/modules/services/hardware/udev.nix
    services.udev.extraRules = option types.lines "";
    # nixos/modules/services/networking/{ssh/sshd,dnsmasq}.nix
    services.openssh.enable = option types.bool false;
    services.dnsmasq.enable = option types.bool false;
    services.dnsmasq.settings = {
      server = option strings [ ];
      address = option strings [ ];
    };

    # nixos/modules/misc/documentation.nix
    documentation.enable = option types.bool true;
    documentation.nixos.enable = option types.bool true;
    # nixos/modules/config/system-path.nix, nixos/modules/system/etc/etc.nix
    environment.systemPackages = option (types.listOf types.package) [ ];
    environment.etc = option (types.attrsOf types.attrs) { };
    # nixos/modules/config/users-groups.nix
    users.users = option (types.attrsOf types.attrs) { };
  };

  # nixos/modules/system/activation/top-level.nix: made of all that was defined.
  config.system.build.toplevel = replaced (pkgs.runCommand "nixos-system-${config.networking.hostName}" {
    configuration = builtins.toJSON (
      removeAttrs config [
        "system"
        "nix"
        "virtualisation"
        "environment"
        "nixpkgs"
      ]
      // {
        inherit (config.environment) etc;
      }
    );
    packages = config.environment.systemPackages ++ config.system.extraDependencies;
  } "");
}
