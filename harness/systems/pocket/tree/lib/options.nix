# Declaring options, and the properties that definitions can carry (nixpkgs, lib/options.nix and
# lib/modules.nix).
lib:
let
  mkOverride = priority: content: { _type = "override"; inherit priority content; };
  mkOrder = priority: content: { _type = "order"; inherit priority content; };
in
{
  mkOption = declaration: declaration // { _type = "option"; };
  mkEnableOption = what: {
    _type = "option";
    default = false;
    example = true;
    description = "Whether to enable ${what}.";
    type = lib.types.bool;
  };
  isOption = x: x._type or null == "option";

  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkMerge = contents: { _type = "merge"; inherit contents; };
  inherit mkOverride mkOrder;
  mkOptionDefault = mkOverride 1500;
  mkDefault = mkOverride 1000;
  mkForce = mkOverride 50;
  mkBefore = mkOrder 500;
  mkAfter = mkOrder 1500;
}
