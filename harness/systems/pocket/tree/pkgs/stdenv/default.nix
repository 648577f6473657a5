# The standard environment: `stdenv.mkDerivation` and the setup script that builders read
# (nixpkgs, pkgs/stdenv/generic).
{ lib, system, busybox, busyboxSeed, cc }:
let
  makeStdenv = args@{ cc, preHook ? "", setupScript ? ./setup.sh }:
    let
      # Made by the seed's shell, as in nixpkgs: nothing in a running system can make it again.
      environment = derivation {
        name = if cc == null then "stdenv-no-cc" else "stdenv";
        inherit system preHook setupScript;
        builder = "${busyboxSeed}/bin/sh";
        initialPath = [ busybox ] ++ lib.optional (cc != null) cc;
        args = [
          "-euc"
          ''
            mkdir $out
            {
              echo "initialPath='$initialPath'"
              cat $setupScript
              printf '%s\n' "$preHook"
            } > $out/setup
          ''
        ];
      };
      stdenv = environment // {
        inherit cc system preHook;
        shell = "${busybox}/bin/sh";
        mkDerivation = import ./make-derivation.nix { inherit lib; stdenv = environment // { inherit (stdenv) shell system; }; };
        override = changes: makeStdenv (args // (if builtins.isFunction changes then changes args else changes));
      };
    in stdenv;
in
makeStdenv { inherit cc; }
