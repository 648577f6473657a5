"""An internet that runs on another machine, commanded and read through that machine's shell."""

from __future__ import annotations

import json
from dataclasses import dataclass

from harness.errors import MachineError
from harness.internet.cache import View
from harness.internet.log import Mark
from harness.internet.reach import Moment
from harness.machines.base import Machine
from harness.machines.shell import command


@dataclass(frozen=True)
class RemoteReach:
    """A `Reach` whose servers are `harness.internet.node` on the *node*.

    The node is no part of the experiment's checkpoints: it and its log go on while the machine
    under test goes back, so what was heard is never forgotten.
    """

    node: Machine
    address: str
    card: str
    python: str = "python3"

    def open(self) -> None:
        """Serve everything."""
        self._ask(do="open")

    def refuse(self) -> None:
        """Refuse HTTP connections, while names still resolve."""
        self._ask(do="refuse")

    def show(self, view: View) -> None:
        """What the cache has from now on."""
        self._ask(do="show", view=view.name)

    def now(self) -> Moment:
        """This moment in the logs."""
        connections, requests, questions = self._numbers(self._ask(do="now"))
        return Moment(Mark(connections, requests), questions)

    def heard_since(self, moment: Moment) -> list[str]:
        """What arrived since *moment*, a line each."""
        heard = self._ask(do="heard", since=_since(moment))
        if not isinstance(heard, list):
            raise MachineError(f"the internet node answered nonsense: {heard!r}")
        return [str(line) for line in heard]

    def nars_since(self, moment: Moment) -> int:
        """How many NARs the cache gave out since *moment*."""
        return self._count("nars", moment)

    def close(self) -> None:
        """Leave the node running: the next machine uses it, the test driver ends it."""

    def _count(self, what: str, moment: Moment) -> int:
        (count,) = self._numbers([self._ask(do=what, since=_since(moment))])
        return count

    def _ask(self, **request: object) -> object:
        done = self.node.succeed(
            command(
                f"{self.python} -m harness.internet.node ask %s",
                json.dumps(request),
            ),
            timeout=120,
        )
        try:
            answer = json.loads(done)
        except ValueError as error:
            raise MachineError(f"the internet node answered nonsense: {done!r}") from error
        if "error" in answer:
            raise MachineError(f"the internet node: {answer['error']}")
        found: object = answer["answer"]
        return found

    @staticmethod
    def _numbers(answer: object) -> list[int]:
        if isinstance(answer, list) and all(type(number) is int for number in answer):
            return answer
        raise MachineError(f"the internet node answered nonsense: {answer!r}")


def _since(moment: Moment) -> list[int]:
    return [moment.http.connections, moment.http.requests, moment.questions]
