"""A repository with what the release scripts read, for tests that change it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

CHANGELOG = """\
# Changelog

## Unreleased

### Added

- A thing.

## 0.1.0 - 2026-01-31

### Added

- The first thing.
"""

EXAMPLE = """\
```yaml
jobs:
  guard:
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - uses: ci-guard/ci-guard@0000000000000000000000000000000000000000 # the commit of a release
      - uses: ci-guard/ci-guard/actions/secret-scan@v1
  whole:
    uses: ci-guard/ci-guard/.github/workflows/guard.yml@main
```

`ci-guard/ci-guard@v1` in a sentence stays.
"""


def make(folder: Path, *, version: str = "0.1.0", changelog: str = CHANGELOG) -> Path:
    """Make a repository of one commit."""
    files = {
        "ci_guard/__init__.py": f'"""A package."""\n\n__version__ = "{version}"\n',
        "CHANGELOG.md": changelog,
        "README.md": EXAMPLE,
        "docs/deep/page.md": EXAMPLE,
        "scripts/release.py": (ROOT / "scripts/release.py").read_text(encoding="utf-8"),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copy2(ROOT / "scripts/publish", folder / "scripts/publish")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Start")
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it says."""
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def release(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the release script of the repository."""
    return subprocess.run(
        [sys.executable, "scripts/release.py", *arguments],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
