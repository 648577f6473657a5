# A scenario folder, as the harness reads it, from Nix values.
{ pkgs }:
{
  name,
  base,
  edits,
  strategies,
  provision,
  claims,
  patience,
  settings,
}:
let
  inherit (pkgs) lib;
  describe =
    edit: module:
    {
      title = module.title or edit;
      file = "edits/${edit}.nix";
    }
    // lib.optionalAttrs (module.check or null != null) { check = "checks/test_${edit}.py"; }
    // lib.optionalAttrs (module.rehearse or null != null) {
      rehearse = "edits/${edit}-placeholder.nix";
    };
  everythingRebuilds = [
    { rebuilt = "all"; }
  ];
  text = builtins.toJSON {
    version = 1;
    title = name;
    system = "nixos";
    machine = { inherit (settings) memory cores disk; };
    inherit patience strategies;
    provisions = [ provision ];
    edits = lib.mapAttrs describe edits;
    claims = if claims == null then everythingRebuilds else claims;
  };
  copyEdit = edit: module: ''
    cp ${module.file} "$folder/edits/${edit}.nix"
    ${lib.optionalString (
      module.check or null != null
    ) ''cp ${module.check} "$folder/checks/test_${edit}.py"''}
    ${lib.optionalString (
      module.rehearse or null != null
    ) ''cp ${module.rehearse} "$folder/edits/${edit}-placeholder.nix"''}
  '';
in
# JSON is YAML; the name of its folder is a scenario's name.
pkgs.runCommand "scenario-${name}"
  {
    inherit text;
    passAsFile = [ "text" ];
  }
  ''
    folder="$out/${name}"
    mkdir -p "$folder/edits" "$folder/checks"
    cp "$textPath" "$folder/scenario.yaml"
    cp ${base} "$folder/base.nix"
    ${lib.concatStrings (lib.mapAttrsToList copyEdit edits)}
  ''
