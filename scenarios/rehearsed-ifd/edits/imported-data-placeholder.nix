# Rehearses the imported data: another table.
{ lib, ... }:
{
  environment.etc."sites.csv".text =
    lib.mkForce "address,name\n10.1.0.1,site-a.example\n192.0.2.1,placeholder.example\n";
}
