"""Rehearse the kinds of edit that one will make, and keep exactly what they need."""

from __future__ import annotations

from harness.errors import MachineError
from harness.nix.closure import irredundant, minimal_set, runtime_closure
from harness.nix.graph import load_graph
from harness.results import Witness
from harness.strategies.base import Site, Strategy, valid_witness
from harness.systems import base as systems

#: The name of the GC roots.
ROOT = "rehearsed"


class Rehearsed(Strategy):
    """Root the unchanged inputs of what the rehearsed edits change, and what evaluation imports.

    The closure that https://github.com/NixOS/nixpkgs/issues/180529 asks for, made minimal: the
    rehearsed system itself is neither built nor kept.
    """

    name = "rehearsed"
    summary = "GC roots on just what edits like these need"
    rehearses = True

    def protect(self, site: Site) -> None:
        """Compute the minimal set of all rehearsals at once, realise it and root it."""
        plan = site.rehearsal
        if plan is None:
            raise MachineError("nothing was rehearsed", hint="give edits a `rehearse:` file")
        tops = [plan.base, *plan.following, *plan.imported]
        graph = load_graph(tops, plan.recipes.__getitem__)
        known = site.store.registrations()
        runtime = runtime_closure([site.base_output], lambda path: known[path].references)
        base = [graph.node(drv) for drv in (plan.base, *plan.imported_by_base)]
        following = [graph.node(drv) for drv in (*plan.following, *plan.imported)]
        roots = minimal_set(graph, base, following, runtime).roots
        if not roots:
            return  # the edits need nothing that the system does not refer to anyway
        # Their .drv files were written on a checkpoint.
        systems.evaluated(site.machine, site.tree, plan.configurations)
        wanted = {root.key: f"{graph.derivations[root.node]}!{root.output}" for root in roots}
        site.store.realise(list(wanted.values()))
        registered = site.store.registrations()
        kept = irredundant(wanted, lambda path: registered[path].references)
        site.store.root(ROOT, kept)

    def applied(self, site: Site) -> Witness:
        """Every root leads to a valid path."""
        return valid_witness(site, "rehearsed roots", site.store.rooted(ROOT))
