"""The readers against the real thing: whatever Nix is installed, on a store of its own."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.nix.closure import (
    build_closure,
    changed_derivations,
    offline_rebuild,
    runtime_closure,
)
from harness.nix.database import read_database
from harness.nix.derivation import ENCODING, OutputKind, parse_derivation, write_derivation
from harness.nix.graph import load_graph, store_reader
from harness.process import Completed, ProcessError, run
from tests.nix.shown import assert_as_shown

pytestmark = pytest.mark.skipif(
    shutil.which("nix-instantiate") is None, reason="Nix is not installed on this host"
)

EXPRESSION = r"""
{ text ? "base", fetcher ? "fetcher" }:
let
  recipe = name: args: derivation ({
    inherit name;
    system = "x86_64-linux";
    builder = "/bin/sh";
    args = [ "-c" "echo \"$text\" > $out" ];
  } // args);
  patch = builtins.toFile "fix.patch" "--- a\n+++ b\n";
  sha256 = "894517c9163c896ec31a2adbd33c0681fd5f45b2c0ef08a64c92a03fb97f390f";
in rec {
  fetch = recipe fetcher { };
  flat = recipe "flat.tar.gz" {
    inherit fetch; outputHashAlgo = "sha256"; outputHash = sha256; outputHashMode = "flat";
  };
  tree = recipe "tree" {
    inherit fetch; outputHashAlgo = null; outputHashMode = "recursive";
    outputHash = "sha256-iUUXyRY8iW7DGirb0zwGgf1fRbLA7wimTJKgP7l/OQ8=";
  };
  old = recipe "old" { outputHashAlgo = "md5"; outputHash = "d41d8cd98f00b204e9800998ecf8427e"; };
  library = recipe "library" { outputs = [ "out" "dev" "doc" ]; inherit flat patch; };
  odd = recipe "odd+name_1.0?=-x" {
    args = [ "" "\\" "\"" "a b\tc\nd\re" ];
    quotes = "\"double\" 'single' \\ \\n \\\\";
    controls = "tab\tnewline\nreturn\r";
    interpolation = "\${not} $$ \${''"; unicode = "é 中 𝄞"; empty = "";
    brackets = ''"),("out","/nix/store"])],[('';
    number = 42; yes = true; no = false; nothing = null; list = [ 1 "two" [ "three" ] ];
  };
  structured = recipe "structured" {
    __structuredAttrs = true;
    outputs = [ "out" "bin" ];
    nested = { deep = [ 1 2.5 null true { "key \"quoted\"" = "a\nb"; } ]; };
    dependency = library.dev;
  };
  etc = recipe "etc" { inherit text; tool = library.dev; };
  everything = recipe "everything" {
    inherit library etc tree old odd structured;
    bin = structured.bin;
  };
  # All recipes below the library as input sources, and all their outputs: what NixOS's
  # system.includeBuildDependencies does.
  whole = recipe "whole" { inherit everything; graph = library.drvPath; };
  floating = recipe "floating" {
    __contentAddressed = true; outputHashAlgo = "sha256"; outputHashMode = "recursive";
    outputs = [ "out" "dev" ];
  };
  deferred = recipe "deferred" { inherit floating; };
}
"""


@dataclass(frozen=True)
class PrivateNix:
    """Nix with a store, a state and settings of its own, and no substituter."""

    place: Path

    @property
    def state(self) -> Path:
        return self.place / "state"

    def run(self, *args: str) -> Completed:
        own = {
            "NIX_STORE_DIR": self.place / "store",
            "NIX_STATE_DIR": self.state,
            "NIX_LOCALSTATE_DIR": self.place / "var",
            "NIX_LOG_DIR": self.place / "log",
            "NIX_CONF_DIR": self.place / "etc",
            "HOME": self.place / "home",
            "XDG_CACHE_HOME": self.place / "home" / "cache",
        }
        return run(args, env={**{key: str(path) for key, path in own.items()}, "NIX_REMOTE": ""})

    def instantiate(self, attribute: str, **arguments: str) -> str:
        given = [word for pair in arguments.items() for word in ("--argstr", *pair)]
        return self.run(
            "nix-instantiate", str(self.place / "default.nix"), "-A", attribute, *given
        ).stdout.strip()

    def read(self, drv: str) -> str:
        return store_reader(self.place / "store")(drv)


@pytest.fixture(scope="module")
def nix(tmp_path_factory: pytest.TempPathFactory) -> PrivateNix:
    place = tmp_path_factory.mktemp("nix").resolve()  # Nix refuses a store behind a symbolic link
    for name in ("store", "state", "etc", "home"):
        (place / name).mkdir()
    (place / "etc" / "nix.conf").write_text(
        "build-users-group =\nsubstitute = false\nexperimental-features = nix-command\n"
    )
    (place / "default.nix").write_text(EXPRESSION)
    return PrivateNix(place)


def shown(nix: PrivateNix, drv: str) -> dict[str, Any]:
    """What ``nix derivation show -r`` prints, by ``.drv`` path."""
    try:
        printed = nix.run("nix", "derivation", "show", "-r", drv)
    except ProcessError:  # up to Nix 2.15 it is called
        printed = nix.run("nix", "show-derivation", "-r", drv)
    found: dict[str, Any] = json.loads(printed.stdout)
    if drv not in found:
        pytest.skip("this Nix prints derivations in another JSON form than Nix 2.3 to 2.31")
    return found


def test_every_text_is_written_back_to_the_byte(nix: PrivateNix) -> None:
    drv = nix.instantiate("whole")
    graph = load_graph([drv], nix.read)
    assert len(graph.derivations) == 10
    for path in graph.derivations:
        raw = Path(path).read_bytes()
        text = raw.decode(*ENCODING)
        assert write_derivation(parse_derivation(text)).encode(*ENCODING) == raw


def test_bytes_that_are_no_text(nix: PrivateNix, tmp_path: Path) -> None:
    raw = b'a\xff\xfe"\\\n\x80\x01 \xc3'
    (tmp_path / "raw").write_bytes(raw)
    (tmp_path / "raw.nix").write_text(
        'derivation { name = "raw"; system = "x"; builder = "/b"; blob = builtins.readFile ./raw; }'
    )
    drv = nix.run("nix-instantiate", str(tmp_path / "raw.nix")).stdout.strip()
    derivation = parse_derivation(nix.read(drv))
    assert derivation.env["blob"].encode(*ENCODING) == raw
    assert write_derivation(derivation).encode(*ENCODING) == Path(drv).read_bytes()


def test_every_field_is_what_nix_shows(nix: PrivateNix) -> None:
    drv = nix.instantiate("whole")
    expected = shown(nix, drv)
    graph = load_graph([drv], nix.read)
    assert set(graph.derivations) == set(expected)
    for path, fields in expected.items():
        derivation = parse_derivation(nix.read(path), origin=path)
        assert_as_shown(derivation, fields)
        node = graph.node(path)
        assert graph.outputs[node] == {
            name: output["path"] for name, output in fields["outputs"].items()
        }


def test_fixed_outputs(nix: PrivateNix) -> None:
    methods = {}
    for attribute in ("flat", "tree", "old"):
        output = parse_derivation(nix.read(nix.instantiate(attribute))).outputs["out"]
        assert output.kind is OutputKind.FIXED
        methods[attribute] = (output.method, output.hash_algorithm, len(output.digest))
    assert methods == {
        "flat": ("flat", "sha256", 64),
        "tree": ("nar", "r:sha256", 64),
        "old": ("flat", "md5", 32),
    }


def test_odd_strings_and_structured_attributes(nix: PrivateNix) -> None:
    odd = parse_derivation(nix.read(nix.instantiate("odd")))
    assert odd.args == ("", "\\", '"', "a b\tc\nd\re")
    assert odd.env["controls"] == "tab\tnewline\nreturn\r"
    assert odd.env["brackets"] == '"),("out","/nix/store"])],[('
    assert odd.env["list"] == "1 two three"
    structured = parse_derivation(nix.read(nix.instantiate("structured"))).structured_attrs
    assert structured["nested"] == {"deep": [1, 2.5, None, True, {'key "quoted"': "a\nb"}]}


def test_the_build_closure_is_that_of_the_query(nix: PrivateNix) -> None:
    drv = nix.instantiate("whole")
    graph = load_graph([drv], nix.read)
    closure = build_closure(graph, [graph.node(drv)])
    ours = {graph.derivations[node] for node in closure.derivations} | closure.sources
    queried = set(nix.run("nix-store", "-qR", drv).stdout.split())
    assert ours == queried
    assert ours == runtime_closure([drv], read_database(nix.state).references)
    outputs = set(nix.run("nix-store", "-q", "--outputs", *graph.derivations).stdout.split())
    assert closure.outputs == outputs


def changed(nix: PrivateNix, base: str, following: str) -> list[str]:
    graph = load_graph([base, following], nix.read)
    nodes = changed_derivations(graph, [graph.node(base)], [graph.node(following)])
    return [graph.derivations[node] for node in nodes]


def test_an_edit(nix: PrivateNix) -> None:
    edited = nix.instantiate("everything", text="edited")
    assert changed(nix, nix.instantiate("everything"), edited) == [
        edited,
        nix.instantiate("etc", text="edited"),
    ]


def test_another_fetcher_behind_the_same_fixed_outputs(nix: PrivateNix) -> None:
    base = nix.instantiate("everything")
    following = nix.instantiate("everything", fetcher="another")
    assert base != following
    assert changed(nix, base, following) == []
    # Where something takes the fetcher's own output, it counts.
    base = nix.instantiate("whole")
    following = nix.instantiate("whole", fetcher="another")
    assert changed(nix, base, following) == [
        following,
        nix.instantiate("fetch", fetcher="another"),
    ]


def test_outputs_that_only_a_build_can_tell(nix: PrivateNix) -> None:
    try:
        nix.run("nix-instantiate", "--option", "experimental-features", "ca-derivations",
                str(nix.place / "default.nix"), "-A", "deferred")  # fmt: skip
    except ProcessError as error:
        pytest.skip(f"this Nix has no content-addressed derivations: {error.completed.stderr}")
    found = {}
    for attribute in ("floating", "deferred"):
        (drv,) = (nix.place / "store").glob(f"*-{attribute}.drv")
        derivation = parse_derivation(nix.read(str(drv)))
        assert write_derivation(derivation).encode(*ENCODING) == drv.read_bytes()
        found[attribute] = {name: out.kind for name, out in derivation.outputs.items()}
    assert found == {
        "floating": {"out": OutputKind.FLOATING, "dev": OutputKind.FLOATING},
        "deferred": {"out": OutputKind.DEFERRED},
    }


def test_an_offline_dry_run_of_nix_agrees(nix: PrivateNix) -> None:
    """Nothing was ever built here: each input of the edit is missing, and Nix would build all."""
    base, edited = nix.instantiate("etc"), nix.instantiate("etc", text="edited")
    graph = load_graph([base, edited], nix.read)
    valid = read_database(nix.state).paths
    rebuild = offline_rebuild(graph, [graph.node(base)], [graph.node(edited)], valid)
    (one,) = rebuild.missing
    assert one.key == parse_derivation(nix.read(nix.instantiate("library"))).outputs["dev"].path
    planned = nix.run("nix-store", "--realise", "--dry-run", edited).stderr
    for node in graph.reachable([graph.node(edited)]):
        assert graph.derivations[node] in planned
    assert nix.instantiate("flat") in planned  # a fixed output in the plan: it fails offline
