from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.internet.narinfo import NarInfo, NarInfoError, parse_narinfo

#: As nix 2.8 wrote it, but for the last two fields.
REAL = """\
StorePath: /nix/store/c7k6ss1c4jlrp2q9p2i6gl4r8x1qyqzx-hello-1.0
URL: nar/14myvrk58yvw5k5d7mdqbvccmqxpd0jw6i4pq7bsd5sbpsbxmxnv.nar.xz
Compression: xz
FileHash: sha256:14myvrk58yvw5k5d7mdqbvccmqxpd0jw6i4pq7bsd5sbpsbxmxnv
FileSize: 196
NarHash: sha256:0lvmmzj15nl1qccp0gwdgjdhbp9cxbq5v7yhv6v0lg0xs9n2v3hq
NarSize: 4096
References: 1gf2flfqnpqbr1b4p4qz2f72y42bs56r-gcc-11.3.0 c7k6ss1c4jlrp2q9p2i6gl4r8x1qyqzx-hello-1.0
Deriver: 9bx7r3dbw8ijbxjdhr1hzqjmf5sxx62v-hello-1.0.drv
Sig: test-1:aGVsbG8=
Sig: test-2:aGVsbG8=
CA: fixed:r:sha256:0lvmmzj15nl1qccp0gwdgjdhbp9cxbq5v7yhv6v0lg0xs9n2v3hq
"""

DIGESTS = st.text(st.sampled_from("0123456789abcdfghijklmnpqrsvwxyz"), min_size=32, max_size=32)
NAMES = st.builds(
    "{}-{}".format, DIGESTS, st.text(st.sampled_from("aZ9+-._?="), min_size=1, max_size=30)
)
HEX = st.text(st.sampled_from("0123456789abcdef"), min_size=64, max_size=64)
HASHES = st.one_of(
    HEX.map("sha256:{}".format),
    HEX.map(lambda digits: f"sha256:{digits[:52]}".replace("e", "f")),
    HEX.map(lambda digits: f"sha256-{digits[:43]}="),
)
SIZES = st.integers(1, 2**64 - 1)
NARINFOS = st.builds(
    NarInfo,
    store_path=st.builds("{}/{}".format, st.sampled_from(["/nix/store", "/tmp/s"]), NAMES),
    url=st.builds("nar/{}.nar.zst".format, DIGESTS),
    nar_hash=HASHES,
    nar_size=SIZES,
    compression=st.sampled_from(["none", "xz", "zstd", "bzip2"]),
    file_hash=st.none() | HASHES,
    file_size=st.none() | SIZES,
    references=st.lists(NAMES, max_size=4).map(tuple),
    deriver=st.none() | NAMES.map("{}.drv".format),
    system=st.sampled_from([None, "x86_64-linux"]),
    signatures=st.lists(st.sampled_from(["a-1:aGVsbG8=", "b:AA=="]), max_size=3).map(tuple),
    content_address=st.none() | HASHES.map("text:{}".format),
)


@given(NARINFOS)
def test_what_is_written_is_read_back(info: NarInfo) -> None:
    assert parse_narinfo(str(info)) == info


@given(NARINFOS, st.data())
def test_a_narinfo_that_was_cut_short_is_never_taken_for_whole(
    info: NarInfo, data: st.DataObject
) -> None:
    text = str(info)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    if cut.endswith("\n"):
        return  # at a line's end nothing but missing fields can tell, as for Nix itself
    with pytest.raises(NarInfoError):
        parse_narinfo(cut)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(NarInfoError):
        parse_narinfo(text)


def test_a_real_one() -> None:
    info = parse_narinfo(REAL)
    assert info.digest == "c7k6ss1c4jlrp2q9p2i6gl4r8x1qyqzx"
    assert (info.file_size, info.nar_size, info.compression) == (196, 4096, "xz")
    assert [name[33:] for name in info.references] == ["gcc-11.3.0", "hello-1.0"]
    assert info.deriver == "9bx7r3dbw8ijbxjdhr1hzqjmf5sxx62v-hello-1.0.drv"
    assert info.signatures == ("test-1:aGVsbG8=", "test-2:aGVsbG8=")
    assert str(info) == REAL


def test_what_nix_assumes_and_passes_over() -> None:
    lines = [line for line in REAL.splitlines() if line.split(":")[0] in ("StorePath", "NarHash")]
    lines += ["URL: nar/x.nar.bz2", "NarSize: 1", "References: ", "Deriver: unknown-deriver"]
    info = parse_narinfo("\n".join([*lines, "Future: field", ""]))
    assert info.compression == "bzip2"
    assert info.references == ()
    assert info.deriver is None
    assert info.file_size is None


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ("StorePath: /nix", "StorePath: nix", "1:12", "is not a store path"),
        ("/nix/store/c", "/nix/store/e", "1:12", "is not a store path"),
        ("URL: nar", "URL: /nar", "2:6", "is not a path inside the cache"),
        ("URL: nar", "URL: nar/../..", "2:6", "is not a path inside the cache"),
        ("FileSize: 196", "FileSize: many", "5:11", "'many' is not a size"),
        ("NarHash: sha256:0", "NarHash: sha256:", "6:10", "is not a hash"),
        ("NarSize: 4096", "NarSize: 0", "7:10", "above zero"),
        ("References: 1", "References:  1", "8:13", "is not a list"),
        ("-hello-1.0.drv", "-hello-1.0", "9:10", "is not a derivation's name"),
        ("Sig: test-2:", "Sig: ", "11:6", "is not a signature"),
        ("Compression: xz", "URL: nar/x.nar", "3:1", "URL was given on line 2 already"),
        ("Compression: xz", "Compression", "3:1", "not of the form"),
        ("NarSize: 4096\n", "", "12:1", "NarSize is missing"),
        ("2v3hq\n", "2v3hq", None, "is not a hash"),
        ("\n", "\r\n", "1:12", "is not a store path"),
    ],
)
def test_faults_are_told_with_their_place(
    old: str, new: str, where: str | None, message: str
) -> None:
    text = REAL.replace(old, new)
    assert text != REAL
    with pytest.raises(NarInfoError) as caught:
        parse_narinfo(text, "hello.narinfo")
    assert message in str(caught.value)
    if where is not None:
        assert f"hello.narinfo:{where}: " in str(caught.value)


def test_all_faults_at_once() -> None:
    with pytest.raises(NarInfoError) as caught:
        parse_narinfo("URL: /x\nNarSize: -1\nStore")
    lines = [problem.line for problem in caught.value.problems]
    assert lines == [1, 2, 3, 3, 3]
