# A runtime dependency is replaced without a rebuild, which imports a derivation's output (nixpkgs,
# pkgs/build-support/replace-dependencies.nix). The option was system.replaceRuntimeDependencies in
# NixOS 24.05 (nixos/modules/system/activation/top-level.nix).
{ options, pkgs, ... }:
let
  replacements = [
    {
      original = pkgs.zlib;
      replacement = pkgs.zlib.overrideAttrs (old: {
        postFixup = (old.postFixup or "") + "# rebuilt";
      });
    }
  ];
in
{
  networking.hostName = "small";
  environment.systemPackages = [ pkgs.hello ];
  system =
    if options.system ? replaceDependencies then
      { replaceDependencies.replacements = replacements; }
    else
      { replaceRuntimeDependencies = replacements; };
}
