# The harness as a Python package of nixpkgs; what only the embedded tier needs is left out.
{
  lib,
  buildPythonPackage,
  setuptools,
  jinja2,
  junit-xml,
  pytest,
  pytest-testinfra,
  pyyaml,
  rich,
}:
let
  project = ../../../..;
  wanted = [
    "README.md"
    "harness"
    "pyproject.toml"
    "scenarios"
    "tests"
  ];
in
buildPythonPackage {
  pname = "offline-rebuild-harness";
  version = (lib.importTOML (project + "/pyproject.toml")).project.version;
  format = "pyproject";

  src = builtins.path {
    name = "offline-rebuild-harness";
    path = project;
    filter =
      path: _type:
      let
        top = lib.head (lib.splitString "/" (lib.removePrefix "${toString project}/" (toString path)));
      in
      lib.elem top wanted && baseNameOf path != "__pycache__";
  };

  nativeBuildInputs = [ setuptools ];
  propagatedBuildInputs = [
    jinja2
    junit-xml
    pytest
    pytest-testinfra
    pyyaml
    rich
  ];

  # `harness run --tier nixos` builds the driver's copy of the harness from its sources.
  postInstall = ''
    mkdir -p $out/share
    cp -r $src $out/share/offline-rebuild-harness
  '';

  pythonImportsCheck = [ "harness.testscript" ];

  meta = {
    description = "Proves whether a machine can still rebuild after garbage collection, offline";
    license = lib.licenses.mit;
    mainProgram = "harness";
    platforms = lib.platforms.linux;
  };
}
