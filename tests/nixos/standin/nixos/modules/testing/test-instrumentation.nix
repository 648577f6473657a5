# nixpkgs, nixos/modules/testing/test-instrumentation.nix: the driver's door.
{
  systemd.services.backdoor.wantedBy = [ "multi-user.target" ];
}
