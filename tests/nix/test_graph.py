from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.nix.derivation import (
    ENCODING,
    Derivation,
    DerivationError,
    Output,
    Selection,
    parse_derivation,
    write_derivation,
)
from harness.nix.graph import GraphError, load_graph, store_reader

STORE = "/nix/store"
SHA256 = "ab" * 32
ALPHABET = "0123456789abcdfghijklmnpqrsvwxyz"


def path(name: str, number: int = 0, store: str = STORE) -> str:
    digits = "".join(ALPHABET[number >> shift & 31] for shift in range(0, 50, 5))
    return f"{store}/{digits.ljust(32, '0')}-{name}"


def derivation(
    outputs: Mapping[str, Output],
    inputs: Mapping[str, Iterable[str]] | None = None,
    sources: Iterable[str] = (),
    env: Mapping[str, str] | None = None,
) -> Derivation:
    taken = {drv: Selection(frozenset(names)) for drv, names in (inputs or {}).items()}
    return Derivation(
        outputs, taken, frozenset(sources), "x86_64-linux", "/bin/sh", ("-e",), env or {}
    )


LEAF = path("leaf.drv")
TOP = path("top.drv")
PATCH = path("fix.patch")


@pytest.fixture
def recipes() -> dict[str, str]:
    leaf = derivation({"out": Output(path("leaf")), "dev": Output(path("leaf-dev"))})
    top = derivation({"out": Output(path("top"))}, {LEAF: ["dev", "out"]}, [PATCH])
    return {LEAF: write_derivation(leaf), TOP: write_derivation(top)}


def test_a_small_graph(recipes: dict[str, str]) -> None:
    graph = load_graph([TOP], recipes.__getitem__)
    assert list(graph.derivations) == [TOP, LEAF]
    top, leaf = graph.node(TOP), graph.node(LEAF)
    assert list(graph.taken(top)) == [
        (leaf, "dev", path("leaf-dev")),
        (leaf, "out", path("leaf")),
    ]
    assert list(graph.sources[top]) == [PATCH]
    assert graph.outputs[leaf] == {"dev": path("leaf-dev"), "out": path("leaf")}
    assert graph.reachable([top]) == [top, leaf]
    assert graph.reachable([leaf]) == [leaf]
    assert not graph.fixed
    assert not graph.impure


def test_kinds_of_output() -> None:
    kinds = {
        "flat": Output(path("flat"), "sha256", SHA256),
        "tree": Output(path("tree"), "r:sha256", SHA256),
        "floating": Output("", "r:sha256"),
        "deferred": Output(""),
        "impure": Output("", "r:sha256", "impure"),
    }
    texts = {path(f"{name}.drv"): write_derivation(derivation({"out": output}))
             for name, output in kinds.items()}  # fmt: skip
    graph = load_graph(texts, texts.__getitem__)
    assert {name: graph.key(graph.node(path(f"{name}.drv")), "out") for name in kinds} == {
        "flat": path("flat"),
        "tree": path("tree"),
        "floating": path("floating.drv") + "!out",
        "deferred": path("deferred.drv") + "!out",
        "impure": path("impure.drv") + "!out",
    }
    networked = {name for name in kinds if graph.needs_network(graph.node(path(f"{name}.drv")))}
    assert networked == {"flat", "tree", "impure"}
    assert len(graph.fixed) == 2


def test_each_derivation_is_read_once(recipes: dict[str, str]) -> None:
    asked: list[str] = []

    def read(drv: str) -> str:
        asked.append(drv)
        return recipes[drv]

    load_graph([TOP, LEAF, TOP], read)
    assert sorted(asked) == sorted([TOP, LEAF])


def test_from_a_store_directory_that_lies_elsewhere(
    tmp_path: Path, recipes: dict[str, str]
) -> None:
    odd = path("odd.drv")
    env = {"blob": b"\xff\x00 \xe2\x82".decode(*ENCODING), "long": "x" * 200_000}
    recipes[odd] = write_derivation(
        derivation({"out": Output(path("odd"))}, {TOP: ["out"]}, env=env)
    )
    for drv, text in recipes.items():
        (tmp_path / Path(drv).name).write_bytes(text.encode(*ENCODING))
    graph = load_graph([odd], store_reader(tmp_path))
    assert list(graph.derivations) == [odd, TOP, LEAF]


def test_a_missing_derivation_says_who_needs_it(recipes: dict[str, str], tmp_path: Path) -> None:
    del recipes[LEAF]
    (tmp_path / Path(TOP).name).write_text(recipes[TOP])
    for read in (recipes.__getitem__, store_reader(tmp_path)):
        with pytest.raises(GraphError) as caught:
            load_graph([TOP], read)
        assert caught.value.message == f"the derivation {LEAF} is missing ({TOP} needs it)"
        assert "nix-instantiate" in caught.value.hint


def test_a_root_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"top\.drv is missing\n"):
        load_graph([TOP], store_reader(tmp_path))


def test_a_derivation_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / Path(TOP).name).mkdir()
    with pytest.raises(GraphError, match="cannot read the derivation"):
        load_graph([TOP], store_reader(tmp_path))


@pytest.mark.parametrize("root", [path("top"), "top.drv", "", "/nix/store/x.drv", f"{TOP}!out"])
def test_a_root_that_is_no_derivation(root: str, recipes: dict[str, str]) -> None:
    with pytest.raises(GraphError, match="is not the store path of a derivation"):
        load_graph([root], recipes.__getitem__)


def test_roots_of_two_stores(recipes: dict[str, str]) -> None:
    with pytest.raises(GraphError, match="several stores"):
        load_graph([TOP, path("top.drv", store="/other/store")], recipes.__getitem__)


def test_a_path_of_another_store(recipes: dict[str, str]) -> None:
    stray = path("stray", store="/other/store")
    recipes[TOP] = recipes[TOP].replace(PATCH, stray)
    with pytest.raises(GraphError, match=f"mentions {stray}, which is not in the store"):
        load_graph([TOP], recipes.__getitem__)


def test_what_only_a_build_will_write_is_refused(recipes: dict[str, str]) -> None:
    taken = Selection(frozenset(), {"out": Selection(frozenset({"out"}))})
    dynamic = Derivation({"out": Output("")}, {LEAF: taken}, frozenset(), "x", "y", (), {})
    recipes[TOP] = write_derivation(dynamic)
    with pytest.raises(GraphError, match="dynamic derivations"):
        load_graph([TOP], recipes.__getitem__)


def test_the_newer_form_without_dynamic_inputs(recipes: dict[str, str]) -> None:
    old = load_graph([TOP], recipes.__getitem__)
    recipes[TOP] = recipes[TOP].replace("Derive(", 'DrvWithVersion("xp-dyn-drv",')
    assert load_graph([TOP], recipes.__getitem__) == old


def test_asking_for_what_is_not_there(recipes: dict[str, str]) -> None:
    graph = load_graph([TOP], recipes.__getitem__)
    for _again in range(2):  # asking must not add it
        with pytest.raises(GraphError, match="is not in the derivation graph"):
            graph.node(path("other.drv"))
    with pytest.raises(GraphError, match="has no output 'doc'"):
        graph.key(graph.node(LEAF), "doc")


def test_an_output_taken_that_does_not_exist(recipes: dict[str, str]) -> None:
    recipes[TOP] = recipes[TOP].replace('"dev"', '"doc"')
    graph = load_graph([TOP], recipes.__getitem__)
    with pytest.raises(GraphError, match=r"leaf\.drv has no output 'doc'"):
        list(graph.taken(graph.node(TOP)))


@pytest.mark.parametrize("end", [0, 1, 7, 40, 120, -1, -2, -12])
def test_a_derivation_cut_short(recipes: dict[str, str], end: int) -> None:
    recipes[LEAF] = recipes[LEAF][:end]
    with pytest.raises(DerivationError, match=r"leaf\.drv.*at character"):
        load_graph([TOP], recipes.__getitem__)


def test_faults_inside_an_output(recipes: dict[str, str]) -> None:
    plain = f'("out","{path("leaf")}","","")'
    assert plain in recipes[LEAF]
    for bad in ('"sha3","abc"', '"sha256","abc"', f'"","{SHA256}"'):
        texts = {**recipes, LEAF: recipes[LEAF].replace(plain, plain.replace('"",""', bad))}
        with pytest.raises(DerivationError, match=r"leaf\.drv"):
            load_graph([TOP], texts.__getitem__)
    texts = {**recipes, LEAF: recipes[LEAF].replace(plain, f"{plain},{plain}")}
    with pytest.raises(DerivationError, match="twice"):
        load_graph([TOP], texts.__getitem__)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_cycle_collector_is_left_as_it_was(recipes: dict[str, str], enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        load_graph([TOP], recipes.__getitem__)
        with pytest.raises(GraphError):
            load_graph([path("absent.drv")], recipes.__getitem__)
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


names = st.text(alphabet="abZ09+-._?=", min_size=1, max_size=8)
texts = st.one_of(
    st.text(max_size=20),
    st.binary(max_size=20).map(lambda raw: raw.decode(*ENCODING)),
    st.text(alphabet='"\\\n\r\t)],[(', max_size=20),
)
outputs = st.one_of(
    names.map(lambda name: Output(path(name))),
    names.map(lambda name: Output(path(name), "r:sha256", SHA256)),
    st.sampled_from([Output(""), Output("", "r:sha256"), Output("", "sha256", "impure")]),
)
derivations = st.builds(
    Derivation,
    outputs=st.dictionaries(names, outputs, max_size=3),
    input_derivations=st.dictionaries(
        names.map(lambda name: path(f"{name}.drv", 1)),
        st.frozensets(names, min_size=1, max_size=3).map(Selection),
        max_size=3,
    ),
    input_sources=st.frozensets(names.map(path), max_size=3),
    platform=texts,
    builder=texts,
    args=st.lists(texts, max_size=3).map(tuple),
    env=st.dictionaries(texts, texts, max_size=3),
)


@given(derivations)
def test_the_summary_agrees_with_the_full_parser(one: Derivation) -> None:
    leaf = write_derivation(derivation({}))
    written = write_derivation(one)
    full = parse_derivation(written)
    graph = load_graph([TOP], lambda drv: written if drv == TOP else leaf)
    taken = {
        graph.derivations[node]: frozenset(selected)
        for node, selected in zip(graph.inputs[0], graph.selected[0], strict=True)
    }
    assert taken == {drv: one.outputs for drv, one in full.input_derivations.items()}
    assert frozenset(graph.sources[0]) == full.input_sources
    assert graph.outputs[0] == {
        name: output.path or f"{TOP}!{name}" for name, output in full.outputs.items()
    }


@given(derivations, st.data())
@settings(max_examples=50)
def test_no_beginning_of_a_derivation_makes_a_graph(one: Derivation, data: st.DataObject) -> None:
    text = write_derivation(one)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    with pytest.raises(DerivationError):
        load_graph([TOP], lambda _drv: cut)


def test_a_hundred_thousand_derivations_and_a_million_inputs() -> None:
    count, fan = 100_000, 10
    drvs = [path(f"p{number}.drv", number) for number in range(count)]

    def text(drv: str) -> str:
        number = int(drv.rpartition("-p")[2].removesuffix(".drv"))
        below = range(number + 1, min(number + 1 + fan, count))
        inputs = ",".join(f'("{drvs[one]}",["out"])' for one in below)
        out = path(f"p{number}", number)
        return f'Derive([("out","{out}","","")],[{inputs}],[],"x","/bin/sh",[],[("out","{out}")])'

    graph = load_graph([drvs[0]], text)
    assert len(graph.derivations) == count
    assert sum(map(len, graph.inputs)) == fan * count - fan * (fan + 1) // 2
    assert len(graph.reachable([graph.node(drvs[-1000])])) == 1000
