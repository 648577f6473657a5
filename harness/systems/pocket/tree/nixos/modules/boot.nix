# nixpkgs, nixos/modules/system/boot/{kernel,stage-1}.nix and activation/bootspec.nix. The files are
# real, but the machine boots another kernel.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.boot;

  initialRamdisk = pkgs.runCommand "initrd"
    {
      inherit (pkgs.linux) modules;
      wanted = cfg.initrd.kernelModules;
      nativeBuildInputs = [ pkgs.makeInitrd ];
    }
    ''
      # The wanted modules and those that they depend on; modules.dep lists the latter first.
      folder=$(echo $modules/lib/modules/*)
      needed=
      for name in $wanted; do
        found=$(grep "^$name.ko:" $folder/modules.dep) || { echo "no module $name" >&2; exit 1; }
        for file in ''${found#*:} ''${found%%:*}; do
          case " $needed " in *" $file "*) ;; *) needed="$needed $file" ;; esac
        done
      done
      echo $needed > load-order
      mkdir $out
      make-initrd etc/modules=load-order $(for file in $needed; do echo "lib/modules/$file=$folder/$file"; done) \
        > $out/initrd
    '';

  # In NixOS the toplevel's own build runs jq; here boot.json is a derivation of its own.
  bootspec = pkgs.runCommand "boot.json" { nativeBuildInputs = [ pkgs.jq ]; } ''
    jq -n -S --arg kernel ${pkgs.linux}/bzImage --arg initrd ${initialRamdisk}/initrd \
      --arg params ${lib.escapeShellArg (toString cfg.kernelParams)} \
      '{"org.nixos.bootspec.v1": {kernel: $kernel, initrd: $initrd, kernelParams: $params,
        system: "${pkgs.system}"}}' > $out
  '';
in
{
  options.boot = {
    initrd.kernelModules = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Modules that stage 1 always loads.";
    };
    kernelParams = mkOption {
      type = types.listOf (types.strMatching ''([^"[:space:]]|"[^"]*")+'' // {
        name = "string, with spaces inside double quotes";
      });
      default = [ ];
      description = "Parameters on the kernel's command line.";
    };
    bootspec.enable = lib.mkEnableOption "the generation of a boot.json" // { default = true; };
  };

  config.system.build = {
    inherit initialRamdisk;
    kernel = pkgs.linux;
    bootspec = if cfg.bootspec.enable then bootspec else null;
  };
}
