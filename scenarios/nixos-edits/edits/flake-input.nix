# A module from a flake by path; the registry is not asked (pete3n/nix-offline-iso#4).
{
  imports = [ (builtins.getFlake "path:${toString ../files/flake}").nixosModules.default ];
}
