# A runtime dependency is replaced without a rebuild: the references of the system, of which Nix has
# to build a list first, are imported (nixpkgs, pkgs/build-support/replace-dependencies.nix). NixOS
# 24.05 has the same under other names (nixos/modules/system/activation/top-level.nix).
{ options, pkgs, ... }:
let
  old = pkgs.zlib;
  new = pkgs.zlib.overrideAttrs (before: {
    postFixup = (before.postFixup or "") + "# rebuilt";
  });
in
{
  networking.hostName = "small";
  environment.systemPackages = [ pkgs.hello ];
  system =
    if options.system ? replaceDependencies then
      {
        replaceDependencies.replacements = [
          {
            oldDependency = old;
            newDependency = new;
          }
        ];
      }
    else
      {
        replaceRuntimeDependencies = [
          {
            original = old;
            replacement = new;
          }
        ];
      };
}
