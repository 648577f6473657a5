"""Which tier tries the revisions of a bisection."""

from __future__ import annotations

from harness.bisect.steps import Question, Runner


def runner_of(question: Question) -> Runner:
    """The runner of the question's tier; only what that tier needs is imported."""
    if question.tier == "nixos":
        from harness.bisect.nixos import NixosRunner  # noqa: PLC0415

        return NixosRunner(question)
    from harness.bisect.embedded import EmbeddedRunner  # noqa: PLC0415

    return EmbeddedRunner(question)
