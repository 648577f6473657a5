# nixpkgs, nixos/modules/system/activation/top-level.nix
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.system;

  # A link for each part; activation and switching learn here for which toplevel they are.
  buildCommand = ''
    mkdir -p $out/bin
    for script in activate bin/switch-to-configuration; do
      case $script in activate) source=$activate ;; *) source=$switchToConfiguration ;; esac
      sed "s|@out@|$out|g" $source > $out/$script
      chmod +x $out/$script
    done
    printf '#!%s\nexec %s/activate\n' ${pkgs.runtimeShell} $out > $out/init
    chmod +x $out/init
    ln -s $etc/etc $out/etc
    ln -s $path $out/sw
    ln -s $kernel/bzImage $out/kernel
    ln -s $modules $out/kernel-modules
    ln -s $initrd/initrd $out/initrd
    if [ -n "$bootspec" ]; then ln -s $bootspec $out/boot.json; fi
    printf %s "$kernelParams" > $out/kernel-params
    printf %s "$nixosVersion" > $out/nixos-version
    printf %s "$system" > $out/system
    cp $extraDependenciesPath $out/extra-dependencies
  '';

  baseSystem = pkgs.stdenvNoCC.mkDerivation {
    name = "nixos-system-${if config.networking.hostName == "" then "unnamed" else config.networking.hostName}-${cfg.stateVersion}";
    preferLocalBuild = true;
    allowSubstitutes = false;
    passAsFile = [ "extraDependencies" ];
    inherit buildCommand;
    inherit (cfg) path extraDependencies checks;
    inherit (cfg.build) activate switchToConfiguration etc kernel bootspec;
    inherit (cfg.build.kernel) modules;
    initrd = cfg.build.initialRamdisk;
    inherit (config.boot) kernelParams;
    nixosVersion = cfg.stateVersion;
  };

  failed = map (it: it.message) (lib.filter (it: !it.assertion) config.assertions);
  checkedSystem =
    if failed != [ ] then throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (message: "- ${message}") failed}"
    else lib.foldr (warning: system: builtins.trace "evaluation warning: ${warning}" system) baseSystem config.warnings;

  # Everything that it takes to build the system, as part of it (nixpkgs PR #195511). The context of
  # drvPath stands for the derivations and for all of their outputs.
  withBuildDependencies = checkedSystem.overrideAttrs (old: {
    buildClosure = pkgs.closureInfo { rootPaths = [ checkedSystem.drvPath ]; };
    buildCommand = old.buildCommand + "ln -s $buildClosure $out/build-closure\n";
  });
in
{
  options.system = {
    build = mkOption {
      type = types.attrsOf types.raw;
      default = { };
      description = "Derivations that make up the system.";
    };
    stateVersion = mkOption { type = types.str; default = "24.11"; };
    extraDependencies = mkOption {
      type = types.listOf types.pathInStore;
      default = [ ];
      description = "Store paths to be in the system's closure although nothing refers to them.";
    };
    checks = mkOption {
      type = types.listOf types.package;
      default = [ ];
      description = "Packages that are built with the system without being part of it.";
    };
    includeBuildDependencies = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the system's closure contains all that it takes to build it.";
    };
  };

  config.system.build.toplevel =
    if cfg.includeBuildDependencies then withBuildDependencies else checkedSystem;
}
