# nixpkgs, nixos/modules/config/networking.nix and tasks/network-interfaces.nix. Differences: the
# host's own name is not in /etc/hosts, and hostctl checks the file when it is built.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.networking;
  line = address: names: lib.optionalString (names != [ ]) "${address} ${toString names}\n";
  hostName = types.strMatching "|[[:alnum:]]([[:alnum:]_-]{0,61}[[:alnum:]])?";
in
{
  options.networking = {
    hostName = mkOption {
      type = hostName // { name = "host name (RFC 1123 label)"; };
      default = "nixos";
    };
    hosts = mkOption {
      type = types.attrsOf (types.listOf types.str);
      default = { };
      example = { "192.168.0.2" = [ "fileserver.local" "nameserver.local" ]; };
      description = "Addresses and their names in /etc/hosts.";
    };
    extraHosts = mkOption {
      type = types.lines;
      default = "";
      example = "192.168.0.1 lanlocalhost";
      description = "Lines of /etc/hosts as they are.";
    };
  };

  config = {
    networking.hosts = {
      "127.0.0.1" = [ "localhost" ];
      "::1" = [ "localhost" ];
    };
    environment.etc = {
      hostname = lib.mkIf (cfg.hostName != "") { text = cfg.hostName + "\n"; };
      hosts.source = pkgs.runCommand "hosts"
        {
          text = lib.concatStrings (lib.mapAttrsToList line cfg.hosts);
          extra = cfg.extraHosts + "\n";
          passAsFile = [ "text" "extra" ];
          nativeBuildInputs = [ pkgs.hostctl ];
        }
        ''
          cp $textPath hosts
          cp $extraPath extraHosts
          hostctl hosts extraHosts > $out
        '';
    };
    system.activationScripts.hostname = lib.optionalString (cfg.hostName != "") ''
      read -r name </proc/sys/kernel/hostname
      [ "$name" = ${cfg.hostName} ] || hostname ${cfg.hostName}
    '';
  };
}
