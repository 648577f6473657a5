# A package that only builds used so far.
{ pkgs, ... }:
{
  environment.systemPackages = [ pkgs.jq ];
}
