# `wrapProgram`, for builders that list makeWrapper in their nativeBuildInputs (nixpkgs,
# pkgs/build-support/setup-hooks/make-wrapper.sh).
{ runCommand, runtimeShell }:
runCommand "make-wrapper" { hook = ./make-wrapper.sh; shell = runtimeShell; } ''
  mkdir -p $out/nix-support
  sed "s|@shell@|$shell|g" $hook > $out/nix-support/setup-hook
''
