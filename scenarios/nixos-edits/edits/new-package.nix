# A package that neither the system nor its builds ever used.
{ pkgs, ... }:
{
  environment.systemPackages = [ pkgs.cowsay ];
}
