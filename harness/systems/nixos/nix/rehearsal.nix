# nixosModules.default: what a rehearsal found, kept with the system.
{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkIf mkMerge mkOption types;
  cfg = config.system.offlineRebuild;
in
{
  options.system.offlineRebuild = {
    paths = mkOption {
      type = types.listOf types.pathInStore;
      default = [ ];
      example = lib.literalExpression "import ./rehearsed.nix";
      description = ''
        Store paths that offline rebuilds need, as `harness rehearse` found them.  They become part
        of the system's closure, so that no collection takes them and every copy has them.
      '';
    };
    keepOutputs = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether collections keep what was realised on this machine for live derivations
        (`keep-outputs` and `keep-derivations` of nix.conf).  What came from a cache never brought
        its build inputs along, so alone this covers few changes.
      '';
    };
    flakeInputs = mkOption {
      type = types.attrsOf types.raw;
      default = { };
      example = lib.literalExpression "inputs";
      description = ''
        Inputs of the flake that the system is built from: evaluation needs their sources again
        after a collection (NixOS/nix#6895).  Inputs of inputs are kept as well.
      '';
    };
  };

  config = mkMerge [
    (mkIf (cfg.paths != [ ]) { system.extraDependencies = cfg.paths; })
    (mkIf (cfg.flakeInputs != { }) {
      system.extraDependencies = import ./flake-sources.nix (lib.attrValues cfg.flakeInputs);
    })
    (mkIf cfg.keepOutputs {
      nix.settings = {
        keep-outputs = true;
        keep-derivations = true;
      };
    })
  ];
}
