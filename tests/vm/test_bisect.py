"""A bisection with real machines: an injected regression, a broken revision and a merge."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.cache import cache_folder
from harness.cli import main
from harness.guest.image import Image
from harness.systems.pocket.system import SHIPPED

ROOT = Path(__file__).parent.parent.parent

#: Without boot.json nothing but closureInfo itself needs jq, which is in no recorded closure: with
#: include-build-dependencies every edit then fails for want of it.
BOOT = "tree/nixos/modules/boot.nix"
ENABLED = 'mkEnableOption "the generation of a boot.json" // { default = true; }'
DISABLED = 'mkEnableOption "the generation of a boot.json" // { default = false; }'


class PocketHistory:
    """A repository of the shipped pocket system, changed commit by commit."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pocket = root / "pocket"
        for part in ("tree", "upstream"):
            shutil.copytree(SHIPPED / part, self.pocket / part)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> str:
        config = ["-c", "user.name=A", "-c", "user.email=a@example.invalid"]
        done = subprocess.run(
            ["git", "-C", str(self.root), *config, *words],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, subject: str) -> str:
        self.git("add", "-A")
        self.git("commit", "--quiet", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def harmless(self, subject: str) -> str:
        """A change of the tree that changes no derivation."""
        with (self.pocket / "tree/default.nix").open("a") as file:
            file.write(f"# {subject}\n")
        return self.commit(subject)

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.pocket / name).read_text()
        assert text.count(old) == 1
        (self.pocket / name).write_text(text.replace(old, new))


@pytest.fixture
def own_worlds(image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is published for the revisions goes away with the test; the image is shared."""
    folder = tmp_path / "cache/offline-rebuild-harness"
    folder.mkdir(parents=True)
    (folder / "images").symlink_to(cache_folder() / "images")
    assert image.folder.exists()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.vm
@pytest.mark.usefixtures("own_worlds")
def test_finds_an_injected_regression(tmp_path: Path) -> None:
    history = PocketHistory(tmp_path / "repo")
    good = history.commit("the shipped pocket system")
    history.git("checkout", "--quiet", "-b", "side")
    history.replace(BOOT, ENABLED, DISABLED)
    culprit = history.commit("no boot.json by default")
    history.git("checkout", "--quiet", "main")
    history.replace("tree/default.nix", "lib.fix (", "lib.fix ((")
    broken = history.commit("a tree that does not evaluate")
    history.replace("tree/default.nix", "lib.fix ((", "lib.fix (")
    history.commit("it evaluates again")
    history.git("merge", "--quiet", "--no-ff", "-m", "merge side", "side")
    history.harmless("later")

    reports = tmp_path / "reports"
    words = ["bisect", "strategies", "--scenarios", str(ROOT / "scenarios")]
    words += ["--strategy", "include-build-dependencies", "--provision", "cached-packages"]
    words += ["--edit", "hosts", "--repo", str(history.root), "--tree", "pocket"]
    words += ["--good", good, "--bad", "HEAD", "--report-dir", str(reports)]
    assert main(words) == 0
    found = json.loads((reports / "bisect.json").read_text())
    assert found["first-bad"]["commit"] == culprit
    (signature,) = found["cells"].values()
    assert signature.startswith("build-miss:")
    judgements = {step["commit"]: step["judgement"] for step in found["steps"]}
    assert judgements[good] == "good"
    assert judgements.get(broken, "skip") == "skip"
    assert "after" in (reports / "bisect.md").read_text()
    # Everything is known now: the same question again boots no machine.
    before = (reports / "steps" / culprit / "results.json").stat().st_mtime_ns
    assert main(words) == 0
    assert (reports / "steps" / culprit / "results.json").stat().st_mtime_ns == before
