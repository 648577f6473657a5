from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.results import CellKey
from harness.scenario import FlagError, split_flags
from harness.scenario.flags import _OPTIONS


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("", ()),
        ("--offline", ("--offline",)),
        ("--fallback", ("--fallback",)),
        ("--option substitute false", ("--option", "substitute", "false")),
        ('--option substituters ""', ("--option", "substituters", "")),
        ('--option binary-caches ""', ("--option", "binary-caches", "")),
        (
            "--option connect-timeout 1 --option download-attempts 1",
            ("--option", "connect-timeout", "1", "--option", "download-attempts", "1"),
        ),
        ("--fallback --offline", ("--fallback", "--offline")),
    ],
)
def test_allowed(flags: str, words: tuple[str, ...]) -> None:
    assert split_flags(flags) == words


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("--ofline", "unknown flag '--ofline'; did you mean '--offline'?"),
        ("--option substitue false", "unknown option 'substitue'; did you mean 'substitute'?"),
        ("--option substitute no", "takes true or false, not 'no'"),
        ("--option substitute", "takes true or false, not ''"),
        ("--option", "unknown option ''"),
        ("--option substituters http://example.invalid", 'takes ""'),
        ("--option connect-timeout -1", "takes a number of seconds"),
        ("--option connect-timeout 1e3", "takes a number of seconds"),
        ("--option builders ssh://x", "unknown option 'builders'"),
        ("--option post-build-hook /bin/sh", "unknown option 'post-build-hook'"),
        (" --offline", "unknown flag ''"),
        ("--offline ", "unknown flag ''"),
        ("--offline  --fallback", "unknown flag ''"),
        ("--offline; reboot", "unknown flag '--offline;'"),
        ("--offline\n", "unknown flag '--offline\\n'"),
        ("$(reboot)", "unknown flag"),
        ("--option substitute false\n", "takes true or false"),
        ('--option substituters """"', 'takes ""'),
        ("''", "unknown flag"),
    ],
)
def test_refused(flags: str, says: str) -> None:
    with pytest.raises(FlagError) as error:
        split_flags(flags)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


VALUES = {"true or false": ["true", "false"], '""': ['""']}
words = st.one_of(
    st.sampled_from(["--offline", "--fallback"]),
    *(
        st.sampled_from(VALUES.get(meaning, ["0", "7"])).map(f"--option {name} {{}}".format)
        for name, (_, meaning) in _OPTIONS.items()
    ),
)
lines = st.lists(words, max_size=4).map(" ".join)


@given(lines, lines)
def test_different_flags_have_different_cell_ids(one: str, other: str) -> None:
    def identifier(flags: str) -> str:
        split_flags(flags)
        at = ("pocket", "built", "none", "kept", "down", "nix-build")
        return CellKey("s", *at, flags=flags, edit="hosts").id

    assert (identifier(one) == identifier(other)) == (one == other)
    assert set(identifier(one)) <= {*string.ascii_lowercase, *string.digits, *"-/"}


@given(st.text(st.sampled_from("-optin subeflas10\"'$;|&\n\\`offline"), max_size=40))
@example('--option substituters "" ""')
def test_nothing_that_a_shell_could_read_gets_through(flags: str) -> None:
    try:
        found = split_flags(flags)
    except FlagError:
        return
    allowed = set(string.ascii_lowercase + string.digits + "-")
    assert all(set(word) <= allowed for word in found)
