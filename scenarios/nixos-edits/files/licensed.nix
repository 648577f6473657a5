# nixpkgs#30609: what came by hand must stay.
pkgs:
pkgs.requireFile {
  name = "licensed.txt";
  sha256 = builtins.hashFile "sha256" ./licensed.txt;
  message = "Get the file from its vendor and add it with nix-prefetch-url file://...";
}
