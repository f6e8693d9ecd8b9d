"""How an include names ci-guard, and what holds fast what it brings."""

from __future__ import annotations

import re
from typing import Final

from ci_guard.evidence.yaml_tree import Tree
from ci_guard.model.guard import Pin, Spot

COMMIT: Final = re.compile(r"[0-9a-f]{40}")

_ID: Final = "[0-9a-f]{40}"
_PUBLIC: Final = r"https://gitlab\.com"
_OURS: Final = re.compile(r"(?<![\w-])ci-guard(?![\w-])|gitlab-templates/")


def pin_of(entry: Tree, when: Spot | None, server: str) -> Pin | None:
    """Return what an include names of ci-guard; None for anything else."""
    where = {key: entry.text(key) for key in ("component", "remote", "project")}
    if isinstance(entry.value, str):
        where["remote"] = entry.value
    listed = entry.get("file")
    files = " ".join(str(one.value) for one in (listed.items if listed else ()))
    given = entry.get("inputs")
    for key, name in where.items():
        if not name or not _OURS.search(f"{name} {files}"):
            continue
        called, ref, pinned = name, entry.text("ref"), ""
        if key == "component":
            called, _, ref = name.rpartition("@")
        elif key == "remote":
            pinned = _raw_commit(name, server)
            ref = entry.text("integrity") or pinned
        return Pin(
            name=called,
            ref=ref,
            line=entry.line,
            path=entry.path,
            condition=when,
            stage=given.text("stage") if given else "",
            starts=given.text("commit") if given else "",
            commit=pinned or (ref if COMMIT.fullmatch(ref) else ""),
        )
    return None


def _raw_commit(url: str, server: str) -> str:
    """
    Return the commit by which a forge names a file that it serves; empty where only its own word says so.

    Any server can write a commit id into an address and answer with something else.
    """
    form = rf"https://raw\.githubusercontent\.com/[^/]+/[^/]+/({_ID})/.*|(?:{re.escape(server)}|{_PUBLIC})/.+/-/raw/({_ID})/.*"
    found = re.fullmatch(form, url)
    return (found[1] or found[2]) if found and "$" not in url else ""
