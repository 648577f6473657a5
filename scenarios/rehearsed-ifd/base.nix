# A configuration whose evaluation imports from a derivation: sites.json becomes a Nix file when it
# is built, and the system's hosts come from there.
{ config, pkgs, ... }:
let
  sites = pkgs.runCommand "sites.nix"
    {
      json = config.environment.etc."sites.json".text;
      passAsFile = [ "json" ];
      nativeBuildInputs = [ pkgs.jq ];
    }
    ''
      {
        echo "builtins.fromJSON '''"
        jq -S . "$jsonPath"
        echo "'''"
      } > $out
    '';
in
{
  networking.hostName = "pocket";
  networking.hosts = import sites;
  environment.etc."sites.json".text = builtins.toJSON { "10.1.0.1" = [ "site-a.example" ]; };
  environment.systemPackages = [ pkgs.hello ];

  # For whoever wants to keep it: no closure of the system holds it.
  system.build.sites = sites;
}
