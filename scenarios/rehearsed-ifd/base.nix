# A configuration whose evaluation imports from a derivation: a table becomes a Nix file when that
# is built, by a tool that nothing else needs, and the system's hosts come from there.
{ config, lib, pkgs, ... }:
let
  sites = pkgs.runCommand "sites.nix"
    {
      table = config.environment.etc."sites.csv".text;
      passAsFile = [ "table" ];
      nativeBuildInputs = [ pkgs.miller ];
    }
    ''
      {
        echo "builtins.fromJSON '''"
        mlr --icsv --ojson cat "$tablePath"
        echo "'''"
      } > $out
    '';
in
{
  networking.hostName = "pocket";
  networking.hosts = lib.listToAttrs
    (map (site: lib.nameValuePair site.address [ site.name ]) (import sites));
  environment.etc."sites.csv".text = "address,name\n10.1.0.1,site-a.example\n";
  environment.systemPackages = [ pkgs.hello ];

  # For whoever wants to keep it: no closure of the system holds it.
  system.build.sites = sites;
}
