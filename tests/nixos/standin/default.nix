# A stand-in for the little of nixpkgs that our Nix files call: `import nixpkgs { system; }`.
#
# Packages are derivations of nothing, under nixpkgs's names (pkgs/top-level/all-packages.nix); a
# name that is not listed here fails, as a name that nixpkgs does not have would.
{ system ? builtins.currentSystem, ... }:
let
  lib = import ./lib.nix;

  made =
    name: attributes:
    let
      drv = derivation (
        {
          inherit name system;
          builder = "/bin/sh";
        }
        // attributes
      );
      inputs = derivation {
        inherit name system;
        builder = "/bin/sh";
        of = drv.drvPath;
      };
    in
    drv
    // {
      inputDerivation = inputs;
      bin = drv;
      dev = drv;
      version = "0";
      meta = { };
    };
  package = name: made name { };

  named = lib.genAttrs [
    "bash"
    "bashInteractive"
    "coreutils-full"
    "cowsay"
    "curl"
    "e2fsprogs"
    "file"
    "findutils"
    "gnugrep"
    "gnused"
    "gnutar"
    "gzip"
    "hello"
    "iproute2"
    "jq"
    "kmod"
    "libxslt"
    "lndir"
    "makeWrapper"
    "nix"
    "nukeReferences"
    "perl"
    "procps"
    "shared-mime-info"
    "stdenvNoCC"
    "systemd"
    "texinfo"
    "util-linux"
  ] package;

  pythonPackages = lib.genAttrs [
    "hypothesis"
    "jinja2"
    "junit-xml"
    "junitparser"
    "pytest"
    "pytest-testinfra"
    "pyyaml"
    "rich"
    "setuptools"
  ] package;
in
lib.fix (
  pkgs:
  named
  // {
    inherit lib system;
    zlib = package "zlib" // {
      overrideAttrs = change: made "zlib" (change { });
    };
    # pkgs/build-support/trivial-builders
    writeText = name: text: made name { inherit text; };
    runCommand =
      name: env: script:
      made name ({ inherit script; } // env);
    linkFarm =
      name: entries:
      made name {
        links = map (entry: "${entry.name} ${entry.path}") entries;
      };
    symlinkJoin =
      {
        name,
        paths,
        postBuild,
      }:
      made name { inherit paths postBuild; };
    stdenv = package "stdenv" // {
      mkDerivation = env: made env.name (removeAttrs env [ "name" ]);
    };
    # pkgs/build-support/fetchrequirefile
    requireFile =
      {
        name,
        sha256,
        message,
      }:
      made name {
        inherit message;
        outputHash = sha256;
        outputHashAlgo = "sha256";
        outputHashMode = "flat";
      };
    # pkgs/build-support/binary-cache (23.05)
    mkBinaryCache = { rootPaths }: made "binary-cache" { inherit rootPaths; };
    python3 = {
      withPackages = select: made "python3-env" { packages = select pkgs.python3Packages; };
    };
    python3Packages = pythonPackages // {
      buildPythonPackage =
        {
          pname,
          version,
          format,
          src,
          nativeBuildInputs,
          propagatedBuildInputs,
          postInstall,
          pythonImportsCheck,
          meta,
        }:
        assert format == "pyproject";
        made "${pname}-${version}" {
          inherit
            src
            nativeBuildInputs
            propagatedBuildInputs
            postInstall
            pythonImportsCheck
            ;
        }
        // {
          inherit src meta;
        };
      toPythonApplication = drv: drv;
      callPackage = lib.callPackageWith (pkgs // pkgs.python3Packages);
    };
  }
)
