# nixpkgs, nixos/modules/misc/assertions.nix; toplevel.nix acts on them.
{ lib, ... }:
{
  options.assertions = lib.mkOption {
    type = lib.types.listOf lib.types.unspecified;
    default = [ ];
    example = [ { assertion = false; message = "you can't enable this for that reason"; } ];
    description = "What must hold for the configuration to be built.";
  };
  options.warnings = lib.mkOption {
    type = lib.types.listOf lib.types.str;
    default = [ ];
    description = "What to tell whoever evaluates the configuration.";
  };
}
