"""Tar streams, without a machine in between."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.machines.transfer import _pack, _unpack

names = st.text(
    st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=60
).filter(lambda name: name not in (".", "..") and len(name.encode()) <= 255)
trees = st.recursive(
    st.binary(max_size=2000), lambda inner: st.dictionaries(names, inner, max_size=4), max_leaves=8
)
Tree = bytes | dict[str, "Tree"]


def plant(path: Path, tree: Tree) -> None:
    if isinstance(tree, bytes):
        path.write_bytes(tree)
        return
    path.mkdir()
    for name, inner in tree.items():
        plant(path / name, inner)


def read(path: Path) -> Tree:
    if path.is_file():
        return path.read_bytes()
    return {entry.name: read(entry) for entry in path.iterdir()}


def through(source: Path, name: str, target: Path) -> None:
    with tempfile.TemporaryFile() as spool:
        _pack(source, name, spool)
        spool.seek(0)
        _unpack(spool, name, target)


@settings(max_examples=60, deadline=None)
@given(tree=trees, name=names, target=names)
def test_every_tree_survives_under_a_new_name(tree: Tree, name: str, target: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source")
        plant(source, tree)
        through(source, name, Path(folder, "deep", target))
        assert read(Path(folder, "deep", target)) == tree


def test_links_modes_and_hard_links_survive(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "tool").write_text("x")
    (source / "tool").chmod(0o755)
    (source / "same").hardlink_to(source / "tool")
    (source / "away").symlink_to("/nix/store/nowhere")
    (source / "locked").mkdir(mode=0o555)
    through(source, "name", tmp_path / "target")
    assert (tmp_path / "target/tool").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "target/same").read_text() == "x"
    assert (tmp_path / "target/away").readlink() == Path("/nix/store/nowhere")
    assert (tmp_path / "target/locked").stat().st_mode & 0o777 == 0o555


def test_a_folder_joins_an_existing_one(tmp_path: Path) -> None:
    plant(tmp_path / "one", {"a": b"1", "both": b"1"})
    plant(tmp_path / "two", {"b": b"2", "both": b"2"})
    for source in ("one", "two"):
        through(tmp_path / source, "x", tmp_path / "target")
    assert read(tmp_path / "target") == {"a": b"1", "b": b"2", "both": b"2"}
