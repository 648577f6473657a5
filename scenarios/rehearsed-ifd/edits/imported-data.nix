# The data that evaluation imports.
{ lib, ... }:
{
  environment.etc."sites.csv".text =
    lib.mkForce "address,name\n10.1.0.1,site-a.example\n10.2.0.1,site-b.example\n";
}
