# nixpkgs, nixos/modules/services/networking/ssh/sshd.nix. Difference: what is validated is the file
# itself, by a program that only builds need (there: sshd -G, in system.checks).
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.openssh;
  show = value: if builtins.isBool value then (if value then "yes" else "no") else toString value;
  setting = name: value: lib.optionalString (value != null) "${name} ${show value}\n";
  text = lib.concatMapStrings (port: "Port ${toString port}\n") cfg.ports
    + lib.concatStrings (lib.mapAttrsToList setting cfg.settings)
    + cfg.extraConfig;

  validated = pkgs.runCommand "sshd_config-validated"
    { inherit text; passAsFile = [ "text" ]; nativeBuildInputs = [ pkgs.sshd-lint ]; }
    ''
      cp $textPath sshd_config
      sshd-lint sshd_config
      cp sshd_config $out
    '';
in
{
  options.services.openssh = {
    enable = lib.mkEnableOption "the OpenSSH secure shell daemon, which allows secure remote logins";
    package = mkOption { type = types.package; default = pkgs.openssh; };
    ports = mkOption { type = types.listOf types.port; default = [ 22 ]; };
    settings = mkOption {
      type = types.attrsOf (types.nullOr (types.oneOf [ types.bool types.int types.str ]));
      default = { };
      example = { PasswordAuthentication = false; PermitRootLogin = "no"; };
      description = "Configuration of sshd (sshd_config(5)).";
    };
    extraConfig = mkOption { type = types.lines; default = ""; };
  };

  config = {
    environment.systemPackages = lib.mkIf cfg.enable [ cfg.package ];
    environment.etc = lib.mkIf cfg.enable { "ssh/sshd_config".source = validated; };
    system.build = lib.mkIf cfg.enable { sshdConfig = validated; };
    system.activationScripts.sshd =
      if cfg.enable then ''
        # What ran last is known by the files that it was started with.
        program=${cfg.package}/bin/sshd
        known=
        settings=
        [ -s /run/sshd.command ] && read -r known _ settings </run/sshd.command
        if [ "$known" != "$program" ] || ! [ "$settings" -ef /etc/ssh/sshd_config ]; then
            stop_service sshd
            settings=$(readlink -f /etc/ssh/sshd_config)
            echo "$program -f $settings" >/run/sshd.command
        fi
        is_running sshd || "$program" -f "$settings"
      '' else "stop_service sshd\n";
  };
}
