# stdenv.mkDerivation (nixpkgs, pkgs/stdenv/generic/make-derivation.nix).
{ lib, stdenv }:
let
  # Dependencies contribute their `dev` output, whose propagated inputs name the others.
  devOutputs = map lib.getDev;

  makeFrom = rattrs:
    let
      # `mkDerivation (finalAttrs: { ... })` sees what overrideAttrs makes of it.
      attrs = rattrs (attrs // { finalPackage = package; });
      outputs = attrs.outputs or [ "out" ];
      name = attrs.name or "${attrs.pname}-${attrs.version}";

      inputs = builtins.removeAttrs attrs [ "passthru" "meta" ] // {
        inherit name stdenv outputs;
        inherit (stdenv) system;
        builder = stdenv.shell;
        args = [ "-euc" ''. "$stdenv/setup"; genericBuild'' ];
        nativeBuildInputs = devOutputs (attrs.nativeBuildInputs or [ ]);
        buildInputs = devOutputs (attrs.buildInputs or [ ]);
      };
      drv = derivation inputs;

      extra = passthru // {
        inherit name outputs passthru inputDerivation overrideAttrs;
        inherit stdenv;
        meta = attrs.meta or { };
      } // builtins.intersectAttrs { pname = 1; version = 1; src = 1; patches = 1; } attrs;
      passthru = attrs.passthru or { };

      overrideAttrs = change: makeFrom (final:
        let
          previous = rattrs final;
          changes = if builtins.isFunction change then change else _: change;
          once = changes previous;
          # A change of two arguments is (finalAttrs: previousAttrs: ...).
          changed = if builtins.isFunction once then changes final previous else once;
        in previous // changed);

      # An output that refers to every direct input: what `nix-shell` needs, in one path.
      inputDerivation = derivation (builtins.removeAttrs inputs [ "outputHash" "outputHashAlgo" "outputHashMode" ] // {
        name = "inputDerivation-${name}";
        outputs = [ "out" ];
        _derivation_original_builder = inputs.builder;
        _derivation_original_args = inputs.args;
        builder = stdenv.shell;
        args = [
          "-c"
          ''
            export > $out
            for var in ''${passAsFile-}; do
              eval "cat \"\''${''${var}Path}\"" >> $out
            done
          ''
        ];
      });

      output = name: drv.${name} // extra // { outputSpecified = true; } // siblings;
      siblings = lib.genAttrs outputs output;
      package = drv // extra // siblings;
    in package;
in
attrs: makeFrom (if builtins.isFunction attrs then attrs else _: attrs)
