"""The pocket system's module system: values, priorities, and errors that name the file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.process import ProcessError, run
from harness.systems.pocket.system import SHIPPED

pytestmark = pytest.mark.skipif(
    shutil.which("nix-instantiate") is None, reason="Nix is not installed on this host"
)

OPTIONS = """
{ lib, config, ... }: {
  options = {
    name = lib.mkOption { type = lib.types.str; default = "nobody"; };
    port = lib.mkOption { type = lib.types.port; default = 22; };
    on = lib.mkEnableOption "it";
    lines = lib.mkOption { type = lib.types.lines; default = ""; };
    list = lib.mkOption { type = lib.types.listOf lib.types.int; default = [ ]; };
    maybe = lib.mkOption { type = lib.types.nullOr lib.types.str; default = null; };
    needed = lib.mkOption { type = lib.types.str; };
    set = lib.mkOption { type = lib.types.attrsOf lib.types.int; default = { }; };
    files = lib.mkOption {
      default = { };
      type = lib.types.attrsOf (lib.types.submodule ({ name, config, lib, ... }: {
        options.text = lib.mkOption { type = lib.types.str; };
        options.target = lib.mkOption { type = lib.types.str; default = "/${name}"; };
        options.length = lib.mkOption { type = lib.types.int; };
        config.length = builtins.stringLength config.text;
      }));
    };
  };
}
"""


def evaluate(tmp_path: Path, what: str, *modules: str) -> object:
    files = []
    for number, text in enumerate((OPTIONS, *modules)):
        files.append(tmp_path / f"module-{number}.nix")
        files[-1].write_text(text)
    lib = SHIPPED / "tree" / "lib"
    expression = (
        f"let lib = import {lib}; in with lib.evalModules {{ modules = [ "
        f"{' '.join(map(str, files))} ]; }}; {what}"
    )
    words = ["nix-instantiate", "--eval", "--strict", "--json", "--store", "dummy://", "-E"]
    value: object = json.loads(run([*words, expression]).stdout)
    return value


def refused(tmp_path: Path, what: str, *modules: str) -> str:
    with pytest.raises(ProcessError) as caught:
        evaluate(tmp_path, what, *modules)
    return str(caught.value)


FORCED = '{ lib, ... }: { name = lib.mkForce "b"; }'
DEFAULT = '{ lib, ... }: { name = lib.mkDefault "a"; }'
BEFORE = "{ lib, ... }: { list = lib.mkBefore [ 2 ]; }"
MERGED = "{ lib, ... }: lib.mkMerge [ { set.a = 1; } { set.b = 2; } ]"
WHEN_ON = '{ config, lib, ... }: { config = lib.mkIf config.on { name = "on"; }; }'
TWICE = "{ imports = [ ./module-2.nix ]; }"


@pytest.mark.parametrize(
    ("what", "modules", "value"),
    [
        ("config.name", [], "nobody"),
        ("config.name", ['{ name = "a"; }'], "a"),
        ("config.name", ['{ name = "a"; }', FORCED], "b"),
        ("config.name", [DEFAULT, '{ name = "b"; }'], "b"),
        ("config.name", ['{ name = "a"; }', '{ name = "a"; }'], "a"),
        ("config.name", [WHEN_ON, "{ on = true; }"], "on"),
        ("config.list", ["{ list = [ 1 ]; }", "{ list = [ 2 ]; }"], [1, 2]),
        ("config.list", ["{ list = [ 1 ]; }", BEFORE], [2, 1]),
        ("config.list", ["{ imports = [ { list = [ 1 ]; } ]; list = [ 2 ]; }"], [2, 1]),
        ("config.list", [TWICE, "{ list = [ 1 ]; }"], [1]),
        ("config.lines", ['{ lines = "a"; }', '{ lines = "b"; }'], "a\nb"),
        ("config.set", ["{ set.a = 1; }", "{ set.b = 2; }"], {"a": 1, "b": 2}),
        ("config.set", ["{ lib, ... }: { set.a = lib.mkIf false 1; }"], {}),
        ("config.set", [MERGED], {"a": 1, "b": 2}),
        ("config.maybe", ['{ maybe = "x"; }'], "x"),
        ("config.port", ["{ port = 2222; }"], 2222),
        (
            "config.files",
            ['{ files.a.text = "xyz"; }', '{ files.a.target = "/else"; }'],
            {"a": {"text": "xyz", "target": "/else", "length": 3}},
        ),
    ],
)
def test_value(tmp_path: Path, what: str, modules: list[str], value: object) -> None:
    assert evaluate(tmp_path, what, *modules) == value


@pytest.mark.parametrize(
    ("module", "complaint"),
    [
        ("{ nam = 1; }", "option `nam' does not exist"),
        ('{ files.a.txt = "x"; }', "option `files.a.txt' does not exist"),
        ("{ set = 1; }", "option `set' is not of type"),
        ("{ name = 1; }", "option `name' is not of type `string'"),
        ("{ port = 70000; }", "option `port' is not of type"),
        ("{ list = [ true ]; }", "is not of type `signed integer'"),
        ('{ name = "a"; imports = [ { name = "b"; } ]; }', "option `name' has conflicting"),
        ("{ config = { }; name = 1; }", "has an unsupported attribute `name'"),
        ("1", "is neither a set nor a function"),
        ("{ lib, ... }: { options.name = lib.mkOption { }; }", "option `name'"),
    ],
)
def test_refused_with_the_file(tmp_path: Path, module: str, complaint: str) -> None:
    said = refused(tmp_path, 'removeAttrs config [ "needed" ]', module)
    assert complaint in said
    assert "module-1.nix" in said


def test_a_needed_option(tmp_path: Path) -> None:
    assert "option `needed' is used but not defined" in refused(tmp_path, "config.needed")


def test_unknown_options_are_found_when_others_are_read(tmp_path: Path) -> None:
    assert "`misspelt'" in refused(tmp_path, "config.port", "{ misspelt = true; }")
