# A unit of systemd changed.
{ lib, ... }:
{
  systemd.services.report.script = lib.mkForce "hello -g edited > /run/report";
}
