# The internet: a second machine that serves the binary cache and answers for names, and whose log
# is the witness of the cut.
{
  settings,
  harness, # the Python package
  caches ? null, # { packages, systems }: folders of a binary cache; none when traffic is passed on
}:
{ lib, pkgs, ... }:
let
  python = pkgs.python3.withPackages (_: [ harness ]);
  options = [
    "--address"
    settings.internetAddress
  ]
  ++ lib.optionals (caches != null) [
    "--packages"
    "${caches.packages}"
    "--systems"
    "${caches.systems}"
  ]
  ++ lib.optionals (settings.network == "real") [ "--upstream" ];
in
{
  virtualisation = {
    memorySize = 1024;
    diskSize = 1024;
    graphics = false;
    # Nothing but the real network model may reach the world outside.
    restrictNetwork = settings.network != "real";
  };

  networking = {
    firewall.enable = false;
    interfaces.${settings.card}.ipv4.addresses = lib.mkForce [
      {
        address = settings.internetAddress;
        prefixLength = 24;
      }
    ];
  }
  // lib.optionalAttrs (settings.network == "real") {
    # The test framework gives nodes no way out (nixos/modules/testing/test-instrumentation.nix);
    # these are the gateway and the name server of QEMU's user network.
    defaultGateway = {
      address = "10.0.2.2";
      interface = "eth0";
    };
    nameservers = [ "10.0.2.3" ];
  };

  systemd.services.internet = {
    description = "The internet of an offline rebuild test";
    wantedBy = [ "multi-user.target" ];
    after = [ "network-online.target" ];
    wants = [ "network-online.target" ];
    serviceConfig = {
      Type = "notify";
      ExecStart = lib.escapeShellArgs (
        [
          "${python}/bin/python3"
          "-m"
          "harness.internet.node"
          "serve"
        ]
        ++ options
      );
    };
  };
  environment.systemPackages = [ python ];
}
