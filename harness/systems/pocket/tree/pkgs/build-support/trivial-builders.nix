# Small derivations (nixpkgs, pkgs/build-support/trivial-builders). As there, those that take less
# time to build than to look up in a cache are never substituted.
{ lib, pkgs }:
let
  local = { preferLocalBuild = true; allowSubstitutes = false; };
  runWith = stdenv: extra: name: env: buildCommand: stdenv.mkDerivation ({
    inherit name buildCommand;
    passAsFile = [ "buildCommand" ] ++ env.passAsFile or [ ];
  } // extra // builtins.removeAttrs env [ "passAsFile" ]);
in
rec {
  runCommand = name: env: runWith pkgs.stdenvNoCC { } name env;
  runCommandLocal = name: env: runWith pkgs.stdenvNoCC local name env;
  runCommandCC = name: env: runWith pkgs.stdenv { } name env;

  writeTextFile = { name, text, executable ? false, destination ? "", checkPhase ? "", nativeBuildInputs ? [ ] }:
    runCommandLocal name
      { inherit text executable destination checkPhase nativeBuildInputs; passAsFile = [ "text" ]; }
      ''
        target=$out$destination
        mkdir -p "''${target%/*}"
        cp "$textPath" "$target"
        if [ -n "$executable" ]; then chmod +x "$target"; fi
        eval "$checkPhase"
      '';
  writeText = name: text: writeTextFile { inherit name text; };
  writeScript = name: text: writeTextFile { inherit name text; executable = true; };
  writeScriptBin = name: text: writeTextFile {
    inherit name text;
    executable = true;
    destination = "/bin/${name}";
  };

  shellScript = text: "#!${pkgs.runtimeShell}\n${text}";
  dryRun = ''sh -n "$target"'';
  writeShellScript = name: text: writeTextFile {
    inherit name;
    text = shellScript text;
    executable = true;
    checkPhase = dryRun;
  };
  writeShellScriptBin = name: text: writeTextFile {
    inherit name;
    text = shellScript text;
    executable = true;
    destination = "/bin/${name}";
    checkPhase = dryRun;
  };
  writeShellApplication = { name, text, destination ? "/bin/${name}" }: writeTextFile {
    inherit name destination;
    text = shellScript "set -eu\n${text}";
    executable = true;
    nativeBuildInputs = [ pkgs.shellcheck ];
    checkPhase = "${dryRun}; shellcheck \"$target\"";
  };

  concatText = name: files: runCommand name { inherit files; } "cat $files > $out";

  # The files of several packages in one tree of links.
  symlinkJoin = { name, paths, nativeBuildInputs ? [ ], postBuild ? "" }:
    runCommandLocal name
      { inherit paths postBuild; nativeBuildInputs = nativeBuildInputs ++ [ pkgs.buildEnvTool ]; }
      ''
        build-env "$out" / -- $paths
        eval "$postBuild"
      '';
}
