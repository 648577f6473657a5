# A configuration whose evaluation imports from a derivation that needs nothing but what the system
# is built with, as system.replaceDependencies of NixOS does: a table becomes a Nix file by shell.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  sites = pkgs.runCommand "sites.nix"
    {
      table = config.environment.etc."sites".text;
      passAsFile = [ "table" ];
    }
    ''
      {
        echo "["
        while read -r address name; do
          echo "  { address = \"$address\"; name = \"$name\"; }"
        done < "$tablePath"
        echo "]"
      } > $out
    '';
in
{
  networking.hostName = "pocket";
  networking.hosts = lib.listToAttrs
    (map (site: lib.nameValuePair site.address [ site.name ]) (import sites));
  environment.etc."sites".text = "10.1.0.1 site-a.example\n";
  environment.systemPackages = [ pkgs.hello ];
}
