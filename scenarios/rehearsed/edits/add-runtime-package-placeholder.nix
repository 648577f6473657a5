# A rehearsal: another package that others of the system use at run time already.
{ pkgs, ... }:
{
  environment.systemPackages = [ pkgs.ncurses ];
}
