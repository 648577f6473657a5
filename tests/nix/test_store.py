"""What Nix prints, read back: registrations, build logs, store paths."""

from __future__ import annotations

import shlex
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import MachineError
from harness.machines.base import Machine, Output
from harness.nix.store import Registration, Store, built_names, name_of, parse_registrations
from harness.strategies.base import Site
from harness.strategies.mirror import Mirror

HASH = "0123456789abcdfghijklmnpqrsvwxyz"
PATH = f"/nix/store/{HASH}-hello-2.12"


def dump(paths: dict[str, Registration]) -> str:
    """As `nix-store --dump-db` prints it."""
    lines = []
    for path, known in paths.items():
        lines += [path, "sha256:00", str(known.size), known.deriver, str(len(known.references))]
        lines += known.references
    return "".join(f"{line}\n" for line in lines)


words = st.from_regex(r"/nix/store/[0-9a-d]{32}-[a-z]{1,8}", fullmatch=True)
registrations = st.builds(
    Registration,
    size=st.integers(0, 10**12),
    deriver=st.just("") | words,
    references=st.lists(words, max_size=3).map(tuple),
)


@given(st.dictionaries(words, registrations, max_size=5))
def test_registrations_are_read_back(paths: dict[str, Registration]) -> None:
    assert parse_registrations(dump(paths)) == paths


@pytest.mark.parametrize(
    "text", [f"{PATH}\n", f"{PATH}\nsha256:0\nbig\n\n0\n", f"{PATH}\na\n1\n\n2\n"]
)
def test_a_dump_that_is_cut_short_is_refused(text: str) -> None:
    with pytest.raises(MachineError, match="unexpected"):
        parse_registrations(text)


def test_built_names_in_order_once_each() -> None:
    log = (
        f"building '/nix/store/{HASH}-a.drv'...\n"
        "hello from the builder\n"
        f"building '/nix/store/{HASH}-b-1.0.drv'...\n"
        f"building '/nix/store/{HASH}-a.drv'...\n"
    )
    assert built_names(log) == ("a", "b-1.0")


def test_name_of() -> None:
    assert name_of(PATH) == "hello-2.12"


class Scripted:
    """A machine whose commands print what the test says."""

    def __init__(self, printed: str) -> None:
        self.printed = printed
        self.commands: list[str] = []

    def succeed(self, command: str, timeout: float | None = 900) -> str:
        self.commands.append(command)
        return self.printed

    def execute(self, command: str, timeout: float | None = 900) -> Output:
        return Output(0, self.succeed(command), "")


def test_a_setting_is_read_by_its_whole_name() -> None:
    machine = Scripted("keep-outputs-not = false\nkeep-outputs = true\n")
    assert Store(machine).setting("keep-outputs") == "true"  # type: ignore[arg-type]


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(MachineError, match="no setting"):
        Store(Scripted("a = b\n")).setting("keep-outputs")  # type: ignore[arg-type]


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1))
def test_paths_are_quoted(path: str) -> None:
    machine = Scripted("")
    Store(machine).set_profile(path)  # type: ignore[arg-type]
    assert path in shlex.split(machine.commands[0])


def test_derivations_are_split_at_the_first_tab_only() -> None:
    machine = Scripted(f"/nix/store/{HASH}-a.drv\tDerive(\t)\n")
    found = Store(machine).derivations("x")  # type: ignore[arg-type]
    assert found == {f"/nix/store/{HASH}-a.drv": "Derive(\t)"}


class Rooting:
    """A machine whose Nix makes the links that its command lines ask for, up to *most*."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.links: dict[str, str] = {}

    def succeed(self, command: str, timeout: float | None = 900) -> str:
        words = shlex.split(command)
        if "--add-root" in words:
            link = words[words.index("--add-root") + 1]
            paths = words[words.index("--realise") + 1 : words.index(">")]
            for number, path in enumerate(paths, start=1):
                if len(self.links) < self.most:
                    self.links[link if number == 1 else f"{link}-{number}"] = path
            return ""
        if "readlink" in command:
            return "\n".join(self.links.values())
        assert "--print-invalid" in command
        return ""


def test_roots_of_more_paths_than_a_command_line_holds_do_not_replace_each_other() -> None:
    machine = Rooting(most=1000)
    paths = [f"/nix/store/{HASH}-{number}" for number in range(450)]
    Store(cast(Machine, machine)).root("source", paths)
    assert sorted(machine.links.values()) == sorted(paths)
    assert all(link.startswith("/nix/var/nix/gcroots/harness/source") for link in machine.links)


def test_fewer_roots_than_paths_is_an_error() -> None:
    paths = [f"/nix/store/{HASH}-{number}" for number in range(5)]
    with pytest.raises(MachineError, match="of 5 paths 4 became GC roots"):
        Store(cast(Machine, Rooting(most=4))).root("source", paths)


def test_a_mirror_offers_what_its_narinfos_name() -> None:
    class Stick:
        def succeed(self, command: str, timeout: float | None = 900) -> str:
            assert "*.narinfo" in command
            return f"{PATH}\n{PATH}-dev\n"

    site = Site(cast(Machine, Stick()), "/tree", PATH)
    assert list(Mirror().offers(site)) == [PATH, f"{PATH}-dev"]
