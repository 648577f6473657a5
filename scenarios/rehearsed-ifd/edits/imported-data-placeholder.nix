# A rehearsal: any other data to import.
{ lib, ... }:
{
  environment.etc."sites.json".text = lib.mkForce (builtins.toJSON {
    "192.0.2.1" = [ "placeholder.example" ];
  });
}
