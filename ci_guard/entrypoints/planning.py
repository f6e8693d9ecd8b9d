"""Which files a repository should have to start with, and what becomes of each where it would be written."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Final

from ci_guard import starter
from ci_guard.controls.registry import METAS
from ci_guard.entrypoints import files
from ci_guard.errors import PolicyError
from ci_guard.evidence.checkout import read_plain_file
from ci_guard.evidence.survey import Survey, own_commit, own_file
from ci_guard.model import project
from ci_guard.model.origin import LayerKind
from ci_guard.model.run import Platform
from ci_guard.policy.load import load
from ci_guard.policy.text import PolicyText
from ci_guard.records import dataclass
from ci_guard.reporters import escape

NO_COMMIT: Final = "0" * 40
"""Stands where the commit of ci-guard has to be and is not known: no server has it."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A file that the repository should have."""

    path: str
    text: str
    """Empty where something does its work already."""
    note: str
    """What becomes of it, as a clause."""
    refused: bool = False
    """Whether it is wanted and cannot be there."""
    by_hand: str = ""
    """Lines for somebody to put into it where it is there already, as nothing is ever overwritten."""


def wanted(profile: str, seen: Survey, platform: Platform | None, *, branch: str | None, report: bool) -> list[Planned]:
    """Return the files that a start takes on this platform; with `report` a denial stops nothing yet."""
    plan = [Planned(path=starter.POLICY_PATH, text=starter.policy(profile), note="new")]
    if platform is Platform.GITLAB:
        return [*plan, wanted_pipeline(seen, report=report)]
    if platform is not Platform.GITHUB:
        return plan
    if seen.guarded_by:
        note = f"not needed: {escape.plain(', '.join(seen.guarded_by))} runs ci-guard already"
        return [*plan, Planned(path=starter.WORKFLOW_PATH, text="", note=note)]
    pin, note = pinned()
    text = starter.workflow(branch=branch, pin=pin, note=note, report=report)
    return [*plan, Planned(path=starter.WORKFLOW_PATH, text=text, note="new")]


def wanted_pipeline(seen: Survey, *, report: bool) -> Planned:
    """Return the pipeline that a start takes on GitLab, or the lines that the present one lacks."""
    path = starter.PIPELINE_PATH
    if seen.included:
        return Planned(path=path, text="", note="not needed: it includes ci-guard already")
    own = own_commit()
    pin, note = pinned() if own else (NO_COMMIT, f"the commit id of {project.TAG} has to stand here")
    template = own_file(pin, project.TEMPLATE_PATH) if own else None
    lines = starter.include(
        pin=pin,
        note=note,
        report=report,
        server=f"https://{seen.remote.host}" if seen.remote and seen.platform is Platform.GITLAB else None,
        integrity=f"sha256-{b64encode(sha256(template).digest()).decode()}" if template else None,
    )
    return Planned(path=path, text=starter.pipeline(lines), note="new", by_hand=lines)


def pinned() -> tuple[str, str]:
    """Return what the workflow pins ci-guard to: the commit of the checkout that runs, else the tag of the version."""
    own = own_commit()
    if own is None:
        return project.TAG, "a tag can be moved: pin the commit id that it stands for"
    commit, is_release = own
    return commit, project.TAG if is_release else "no release: pin the commit id of one"


def planned(each: Planned, seen: Survey, *, write: bool) -> Planned:
    """Return what becomes of a file, having written it where asked to."""
    if not each.text or seen.root is None:
        return each
    try:
        if write:
            files.write_new(seen.root, each.path, each.text)
            return Planned(path=each.path, text=each.text, note="written")
        files.check_new(seen.root, each.path)
        return Planned(path=each.path, text=each.text, note="would be written by --write")
    except files.Refused as why:
        return Planned(path=each.path, text=each.text, note=f"refused: {why}", refused=True)
    except files.Kept:
        if each.by_hand:
            note = "kept: it exists already; these lines are for you to put into it"
            return Planned(path=each.path, text="", note=note, by_hand=each.by_hand)
        return kept(each.path, seen.root)


def kept(path: str, root: Path) -> Planned:
    """Return a file that is there already, and stays; a policy that is not accepted is said to be none."""
    if path != starter.POLICY_PATH:
        return Planned(path=path, text="", note="kept: it exists already")
    if (root / path).is_symlink():
        return Planned(path=path, text="", note="kept, and the gate refuses it: it is a symbolic link", refused=True)
    try:
        load([PolicyText(content=read_plain_file(root / path), place=path, kind=LayerKind.REPOSITORY)], METAS)
    except OSError as error:
        return Planned(path=path, text="", note=f"kept, and it cannot be read: {error.strerror}", refused=True)
    except PolicyError as error:
        return Planned(path=path, text="", note=f"kept, and it is not accepted: {error.message}", refused=True)
    return Planned(path=path, text="", note="kept: it exists already, and is accepted")
