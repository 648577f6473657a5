# The data that evaluation imports.
{ lib, ... }:
{
  environment.etc."sites.json".text = lib.mkForce (builtins.toJSON {
    "10.1.0.1" = [ "site-a.example" ];
    "10.2.0.1" = [ "site-b.example" ];
  });
}
