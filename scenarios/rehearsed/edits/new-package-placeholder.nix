# A rehearsal that does not help: the source of one package is not that of another.
{ pkgs, ... }:
{
  environment.systemPackages = [ pkgs.figlet ];
}
