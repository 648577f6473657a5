# The file that came by hand, used once more (nixpkgs#30609).
{ pkgs, ... }:
{
  environment.etc."licensed-copy".source = import ../files/licensed.nix pkgs;
}
