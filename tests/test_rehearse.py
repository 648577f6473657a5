"""``harness rehearse`` and ``restore`` on the installed Nix, in a store of its own."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.nix.command import nix
from harness.process import ProcessError
from tests.nix.toy_nixpkgs import ToyNix

pytestmark = pytest.mark.skipif(
    shutil.which("nix-instantiate") is None, reason="Nix is not installed on this host"
)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyNix:
    """A fresh store, in force for every Nix command of the test."""
    made = ToyNix(tmp_path / "toy")
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "configuration files")


class Files:
    """Configurations and edits, in a folder with a space in its name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder

    def __call__(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.write_text(f"{text}\n")
        return file


def literal(file: Path) -> Path:
    """A copy under a name that Nix's path syntax can write."""
    target = file.parent.parent / file.name
    target.write_text(file.read_text())
    return target


@pytest.fixture
def base(toy: ToyNix, files: Files) -> Path:
    """A running system, with all that built it."""
    file = files("base.nix", '{ hosts = "base"; }')
    toy.switch(toy.build(literal(file)))
    return file


def rebuilds(toy: ToyNix, *configuration: Path) -> bool:
    """Whether an edit (the last file) can be rebuilt, and is one."""
    edited, plain = (toy.instantiate(*files) for files in (configuration, configuration[:-1]))
    assert edited != plain
    return Path(toy.build(*configuration)).exists()


@pytest.fixture
def hosts(files: Files) -> Path:
    return files("hosts.nix", '{ hosts = "placeholder"; }')


def rehearse(*words: str | Path) -> int:
    return main(["rehearse", *map(str, words)])


def kept(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, str]:
    """What is to be kept, by name, and what for."""
    assert rehearse(*words, "--format", "json") == 0
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    return {one["name"]: one["purpose"] for one in shown["keep"]}


def test_a_dry_run_tells_the_set_and_changes_nothing(
    toy: ToyNix, base: Path, hosts: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = toy.names()
    root = tmp_path / "roots"
    words = ("--configuration", base, "--edit", hosts, "--dry-run", "--root", root)
    assert kept(capsys, *words) == {"lint": "build-input"}
    assert toy.names() == before
    assert not root.exists()
    assert rehearse(*words) == 0
    printed = capsys.readouterr()
    assert "1 path to keep for 1 edit" in printed.out
    assert "the edits rebuild 2 derivations, as expected" in printed.out
    assert "nothing was kept" in printed.err


def test_roots_let_another_value_of_the_edit_rebuild_offline(
    toy: ToyNix, base: Path, hosts: Path, files: Files, tmp_path: Path
) -> None:
    roots = tmp_path / "some roots"
    assert rehearse("--configuration", base, "--edit", hosts, "--root", roots) == 0
    toy.collect()
    assert {link.name[33:] for link in roots.iterdir()} == {"lint"}
    assert "lint.tar" not in toy.names()  # its source is not needed
    toy.offline()
    other = files("other.nix", '{ hosts = "another value"; }')
    assert rebuilds(toy, literal(base), literal(other))
    assert "lint.tar" not in toy.names()


def test_without_the_roots_it_does_not(
    toy: ToyNix, base: Path, hosts: Path, tmp_path: Path
) -> None:
    roots = tmp_path / "roots"
    assert rehearse("--configuration", base, "--edit", hosts, "--root", roots) == 0
    shutil.rmtree(roots)
    toy.collect()
    toy.offline()
    with pytest.raises(ProcessError, match=r"lint\.tar"):
        toy.build(literal(base), literal(hosts))


def test_the_module_keeps_outputs_and_not_what_built_them(
    toy: ToyNix, base: Path, hosts: Path, tmp_path: Path
) -> None:
    module = tmp_path / "kept.nix"
    assert rehearse("--configuration", base, "--edit", hosts, "--module", module) == 0
    output = toy.build(literal(base), module)
    toy.switch(output)
    toy.collect()
    closure = nix(["nix-store", "-qR", output]).split()
    assert "lint" in {path[-4:] for path in closure}
    assert not [path for path in closure if path.endswith(".drv")]
    toy.offline()
    assert rebuilds(toy, literal(base), module, literal(hosts))
    # A system that keeps paths by name can be rehearsed again.
    assert rehearse("--configuration", base, "--edit", hosts, "-I", f"x={module}") == 2
    whole = tmp_path / "whole.nix"
    whole.write_text(f"{{ imports = [ {literal(base)} {module} ]; }}")
    assert rehearse("--configuration", whole, "--edit", hosts, "--dry-run") == 0


def test_a_bundle_brings_back_what_was_collected(
    toy: ToyNix,
    base: Path,
    hosts: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = tmp_path / "sub" / "edits.bundle"
    assert rehearse("--configuration", base, "--edit", hosts, "--bundle", bundle) == 0
    toy.collect()
    toy.offline()
    assert "lint" not in toy.names()
    capsys.readouterr()
    assert main(["restore", str(bundle), "--root", str(tmp_path / "restored")]) == 0
    assert "paths imported" in capsys.readouterr().out
    toy.collect()
    assert rebuilds(toy, literal(base), literal(hosts))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda raw: raw[:-20], "cut short"),
        (lambda raw: raw[:3], "not a bundle"),
        (lambda raw: b"", "not a bundle"),
        (lambda raw: b"hello" + raw, "not a bundle"),
    ],
)
def test_a_spoilt_bundle_is_refused_whole(
    toy: ToyNix,
    base: Path,
    hosts: Path,
    tmp_path: Path,
    spoil: Any,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = tmp_path / "edits.bundle"
    assert rehearse("--configuration", base, "--edit", hosts, "--bundle", bundle) == 0
    toy.collect()
    before = toy.names()
    bundle.write_bytes(spoil(bundle.read_bytes()))
    assert main(["restore", str(bundle)]) == 2
    assert message in capsys.readouterr().err
    assert toy.names() == before


def test_what_evaluation_imports_is_kept(
    toy: ToyNix, files: Files, hosts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = files("imports.nix", '{ hosts = "base"; ifd = true; }')
    toy.switch(toy.build(literal(file)))
    words = ("--configuration", file, "--edit", hosts)
    dry = kept(capsys, *words, "--dry-run")
    assert dry == {"lint": "build-input", "data.nix": "imported"}
    assert rehearse(*words, "--root", tmp_path / "roots") == 0
    toy.collect()
    toy.offline()
    assert rebuilds(toy, literal(file), literal(hosts))


def test_a_dry_run_does_not_build_what_evaluation_imports(
    toy: ToyNix, base: Path, hosts: Path, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    edit = files("with-import.nix", "{ ifd = true; }")
    words = ("--configuration", base, "--edit", edit, "--edit", hosts)
    assert rehearse(*words, "--dry-run") == 2
    assert "leave --dry-run out" in capsys.readouterr().err
    assert "data.nix" not in toy.names()


@pytest.fixture
def tarball(tmp_path: Path) -> Iterator[str]:
    """The address of a tarball with a Nix file, on a server of this host."""
    tree = tmp_path / "served" / "tree"
    tree.mkdir(parents=True)
    (tree / "default.nix").write_text('"fetched"\n')
    with tarfile.open(tree.parent / "tree.tar.gz", "w:gz") as archive:
        archive.add(tree, arcname="tree")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tree.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/tree.tar.gz"
        server.shutdown()
        thread.join()


def test_what_evaluation_fetched_is_kept_when_it_is_pinned(
    toy: ToyNix,
    files: Files,
    hosts: Path,
    tarball: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tree = tmp_path / "served" / "tree"
    digest = nix(["nix-hash", "--type", "sha256", "--base32", str(tree)]).strip()
    fetch = f'builtins.fetchTarball {{ url = "{tarball}"; sha256 = "{digest}"; }}'
    file = files("fetches.nix", f"{{ fetch = [ ({fetch}) ]; }}")
    toy.switch(toy.build(literal(file)))
    found = kept(capsys, "--configuration", file, "--edit", hosts, "--dry-run")
    assert found == {"lint": "build-input", "source": "evaluation-source"}


def test_an_evaluation_that_cannot_work_offline_is_said_to(
    toy: ToyNix, files: Files, hosts: Path, tarball: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = files("unpinned.nix", f'{{ fetch = [ (builtins.fetchTarball "{tarball}") ]; }}')
    toy.switch(toy.build(literal(file)))
    assert rehearse("--configuration", file, "--edit", hosts) == 2
    said = capsys.readouterr().err
    assert "even with all its sources kept the evaluation needs a network" in said
    assert "pin what it fetches" in said


def test_a_host_of_a_flake(
    toy: ToyNix, hosts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flake = toy.place / "flake"
    attribute = "nixosConfigurations.laptop.config.system.build.toplevel"
    drv = json.loads(nix(["nix", "eval", "--json", f"{flake}#{attribute}.drvPath"]))
    toy.switch(nix(["nix-store", "--realise", drv]).strip())
    for host in (f"{flake}#laptop", f"{flake}#nixosConfigurations.laptop"):
        assert kept(capsys, host, "--edit", hosts, "--dry-run") == {"lint": "build-input"}
    assert not (flake / "flake.lock").exists()
    assert rehearse(f"{flake}#nobody", "--edit", hosts) == 2
    assert rehearse(f"{flake}#", "--edit", hosts) == 2


def test_derivations_are_compared_as_they_are(
    toy: ToyNix, base: Path, hosts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = toy.instantiate(literal(base))
    after = toy.instantiate(literal(base), literal(hosts))
    assert kept(capsys, before, after, "--dry-run") == {"lint": "build-input"}
    assert rehearse(before, after, "--root", tmp_path / "roots") == 0
    assert "not known what the evaluation itself needs" in capsys.readouterr().err
    toy.collect()
    toy.offline()
    assert rebuilds(toy, literal(base), literal(hosts))


def test_several_edits_are_one_set(
    toy: ToyNix, base: Path, hosts: Path, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    packages = files("packages.nix", '{ packages = [ "lint" ]; }')
    words = ("--configuration", base, "--edit", hosts, "--edit", packages, "--dry-run")
    assert kept(capsys, *words) == {"lint": "build-input"}
    capsys.readouterr()
    assert rehearse(*words) == 0
    assert "1 path to keep for 2 edits" in capsys.readouterr().out


def test_an_edit_that_needs_nothing(
    toy: ToyNix, base: Path, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    edit = files("more.nix", '{ packages = [ "hello" ]; }')
    assert rehearse("--configuration", base, "--edit", edit, "--dry-run") == 0
    assert "nothing has to be kept" in capsys.readouterr().out


def test_bad_usage(
    toy: ToyNix,
    base: Path,
    hosts: Path,
    files: Files,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = toy.instantiate(literal(base))
    after = toy.instantiate(literal(base), literal(hosts))
    broken = files("broken.nix", '{ hosts = "no end; }')
    same = files("same.nix", '{ hosts = "base"; }')
    missing = tmp_path / "missing.nix"
    cases: list[tuple[tuple[str | Path, ...], str]] = [
        (("--configuration", base), "no edit to rehearse"),
        (("--configuration", base, "--edit", missing), "there is no such file"),
        (("--configuration", missing, "--edit", hosts), "there is no such file"),
        (("--configuration", base, "--edit", broken), "does not evaluate"),
        (("--configuration", base, "--edit", same), "rehearses nothing"),
        (("--configuration", hosts, "--edit", base), "is not in this store"),
        ((before, before), "the same derivation"),
        ((after, before), "is not in this store"),
        ((before,), "alone cannot be compared"),
        ((before, after, "--edit", hosts), "compared as they are"),
        (("--configuration", base, "--edit", hosts, "--store", "/x"), "for a dry run with .drv"),
        ((".#laptop", "--configuration", base, "--edit", hosts), "name one configuration"),
        (("--configuration", base, "--edit", hosts, "--module", base / "x"), "cannot be written"),
    ]
    known = toy.names()
    for words, message in cases:
        assert rehearse(*words) == 2, words
        assert message in capsys.readouterr().err
    assert toy.names() == known


@pytest.mark.parametrize("option", ["--module", "--bundle"])
def test_a_device_or_a_pipe_is_not_replaced(
    base: Path, hosts: Path, tmp_path: Path, option: str
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert rehearse("--configuration", base, "--edit", hosts, option, pipe) == 2
    assert pipe.is_fifo()
    assert rehearse("--configuration", base, "--edit", hosts, "--root", base) == 2


def test_a_link_stays_one(base: Path, hosts: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.nix"
    link.symlink_to("real.nix")
    (tmp_path / "real.nix").write_text("old")
    assert rehearse("--configuration", base, "--edit", hosts, "--module", link) == 0
    assert link.is_symlink()
    assert (tmp_path / "real.nix").read_text() != "old"


def test_no_nix_at_all(
    base: Path,
    hosts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert rehearse("--configuration", base, "--edit", hosts) == 4
    assert "nix-instantiate is not installed" in capsys.readouterr().err
    assert main(["restore", str(base)]) == 2
