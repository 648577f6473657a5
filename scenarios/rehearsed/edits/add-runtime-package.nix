# A package that others of the system use at run time already.
{ pkgs, ... }:
{
  environment.systemPackages = [ pkgs.zlib ];
}
