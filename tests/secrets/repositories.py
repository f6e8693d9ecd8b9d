"""Real git repositories in a temporary folder, made with the machine's git."""

from __future__ import annotations

import os
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Repo:
    path: Path

    @classmethod
    def create(cls, path: Path, *options: str) -> Repo:
        path.mkdir(parents=True, exist_ok=True)
        repo = cls(path)
        repo.git("init", "-q", "-b", "main", *options)
        return repo

    def git(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",  # git names files as they are
            check=True,
            env=_environment(),
        )
        return done.stdout.strip()

    def write(self, files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: dict[str, str | bytes] | None = None, message: str = "change") -> str:
        """Write the files, commit everything, and return the commit's id."""
        self.write(files or {})
        self.git("add", "-A", "-f")
        return self.commit_index(message)

    def commit_index(self, message: str = "change") -> str:
        """Commit what is staged, and return the commit's id."""
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head()

    def head(self) -> str:
        """Return the commit that is checked out; most often without a process for it."""
        folder = self.path / ".git"
        try:
            ref = (folder / "HEAD").read_text().removeprefix("ref: ").strip()
            return (folder / ref).read_text().strip()
        except OSError:
            return self.git("rev-parse", "HEAD")

    def merge(self, branch: str, files: dict[str, str | bytes] | None = None) -> str:
        """Merge a branch, with what the files say put into the merge itself, and return the merge's id."""
        self.git("merge", "-q", "--no-ff", "--no-commit", branch)
        return self.commit(files, f"merge {branch}")

    def overwrite(self, oid: str, content: bytes, kind: str = "blob") -> None:
        """Put another content in place of a loose object, as whoever can write to the git folder can."""
        file = self.path / ".git/objects" / oid[:2] / oid[2:]
        file.chmod(0o600)
        file.write_bytes(zlib.compress(b"%b %d\0%b" % (kind.encode(), len(content), content)))

    def overwrite_commit(self, oid: str, old: str, new: str) -> None:
        """Replace a text in a loose commit."""
        content = self.git("cat-file", "commit", oid) + "\n"
        assert old in content
        self.overwrite(oid, content.replace(old, new, 1).encode(), "commit")

    def swap_in_pack(self, one: str, other: str) -> None:
        """Pack everything, and let two ids lead to each other's object (gitformat-pack: version 2 of the index)."""
        self.git("repack", "-q", "-a", "-d")
        (index,) = (self.path / ".git/objects/pack").glob("*.idx")
        data = bytearray(index.read_bytes())
        count = int.from_bytes(data[8 + 255 * 4 : 8 + 256 * 4], "big")
        ids, width = 8 + 256 * 4, len(one) // 2
        rows = {data[ids + width * row : ids + width * (row + 1)].hex(): row for row in range(count)}
        first, second = (ids + count * (width + 4) + 4 * rows[oid] for oid in (one, other))
        data[first : first + 4], data[second : second + 4] = data[second : second + 4], data[first : first + 4]
        index.chmod(0o600)
        index.write_bytes(data)

    def clone(self, path: Path, *options: str) -> Repo:
        subprocess.run(
            ["git", "clone", "-q", *options, f"file://{self.path}", str(path)],
            capture_output=True,
            check=True,
            env=_environment(),
        )
        return Repo(path)


def _environment() -> dict[str, str]:
    """
    Return an environment in which a clone of submodules and partial clones work without any configuration.

    No commit starts a process that looks for what to tidy up.
    """
    dates = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    config = {"protocol.file.allow": "always", "maintenance.auto": "false"}
    said = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config.items()):
        said |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {**os.environ, **dates, **said}
