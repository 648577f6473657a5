# Every package, as a function of the final package set, so that overlays reach all of them.
{ lib, seed }:
final:
let
  callPackage = lib.callPackageWith (final // { inherit lib; });
  bootstrap = import ./bootstrap { inherit (final) system; inherit seed; };
  trivial = import ./build-support/trivial-builders.nix { inherit lib; pkgs = final; };
in
{
  inherit lib callPackage;
  pkgs = final;
  system = "x86_64-linux";

  # What everything is made from
  inherit (bootstrap) fetchurl busyboxSeed seedArchive bootstrapTools busybox musl tinycc;
  stdenv = import ./stdenv {
    inherit lib;
    inherit (final) system busybox busyboxSeed;
    cc = final.tinycc;
  };
  stdenvNoCC = final.stdenv.override { cc = null; };
  runtimeShell = "${final.busybox}/bin/sh";

  # Builders
  inherit (trivial)
    runCommand runCommandLocal runCommandCC writeTextFile writeText writeScript writeShellScript
    writeScriptBin writeShellScriptBin writeShellApplication concatText symlinkJoin;
  buildEnv = callPackage ./build-support/buildenv.nix { };
  buildEnvTool = callPackage ./build-support/buildenv-tool { };
  closureInfo = callPackage ./build-support/closure-info.nix { };
  fetchzip = callPackage ./build-support/fetchzip.nix { };
  makeInitrd = callPackage ./build-support/make-initrd { };
  makeWrapper = callPackage ./build-support/make-wrapper { };

  # Libraries and programs
  cowsay = callPackage ./by-name/cowsay.nix { };
  figlet = callPackage ./by-name/figlet.nix { };
  file = callPackage ./by-name/file.nix { };
  hello = callPackage ./by-name/hello { };
  hostctl = callPackage ./by-name/hostctl.nix { };
  jq = callPackage ./by-name/jq.nix { };
  linux = callPackage ./by-name/linux.nix { };
  miller = callPackage ./by-name/miller.nix { };
  nano = callPackage ./by-name/nano.nix { };
  ncurses = callPackage ./by-name/ncurses.nix { };
  openssh = callPackage ./by-name/openssh.nix { };
  shellcheck = callPackage ./by-name/shellcheck.nix { };
  sshd-lint = callPackage ./by-name/sshd-lint.nix { };
  wget = callPackage ./by-name/wget.nix { };
  zlib = callPackage ./by-name/zlib.nix { };

  # What the public cache has: every package with all outputs, the tools and the sources. Nothing
  # here depends on a machine's configuration.
  publish =
    let
      packages = with final; [
        cowsay figlet file hello hostctl jq linux miller nano ncurses openssh shellcheck sshd-lint wget zlib
      ];
      tools = with final; [
        stdenv stdenvNoCC bootstrapTools busybox musl tinycc buildEnvTool makeInitrd makeWrapper
        busyboxSeed seedArchive
      ];
      outputs = package: map (output: package.${output}) (package.outputs or [ "out" ]);
      sources = map (package: package.src) (builtins.filter (package: package ? src) packages);
    in
    lib.concatMap outputs (packages ++ tools) ++ sources;
}
