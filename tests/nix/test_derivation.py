from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ExitCode
from harness.nix.derivation import (
    ENCODING,
    Derivation,
    DerivationError,
    Output,
    OutputKind,
    Selection,
    is_store_path,
    parse_derivation,
    write_derivation,
)

DIGEST = "c015dhfh5l0lp6wxyvdn7bmwhbbr6hr9"
SHA256 = "894517c9163c896ec31a2adbd33c0681fd5f45b2c0ef08a64c92a03fb97f390f"

# Any bytes at all may stand in an environment.
texts = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=30).map(lambda raw: raw.decode(*ENCODING)),
    st.text(alphabet='"\\\n\r\tnrt$', max_size=20),
)
names = st.text(alphabet="abcXYZ019+-._?=", min_size=1, max_size=12)
digests = st.text(alphabet="0123456789abcdfghijklmnpqrsvwxyz", min_size=32, max_size=32)
store_paths = st.builds("/nix/store/{}-{}".format, digests, names)
recipe_paths = store_paths.map("{}.drv".format)
algorithms = st.sampled_from(["sha256", "r:sha256", "text:sha256", "git:sha256"])
outputs = st.one_of(
    st.builds(Output, store_paths),
    st.builds(Output, st.just("")),
    st.builds(Output, store_paths, algorithms, st.just(SHA256)),
    st.builds(Output, st.just(""), algorithms, st.sampled_from(["", "impure"])),
)
plain_selections = st.builds(Selection, st.frozensets(names, min_size=1, max_size=3))
selections = st.recursive(
    plain_selections,
    lambda inner: st.builds(
        Selection,
        st.frozensets(names, max_size=2),
        st.dictionaries(names, inner, min_size=1, max_size=2),
    ),
    max_leaves=5,
)


def derivations(taken: st.SearchStrategy[Selection]) -> st.SearchStrategy[Derivation]:
    return st.builds(
        Derivation,
        outputs=st.dictionaries(names, outputs, max_size=3),
        input_derivations=st.dictionaries(recipe_paths, taken, max_size=3),
        input_sources=st.frozensets(store_paths, max_size=3),
        platform=texts,
        builder=texts,
        args=st.lists(texts, max_size=4).map(tuple),
        env=st.dictionaries(texts, texts, max_size=4),
    )


@given(derivations(plain_selections))
def test_what_is_written_reads_the_same(derivation: Derivation) -> None:
    text = write_derivation(derivation)
    assert text.startswith("Derive(")
    assert parse_derivation(text) == derivation
    assert write_derivation(parse_derivation(text)) == text


@given(derivations(selections))
def test_dynamic_derivations_too(derivation: Derivation) -> None:
    text = write_derivation(derivation)
    assert text.startswith("Drv" if derivation.is_dynamic else "Derive(")
    assert parse_derivation(text) == derivation


@given(derivations(plain_selections), st.data())
def test_no_beginning_of_a_derivation_is_one(derivation: Derivation, data: st.DataObject) -> None:
    text = write_derivation(derivation)
    end = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(DerivationError) as caught:
        parse_derivation(text[:end], origin="x.drv")
    assert "x.drv" in caught.value.message
    assert "at character" in caught.value.message


@given(st.text(alphabet='Derive()[],"\\x', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        derivation = parse_derivation(text)
    except DerivationError:
        return
    assert parse_derivation(write_derivation(derivation)) == derivation


def minimal(
    *, outs: str = "", inputs: str = "", sources: str = "", env: str = "", tail: str = ")"
) -> str:
    return f'Derive([{outs}],[{inputs}],[{sources}],"x86_64-linux","/bin/sh",[],[{env}]{tail}'


def test_all_escape_sequences() -> None:
    raw = r'("a\"b","q\" s\\ n\n r\r t\t other\q unicode é")'
    assert parse_derivation(minimal(env=raw)).env == {'a"b': 'q" s\\ n\n r\r t\t otherq unicode é'}


def test_unescaped_control_characters_stand_for_themselves() -> None:
    assert parse_derivation(minimal(env='("a","x\ny\tz")')).env == {"a": "x\ny\tz"}


def test_nix_orders_by_bytes() -> None:
    keys = ["Z", "a", "\uffff", "\U0001f600", "\udcff"]
    env = dict.fromkeys(reversed(keys), "")
    written = write_derivation(Derivation({}, {}, frozenset(), "x", "y", (), env))
    assert written.endswith("[" + ",".join(f'("{key}","")' for key in keys) + "])")


def test_structured_attributes() -> None:
    text = minimal(env=r'("__json","{\"outputs\":[\"out\"],\"n\":{\"deep\":[1,null]}}")')
    derivation = parse_derivation(text)
    assert derivation.structured_attrs == {"outputs": ["out"], "n": {"deep": [1, None]}}
    assert write_derivation(derivation) == text
    assert parse_derivation(minimal()).structured_attrs is None


def test_structured_attributes_that_are_no_json() -> None:
    derivation = parse_derivation(minimal(env='("__json","{")'))
    with pytest.raises(DerivationError, match="not JSON"):
        _ = derivation.structured_attrs


@pytest.mark.parametrize(
    ("fields", "kind", "method"),
    [
        ((f"/nix/store/{DIGEST}-a", "", ""), OutputKind.INPUT_ADDRESSED, None),
        ((f"/nix/store/{DIGEST}-a", "sha256", SHA256), OutputKind.FIXED, "flat"),
        ((f"/nix/store/{DIGEST}-a", "r:sha256", SHA256), OutputKind.FIXED, "nar"),
        ((f"/nix/store/{DIGEST}-a", "r:sha1", "ab" * 20), OutputKind.FIXED, "nar"),
        ((f"/nix/store/{DIGEST}-a", "md5", "ab" * 16), OutputKind.FIXED, "flat"),
        ((f"/nix/store/{DIGEST}-a", "sha512", "ab" * 64), OutputKind.FIXED, "flat"),
        ((f"/nix/store/{DIGEST}-a", "sha256", "1" * 52), OutputKind.FIXED, "flat"),
        ((f"/nix/store/{DIGEST}-a", "sha256", "A" * 43 + "="), OutputKind.FIXED, "flat"),
        ((f"/nix/store/{DIGEST}-a", "text:sha256", SHA256), OutputKind.FIXED, "text"),
        ((f"/nix/store/{DIGEST}-a", "git:sha1", "ab" * 20), OutputKind.FIXED, "git"),
        (("", "r:sha256", ""), OutputKind.FLOATING, "nar"),
        (("", "", ""), OutputKind.DEFERRED, None),
        (("", "r:sha256", "impure"), OutputKind.IMPURE, "nar"),
    ],
)
def test_kinds_of_output(
    fields: tuple[str, str, str], kind: OutputKind, method: str | None
) -> None:
    listed = ",".join(f'"{one}"' for one in fields)
    output = parse_derivation(minimal(outs=f'("out",{listed})')).outputs["out"]
    assert output == Output(*fields)
    assert (output.kind, output.method) == (kind, method)


def test_the_form_for_dynamic_derivations() -> None:
    """As in Nix's own test data (``dyn-dep-derivation.drv``)."""
    text = (
        f'DrvWithVersion("xp-dyn-drv",[],[("/nix/store/{DIGEST}-dep2.drv",'
        '(["cat","dog"],[("cat",["kitten"]),("goose",["gosling"])]))],'
        f'["/nix/store/{DIGEST}-dep1"],"wasm-sel4","foo",["bar","baz"],[("BIG_BAD","WOLF")])'
    )
    derivation = parse_derivation(text)
    assert derivation.is_dynamic
    assert derivation.input_derivations == {
        f"/nix/store/{DIGEST}-dep2.drv": Selection(
            frozenset({"cat", "dog"}),
            {
                "cat": Selection(frozenset({"kitten"})),
                "goose": Selection(frozenset({"gosling"})),
            },
        )
    }
    assert write_derivation(derivation) == text


DEP = f'"/nix/store/{DIGEST}-dep.drv"'
OUT = f'"/nix/store/{DIGEST}-a"'


# The mark ¦ stands where the complaint has to point.
REFUSED = [
    ("¦", "does not start with"),
    ("¦[Unit]\nDescription=x\n", "does not start with"),
    ('DrvWithVersion(¦"xp-next",[])', "version 'xp-next' of the derivation format is unknown"),
    (minimal(tail='¦,"new field")'), "expected ')'"),
    (minimal() + "¦\n", "text after the end"),
    (minimal(tail="¦"), "expected ')'"),
    (minimal(outs=f'("out",{OUT},"",""¦,"new")'), "expected ')'"),
    (minimal(outs=f'("out",¦{OUT},"sha3","{SHA256}")'), "'sha3' is unknown"),
    (minimal(outs=f'("out",¦{OUT},"new:sha256","{SHA256}")'), "'new:sha256' is unknown"),
    (minimal(outs=f'("out",¦{OUT},"sha256","abc")'), "'abc' is not a sha256 hash"),
    (minimal(outs=f'("out",¦{OUT},"","{SHA256}")'), "hash without a hash algorithm"),
    (minimal(outs=f'("out",¦"","sha256","{SHA256}")'), "fixed output without its path"),
    (minimal(outs=f'("out",¦{OUT},"sha256","impure")'), "impure cannot have a path"),
    (minimal(outs=f'("out",¦{OUT},"sha256","")'), "floating cannot have a path"),
    (minimal(outs='("out",¦"/nix/store/x","","")'), "'/nix/store/x' is not a store path"),
    (minimal(outs=f'(¦"a b",{OUT},"","")'), "'a b' is not an output name"),
    (minimal(outs=f'("a",{OUT},"",""),¦("a",{OUT},"","")'), "'a' appears twice"),
    (minimal(env='("a",""),¦("a","")'), "'a' appears twice"),
    (minimal(inputs=f"({DEP},¦[])"), "no output is taken"),
    (minimal(inputs=f'({DEP},["out",¦"out"])'), "'out' appears twice"),
    (minimal(inputs=f'({DEP},¦(["out"],[]))'), "expected '['"),
    (minimal(inputs='(¦"relative.drv",["out"])'), "is not a store path"),
    (minimal(sources='¦"/nix/store/../x"'), "is not a store path"),
    (minimal(sources=f"{OUT}¦{OUT}"), "expected ','"),
    (minimal(env='("a",¦"unfinished)'), "a string without its end"),
    (minimal(env='("a",¦b)'), "expected a string"),
]


@pytest.mark.parametrize(("marked", "complaint"), REFUSED)
def test_what_is_not_understood_is_refused_with_its_position(marked: str, complaint: str) -> None:
    position = marked.index("¦") + 1
    with pytest.raises(DerivationError) as caught:
        parse_derivation(marked.replace("¦", ""), origin="/nix/store/x.drv")
    message = caught.value.message
    assert message.startswith("/nix/store/x.drv: not a derivation that this harness can read")
    assert complaint in message
    assert f"at character {position}," in message
    assert caught.value.hint
    assert caught.value.exit_code == ExitCode.SETUP


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"/nix/store/{DIGEST}-a", True),
        (f"/a/private/store/{DIGEST}-a+b._?=-C9", True),
        (f"nix/store/{DIGEST}-a", False),
        (f"/nix/store/{DIGEST}-", False),
        (f"/nix/store/{DIGEST}-a/bin", False),
        (f"/nix/store/{DIGEST[:-1]}e-a", False),
        (f"/nix/store/{DIGEST}-a\n", False),
    ],
)
def test_store_paths(text: str, expected: bool) -> None:
    assert is_store_path(text) is expected
