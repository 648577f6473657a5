"""Claims and exclusions: reads them, and proves that together they speak of each cell.

For every cell the last claim that matches holds.  A cell without a claim, a claim that decides no
cell and an exclusion that leaves nothing out are faults: they mean something else than they say.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from harness.results import Cause
from harness.scenario.document import Sheet
from harness.scenario.fields import entries, items, kind, text, word, words
from harness.scenario.model import DIMENSIONS, ClaimRule, Exclusion, Matrix, Selection

_CAUSES = tuple(map(str, Cause))
#: How many cells without a claim a message names.
_EXAMPLES = 3


def _selection(sheet: Sheet, fields: dict[str, yaml.Node], matrix: Matrix) -> Selection:
    chosen = {
        dimension: words(
            sheet, fields[dimension], f"value of {dimension!r}", matrix.values(dimension)
        )
        for dimension in DIMENSIONS
        if dimension in fields
    }
    return Selection(**chosen)


def _is_understood(node: yaml.Node, fields: dict[str, yaml.Node]) -> bool:
    """Whether each key is known and there once, so that what is absent is really left out."""
    return isinstance(node, yaml.MappingNode) and len(node.value) == len(fields)


def _why(sheet: Sheet, fields: dict[str, yaml.Node]) -> str:
    return text(sheet, fields["why"], "'why'", lines=True) or "" if "why" in fields else ""


def read_exclusions(sheet: Sheet, node: yaml.Node, matrix: Matrix) -> tuple[Exclusion, ...]:
    """The entries of `exclude`."""
    found = []
    for item in items(sheet, node, "'exclude'", single=False):
        fields = entries(sheet, item, "an exclusion", optional=[*DIMENSIONS, "why"])
        where = _selection(sheet, fields, matrix)
        if _is_understood(item, fields) and where == Selection():
            sheet.complain(item, f"an exclusion must name one of {', '.join(DIMENSIONS)}")
        found.append(Exclusion(where, _why(sheet, fields)))
    return tuple(found)


def read_claims(sheet: Sheet, node: yaml.Node, matrix: Matrix) -> tuple[ClaimRule, ...]:
    """The entries of `claims`."""
    return tuple(
        _claim(sheet, item, matrix) for item in items(sheet, node, "'claims'", single=False)
    )


def _claim(sheet: Sheet, node: yaml.Node, matrix: Matrix) -> ClaimRule:
    outcome = ["rebuilt", "otherwise", "failed"]
    fields = entries(sheet, node, "a claim", optional=[*DIMENSIONS, *outcome, "why"])
    where = _selection(sheet, fields, matrix)
    reached = frozenset(where.edits or matrix.edits)
    rebuilt = _rebuilt(sheet, fields["rebuilt"], reached) if "rebuilt" in fields else frozenset()
    cause_node = fields.get("failed") or fields.get("otherwise")
    cause = word(sheet, cause_node, "cause", _CAUSES) if cause_node else None
    if _is_understood(node, fields):
        _check_outcome(sheet, node, fields, everything=rebuilt >= reached)
    return ClaimRule(
        where,
        rebuilt,
        Cause(cause) if cause else None,
        sheet.file,
        node.start_mark.line + 1,
        _why(sheet, fields),
    )


def _rebuilt(sheet: Sheet, node: yaml.Node, reached: frozenset[str]) -> frozenset[str]:
    if kind(node) == "text" and node.value == "all":
        return reached
    return frozenset(words(sheet, node, "edit in 'rebuilt'", sorted(reached), single=False))


def _check_outcome(
    sheet: Sheet, node: yaml.Node, fields: dict[str, yaml.Node], *, everything: bool
) -> None:
    """One outcome and no more; a cause for the rest where there is a rest, and only there."""
    if ("rebuilt" in fields) == ("failed" in fields):
        sheet.complain(node, "a claim has either 'rebuilt' (all, or edits) or 'failed' (a cause)")
    elif "failed" in fields and "otherwise" in fields:
        sheet.complain(fields["otherwise"], "'otherwise' goes with 'rebuilt', not with 'failed'")
    elif "rebuilt" in fields and everything and "otherwise" in fields:
        sheet.complain(fields["otherwise"], "'otherwise' says nothing: every edit is rebuilt")
    elif "rebuilt" in fields and not everything and "otherwise" not in fields:
        sheet.complain(node, "a claim that not all edits are rebuilt needs 'otherwise': a cause")


def check_coverage(
    sheet: Sheet, node: yaml.Node, scenario: str, matrix: Matrix, claims: Sequence[ClaimRule]
) -> None:
    """Complain of cells without a claim and of claims without effect; *node* holds the claims."""
    cells = matrix.cells(scenario)
    deciding: set[int] = set()
    matching: set[int] = set()
    silent = []
    for key in cells:
        matches = [index for index, claim in enumerate(claims) if claim.where.matches(key)]
        matching.update(matches)
        deciding.update(matches[-1:])
        if not matches:
            silent.append(key.id)
    for index, item in enumerate(node.value):
        if index not in matching:
            sheet.complain(item, "this claim matches no cell")
        elif index not in deciding:
            sheet.complain(item, "dead claim: later claims override it for every cell")
    if silent:
        named = ", ".join(silent[:_EXAMPLES])
        more = f" and {len(silent) - _EXAMPLES} more" if len(silent) > _EXAMPLES else ""
        sheet.complain(node, f"no claim for {len(silent)} of {len(cells)} cells: {named}{more}")


def check_exclusions(sheet: Sheet, node: yaml.Node, scenario: str, matrix: Matrix) -> None:
    """Complain of exclusions without effect, or that leave nothing; *node* holds them."""
    left = list(matrix.combinations(scenario))
    for item, exclusion in zip(node.value, matrix.exclusions, strict=True):
        rest = [key for key in left if not exclusion.where.matches(key)]
        if len(rest) == len(left):
            sheet.complain(item, "this exclusion leaves out no cell")
        left = rest
    if not left:
        sheet.complain(node, "'exclude' leaves out every cell: nothing would run")
