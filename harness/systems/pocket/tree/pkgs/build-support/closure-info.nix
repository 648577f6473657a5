# The paths of a closure with what the Nix database knows of them (nixpkgs,
# pkgs/build-support/closure-info.nix). As there, it needs jq, which need not be in that closure.
{ stdenv, jq }:
{ rootPaths }:
derivation {
  name = "closure-info";
  inherit (stdenv) system;
  inherit stdenv;
  # Structured attributes alone record hashes and sizes; the shell reads them through jq.
  __structuredAttrs = true;
  exportReferencesGraph.closure = rootPaths;
  preferLocalBuild = true;
  builder = stdenv.shell;
  args = [
    "-euc"
    ''
      jq() { ${jq}/bin/jq "$@" < "$NIX_ATTRS_JSON_FILE"; }
      out=$(jq -r .outputs.out)
      mkdir "$out"
      jq -r '.closure | map(.narSize) | add' > "$out/total-nar-size"
      jq -r '.closure | map([.path, .narHash, .narSize, "", (.references | length)] + .references) | add | .[]' > "$out/registration"
      jq -r '.closure[].path' > "$out/store-paths"
    ''
  ];
}
