# One tree of links to the parts of several packages (nixpkgs, pkgs/build-support/buildenv; the
# work is done there by a Perl script, here by a C program: tools that only builds need).
{ runCommandLocal, buildEnvTool }:
{ name, paths, pathsToLink ? [ "/" ], postBuild ? "" }:
runCommandLocal name
{ inherit paths pathsToLink postBuild; nativeBuildInputs = [ buildEnvTool ]; }
''
  build-env "$out" $pathsToLink -- $paths
  eval "$postBuild"
''
