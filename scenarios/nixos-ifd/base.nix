# A runtime dependency is replaced without a rebuild, which imports a derivation's output
# (nixpkgs, pkgs/build-support/replace-dependencies.nix; the option is called so since 24.11).
{ pkgs, ... }:
{
  networking.hostName = "small";
  environment.systemPackages = [ pkgs.hello ];
  system.replaceDependencies.replacements = [
    {
      original = pkgs.zlib;
      replacement = pkgs.zlib.overrideAttrs (old: {
        postFixup = (old.postFixup or "") + "# rebuilt";
      });
    }
  ];
}
