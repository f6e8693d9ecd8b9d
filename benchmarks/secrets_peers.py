"""Runs other secret scanners on a folder, for `secrets_accuracy.py` to count what they find like our own findings."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

Found: TypeAlias = dict[Path, dict[int, str]]
"""By absolute path: the lines on which something was found, each with the name of a rule."""

_FINDINGS: Final = (0, 200, 205)
"""Exit codes of Kingfisher for no findings, findings, and findings of which some are live."""


def kingfisher(program: str, folder: Path) -> Found:
    """Return what Kingfisher (2.14) finds; nothing is asked of any vendor."""
    options = ["--no-validate", "--no-update-check", "--quiet", "--no-dedup", "--git-history", "none"]
    done = subprocess.run(
        [program, "scan", *options, "--format", "jsonl", folder], stdout=subprocess.PIPE, check=False, text=True
    )
    if done.returncode not in _FINDINGS:
        raise SystemExit(f"{program} ended with {done.returncode}")
    found: Found = {}
    for entry in map(json.loads, done.stdout.splitlines()):
        place = entry.get("finding")  # the last line is a summary
        if place:
            found.setdefault(Path(place["path"]).resolve(), {})[place["line"]] = entry["rule"]["id"]
    return found


def detect_secrets(program: str, folder: Path) -> Found:
    """Return what detect-secrets (1.5) finds; no secret is verified."""
    done = subprocess.run(
        [program, "-C", folder, "scan", "--all-files", "--no-verify", "."],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found: Found = {}
    for name, entries in json.loads(done.stdout)["results"].items():
        lines = found.setdefault((folder / name).resolve(), {})
        lines.update((entry["line_number"], entry["type"]) for entry in entries)
    return found


PEERS: Final[dict[str, Callable[[str, Path], Found]]] = {"kingfisher": kingfisher, "detect-secrets": detect_secrets}
"""What runs each, given the program and a folder."""
