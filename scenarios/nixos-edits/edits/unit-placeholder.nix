# Another change of the unit, to rehearse.
{ lib, ... }:
{
  systemd.services.report.script = lib.mkForce "hello -g rehearsed > /run/report";
}
