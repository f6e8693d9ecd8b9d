"""`scripts/publish`: a draft gets all files before it is published, and a published release is never touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.release import checkout
from tests.release.checkout import CHANGELOG

FILES = {
    "packages/ci_guard-0.1.0.tar.gz": "sources",
    "packages/ci_guard-0.1.0-py3-none-any.whl": "wheel",
    "ci-guard.cdx.json": "{}",
    "SHA256SUMS": "sums",
}


class Publisher:
    """A checkout whose files were built, and a GitHub that keeps releases in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = checkout.make(folder / "checkout", changelog=CHANGELOG)
        self.state = folder / "releases.json"
        for name, text in FILES.items():
            path = self.folder / "dist" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        programs = folder / "programs"
        programs.mkdir()
        (programs / "gh").write_text(
            f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("gh.py")} "$@"\n', encoding="utf-8"
        )
        (programs / "gh").chmod(0o755)
        self.path = f"{programs}:{os.environ['PATH']}"

    def __call__(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["scripts/publish", "v0.1.0", "dist"],
            cwd=self.folder,
            env={"PATH": self.path, "GH_STATE": str(self.state), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def releases(self) -> Any:
        return json.loads(self.state.read_text())

    def has(self, **release: Any) -> None:
        self.state.write_text(json.dumps({"v0.1.0": {"isDraft": True, "notes": "", "assets": {}, **release}}))


@pytest.fixture
def publish(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path)


def test_publishes_every_file_with_the_changelogs_words(publish: Publisher) -> None:
    done = publish()
    assert done.returncode == 0, done.stderr
    (release,) = publish.releases().values()
    assert release["isDraft"] is False
    assert release["notes"] == "### Added\n\n- The first thing.\n"
    assert release["assets"] == {Path(name).name: text for name, text in FILES.items()}


def test_a_draft_that_a_failed_attempt_left_is_made_anew(publish: Publisher) -> None:
    publish.has(assets={"half": ""})
    assert publish().returncode == 0
    assert set(publish.releases()["v0.1.0"]["assets"]) == {Path(name).name for name in FILES}


def test_a_published_release_is_never_touched(publish: Publisher) -> None:
    publish.has(isDraft=False, assets={"old": "bytes"})
    before = publish.releases()
    done = publish()
    assert (done.returncode, "make a new version" in done.stderr) == (1, True)
    assert publish.releases() == before


def test_says_when_the_repository_lets_releases_be_changed(publish: Publisher) -> None:
    done = publish(GH_MUTABLE="1")
    assert (done.returncode, "enable immutable releases" in done.stderr) == (1, True)


def test_publishes_nothing_without_the_changelogs_section(publish: Publisher) -> None:
    (publish.folder / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n")
    assert publish().returncode != 0
    assert not publish.state.exists()
