"""A realistic run of about 1,000 cells: the shapes and sizes that hand measurements gave.

Most claims hold; a few cells of each kind do not, so that every branch of a report is taken.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from harness.results import (
    BranchResult,
    Cause,
    CellKey,
    CellResult,
    Claim,
    Ending,
    Role,
    RunResult,
    Trouble,
    Verdict,
    Witness,
)

EDITS = [
    *("identical", "hosts", "hostname", "motd", "service", "editor", "initrd"),
    *("add-runtime-package", "add-build-package", "patch-program", "patch-library"),
    *("change-stdenv", "new-package", "bump-version"),
]
PROVISIONS = ("built", "cached-packages", "cached-all", "copied")
#: strategy: (what survives in each provision, kB kept, kB in a bundle, seconds to protect).
STRATEGIES: dict[str, tuple[tuple[str, str, str, str], int, int, float]] = {
    "none": (("P.............",) * 4, 8983, 0, 0.0),
    "keep-outputs": (
        ("PPPPPPPPPPPP..", "PPPPPPPPP.....", "P.PP.P.P......", "P............."),
        58178, 0, 0.3,
    ),
    "keep-outputs-realised": (("PPPPPPPPPPPP..",) * 4, 58178, 0, 6.1),
    "keep-derivations": (("P.............",) * 4, 8919, 0, 0.3),
    "include-build-dependencies": (("PPPPPPPPPPPP..",) * 4, 58197, 0, 9.4),
    "extra-dependencies": (("P..P..........",) * 4, 9513, 0, 2.2),
    "pin-sources": (("PPPPPPPPPPPP..",) * 4, 42812, 0, 3.0),
    "bundle-recipe": (("P.............",) * 4, 8983, 412, 1.1),
    "bundle-full": (("PPPPPPPPPPPP..",) * 4, 8983, 49871, 7.7),
    "derivation-json": (("P.............",) * 4, 8983, 380, 1.4),
    "mirror": (("PPPPPPPPPPPP..",) * 4, 8983, 50112, 8.0),
}  # fmt: skip
NETWORKS = ("down", "no-interface", "refused", "dns-dead")
FLAGS = (
    "",
    "--offline",
    "--option substitute false",
    '--option substituters ""',
    '--option binary-caches ""',
    "--fallback",
    "--option connect-timeout 1 --option download-attempts 1",
)
LOG = """\
these 7 derivations will be built:
  /nix/store/0c3hv5l9c2n5p0z3x4r8a1s7d6f5g4h3-hosts.drv
  /nix/store/1d4jw6m0d3p6q1y4y5s9b2v8f7g6h5j4-etc.drv
building '/nix/store/0c3hv5l9c2n5p0z3x4r8a1s7d6f5g4h3-hosts.drv'...
\x1b[31;1merror:\x1b[0m unable to download 'http://mirror.internet/zlib-1.3.tar.gz': Couldn't \
resolve host name (6)
error: 1 dependencies of derivation '/nix/store/2e5kx7n1f4q7r2z5-etc.drv' failed to build
error: build of '/nix/store/3f6ly8p2g5r8s3a6-toplevel.drv' failed
"""
TOPLEVEL = "/nix/store/4g7mz9q3h6s9v4b7i8v2c5f1j0k9l8m7-toplevel"


def sample_run() -> RunResult:
    """About a thousand cells of four scenarios; the same at every call."""
    chance = random.Random(20)
    cells = [*_strategies(chance), *_flags(chance), *_ifd(chance), *_controls(chance)]
    cells = _with_surprises(cells)
    return RunResult(
        started="2026-03-01T12:34:56+01:00",
        seconds=812.4,
        complete=True,
        ended=Ending.FINISHED,
        planned=len(cells),
        cells=tuple(cells),
        branches=tuple(_branches(chance)),
        facts={
            "harness": "0.1.0",
            "nix": "nix (Nix) 2.26.3",
            "qemu": "QEMU emulator version 7.2.22",
            "accelerator": "tcg (a guest did not boot under KVM within 10 s)",
            "kernel": "6.12.57+deb13-cloud-amd64",
            "image": "sha256:6b1d0c9e",
            "hostname": "runner-3",
            "seed": "20",
        },
        scenarios={
            name: "sha256:" + name.encode().hex() for name in ("strategies", "flags", "ifd")
        },
    )


def cell(
    key: CellKey,
    verdict: Verdict = Verdict.REBUILT,
    cause: Cause | None = None,
    *,
    chance: random.Random | None = None,
) -> CellResult:
    """A finished cell whose claim holds."""
    chance = chance or random.Random(1)
    slow = 20.0 if key.strategy == "pin-sources" else 1.0
    seconds = round(chance.uniform(0.6, 1.4) * slow, 3)
    failed = verdict is Verdict.FAILED
    missing = ("zlib-1.3.tar.gz", "patchelf-0.15") if cause is Cause.BUILD_MISS else ()
    return CellResult(
        key=key,
        claim=Claim(verdict, cause, f"scenarios/{key.scenario}/scenario.yaml", 42, "as measured"),
        verdict=verdict,
        cause=cause,
        message="7 to build, and sources are missing: zlib-1.3.tar.gz" if failed else "",
        detail=f"{key.edit} changes 7 derivations\n  needs zlib-1.3.tar.gz\n" if failed else "",
        seconds=seconds + 0.4,
        rebuild_seconds=seconds,
        built=() if failed else tuple(f"part-{n}" for n in range(31 if slow > 1 else 6)),
        missing=missing,
        output="" if failed else TOPLEVEL,
        expected_output=TOPLEVEL,
        witnesses=(
            Witness("network-down", True, "ping 10.0.2.2: Network is unreachable"),
            Witness("internet-silent", True, "0 connections since the cut"),
        ),
        log=f"logs/{key.id}.log",
        log_tail=LOG * (3 if failed else 1),
    )


def _strategies(chance: random.Random) -> Iterator[CellResult]:
    for number, provision in enumerate(PROVISIONS):
        for strategy, (patterns, *_) in STRATEGIES.items():
            for edit, mark in zip(EDITS, patterns[number], strict=True):
                key = CellKey(
                    "strategies", "pocket", provision, strategy, "kept", "down", "nix-build",
                    "--option substitute false", edit,
                )  # fmt: skip
                failed = mark == "."
                verdict = Verdict.FAILED if failed else Verdict.REBUILT
                yield cell(key, verdict, Cause.BUILD_MISS if failed else None, chance=chance)


def _flags(chance: random.Random) -> Iterator[CellResult]:
    for network in NETWORKS:
        for caches in ("kept", "wiped"):
            for command in ("nix-build", "nix"):
                for flags in FLAGS:
                    key = CellKey(
                        "flags", "pocket", "cached-packages", "keep-outputs-realised", caches,
                        network, command, flags, "hosts",
                    )  # fmt: skip
                    if flags == "--offline" and command == "nix-build":
                        yield cell(key, Verdict.FAILED, Cause.UNSUPPORTED_FLAG, chance=chance)
                    elif flags in ("", FLAGS[-1]) and caches == "kept":
                        yield cell(key, Verdict.FAILED, Cause.CACHE_QUERY, chance=chance)
                    else:
                        yield cell(key, chance=chance)


def _ifd(chance: random.Random) -> Iterator[CellResult]:
    for provision in PROVISIONS:
        for strategy in ("none", "keep-outputs", "include-build-dependencies", "mirror"):
            for edit in ("identical", "hosts", "hostname", "imported-data"):
                key = CellKey(
                    "ifd", "pocket", provision, strategy, "kept", "down", "nix-build",
                    "--option substitute false", edit,
                )  # fmt: skip
                yield cell(key, Verdict.FAILED, Cause.EVALUATION_FETCH, chance=chance)


def _controls(chance: random.Random) -> Iterator[CellResult]:
    for provision in PROVISIONS:
        for strategy in ("none", "include-build-dependencies", "extra-dependencies"):
            for edit in EDITS:
                key = CellKey(
                    "strategies", "pocket", provision, strategy, "kept", "up", "nix-build", "",
                    edit, Role.ONLINE_CONTROL,
                )  # fmt: skip
                yield cell(key, chance=chance)
        key = CellKey(
            "ifd", "pocket", provision, "none", "wiped", "down", "nix-build",
            "--option substitute false", "hosts", Role.NEGATIVE_CONTROL,
        )  # fmt: skip
        yield cell(key, Verdict.FAILED, Cause.EVALUATION_FETCH, chance=chance)


def _with_surprises(cells: list[CellResult]) -> list[CellResult]:
    """One of each kind of trouble, in places that are easy to find again."""
    found = list(cells)
    missed = found[30]
    found[30] = replace(missed, claim=replace(missed.claim, verdict=Verdict.REBUILT, cause=None),
                        verdict=Verdict.FAILED, cause=Cause.BUILD_MISS, missing=("jq-1.7",),
                        message="1 to build, and sources are missing: jq-1.7.tar.gz",
                        log_tail=LOG * 40)  # fmt: skip
    found[1] = replace(found[1], verdict=Verdict.REBUILT, cause=None, message="")
    found[45] = replace(found[45], verdict=Verdict.FAILED, cause=Cause.STALLED,
                        message="the rebuild did not end within 60 s")  # fmt: skip
    found[60] = replace(found[60], verdict=Verdict.ERROR, cause=None, trouble=Trouble.MACHINE,
                        message="the machine panicked: Out of memory")  # fmt: skip
    found[75] = replace(found[75], verdict=Verdict.SKIPPED, cause=None,
                        message="needs 14 GiB of disk, 3 GiB are free")  # fmt: skip
    leak = Witness(
        "internet-silent", False, "2 connections since the cut, first GET /nix-cache-info"
    )
    found[90] = replace(found[90], witnesses=(*found[90].witnesses[:1], leak))
    return found


def _branches(chance: random.Random) -> Iterator[BranchResult]:
    for number, provision in enumerate(PROVISIONS):
        for strategy, (_, kept, bundle, protect) in STRATEGIES.items():
            yield _branch("strategies", provision, strategy, kept, bundle, protect, chance)
        for strategy in ("none", "keep-outputs", "include-build-dependencies", "mirror"):
            _, kept, bundle, protect = STRATEGIES[strategy]
            yield _branch("ifd", provision, strategy, kept + number, bundle, protect, chance)
    for network in NETWORKS:
        for caches in ("kept", "wiped"):
            made = _branch(
                "flags", "cached-packages", "keep-outputs-realised", 58178, 0, 6.1, chance
            )
            yield replace(made, network=network, caches=caches)


def _branch(
    scenario: str, provision: str, strategy: str, kept: int, bundle: int, protect: float,
    chance: random.Random,
) -> BranchResult:  # fmt: skip
    return BranchResult(
        scenario=scenario, system="pocket", provision=provision, strategy=strategy,
        caches="kept", network="down",
        store_before=70_112_000, store_after=kept * 1000, bundle=bundle * 1000,
        protect_seconds=protect, collect_seconds=round(chance.uniform(0.8, 1.2), 3),
        restore_seconds=2.0 if bundle else 0.0,
        witnesses=(
            Witness("network-up", True, "GET http://cache.internet/nix-cache-info: 200"),
            Witness("canary-collected", True, "/nix/store/5h8n0r4j7v0w5c8-canary is gone"),
            Witness("network-cut", True, "eth0 is down; probe: Network is unreachable"),
        ),
    )  # fmt: skip
