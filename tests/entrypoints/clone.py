"""Real repositories as people have them, and a way to run a command in one."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci_guard.entrypoints import cli


class Stream(io.StringIO):
    """A stream that can show everything, and is no terminal."""

    encoding = "utf-8"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command said, and with which exit code."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """Standard output without its line ends, which depend on the width."""
        return " ".join(self.out.split())


def say(monkeypatch: pytest.MonkeyPatch, folder: Path, *argv: str, environ: Mapping[str, str] | None = None) -> Said:
    """Run a command in a folder."""
    monkeypatch.chdir(folder)
    stdout, stderr = Stream(), Stream()
    code = cli.run(argv, dict(environ or {}), stdout, stderr)
    assert "Traceback" not in stdout.getvalue() + stderr.getvalue()
    return Said(code=code, out=stdout.getvalue(), err=stderr.getvalue())


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it says."""
    done = subprocess.run(["git", *arguments], cwd=folder, env=os.environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make(
    folder: Path,
    *,
    remotes: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    branch: str = "main",
) -> Path:
    """Make a repository with one commit of these files."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", branch)
    for name, text in {"README.md": "# Shop\n", **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Start")
    for name, address in (remotes or {}).items():
        git(folder, "remote", "add", name, address)
    return folder


def remember_head(folder: Path, branch: str, *, remote: str = "origin") -> None:
    """Leave in a repository what a clone of it would remember of its remote's default branch."""
    git(folder, "update-ref", f"refs/remotes/{remote}/{branch}", "HEAD")
    git(folder, "symbolic-ref", f"refs/remotes/{remote}/HEAD", f"refs/remotes/{remote}/{branch}")


def tree(folder: Path) -> dict[str, str]:
    """Return every file outside of `.git`, with its text."""
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }
