"""Derivation graphs made by hand, with names in place of hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.nix.closure import changed_derivations, offline_rebuild
from harness.nix.derivation import Derivation, Output, Selection, write_derivation
from harness.nix.graph import DerivationGraph, load_graph


def path(name: str) -> str:
    alphabet = "0123456789abcdfghijklmnpqrsvwxyz"
    digest = hashlib.sha256(name.encode()).digest()
    return f"/nix/store/{''.join(alphabet[byte & 31] for byte in digest)}-{name}"


@dataclass(frozen=True)
class Recipe:
    """A hand-made derivation; *inputs* are ``NAME`` or ``NAME!OUTPUT``; *gives* names its output.

    Nix derives output paths from all inputs; here the test says which recipes give the same.
    """

    inputs: Iterable[str] = ()
    sources: Iterable[str] = ()
    outputs: Iterable[str] = ("out",)
    gives: str = ""
    fixed: bool = False


Recipes = Mapping[str, Recipe]


def written(name: str, recipe: Recipe) -> str:
    stem = recipe.gives or name
    address = ("r:sha256", "ab" * 32) if recipe.fixed else ("", "")
    taken: dict[str, set[str]] = {}
    for one in recipe.inputs:
        drv, _, output = one.partition("!")
        taken.setdefault(path(f"{drv}.drv"), set()).add(output or "out")
    return write_derivation(
        Derivation(
            {one: Output(path(f"{stem}-{one}"), *address) for one in recipe.outputs},
            {drv: Selection(frozenset(outputs)) for drv, outputs in taken.items()},
            frozenset(map(path, recipe.sources)),
            "x86_64-linux",
            "/bin/sh",
            (),
            {},
        )
    )


def graph_of(recipes: Recipes) -> DerivationGraph:
    texts = {path(f"{name}.drv"): written(name, recipe) for name, recipe in recipes.items()}
    return load_graph(texts, texts.__getitem__)


@dataclass(frozen=True)
class Toy:
    """A graph whose nodes, outputs and sources are asked for and told by name."""

    recipes: Recipes
    graph: DerivationGraph = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "graph", graph_of(self.recipes))

    def nodes(self, *names: str) -> list[int]:
        return [self.graph.node(path(f"{name}.drv")) for name in names]

    def names(self, nodes: Iterable[int]) -> list[str]:
        return [plain(self.graph.derivations[node]).removesuffix(".drv") for node in nodes]

    def changed(self, base: str, following: str) -> list[str]:
        return self.names(changed_derivations(self.graph, self.nodes(base), self.nodes(following)))

    def missing(self, base: str, following: str, *available: str) -> dict[str, list[str]]:
        """The missing paths' names, each with its chain, after a check of the rest."""
        rebuild = offline_rebuild(
            self.graph, self.nodes(base), self.nodes(following), set(map(path, available))
        )
        lengths = [len(one.chain) for one in rebuild.missing]
        assert lengths == sorted(lengths)
        return {plain(one.key): self.names(one.chain) for one in rebuild.missing}


def plain(store_path: str) -> str:
    return store_path.partition("-")[2]


#: A system in miniature: a text edit changes ``top`` and ``etc``, tools and libraries stay.
SYSTEM: Recipes = {
    "seed": Recipe(fixed=True),
    "curl": Recipe(["seed"]),
    "cc": Recipe(["seed"], ["cc.patch"]),
    "lib-src": Recipe(["curl"], fixed=True),
    "lib": Recipe(["cc", "lib-src"], outputs=("out", "dev", "doc")),
    "tool": Recipe(["cc", "lib!dev"]),
    "prog": Recipe(["cc", "lib!dev", "lib!out"]),
    "etc1": Recipe(["tool"], ["hosts1"]),
    "etc2": Recipe(["tool"], ["hosts2"]),
    "top1": Recipe(["etc1", "prog", "tool"]),
    "top2": Recipe(["etc2", "prog", "tool"]),
}
EDIT_SOURCES = ("hosts2", "cc.patch")
