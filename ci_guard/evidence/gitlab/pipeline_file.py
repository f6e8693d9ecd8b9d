"""The pipeline's file at the judged commit, with the files of the project that it includes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.gitlab import policy_file
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.sources import Sources
from ci_guard.evidence.guard_signs import NAME, mutable_checkout, runs_guard, spots, swallowed
from ci_guard.evidence.yaml_tree import Tree, read_tree
from ci_guard.model.fact import Fact, Known, Unknown, unavailable
from ci_guard.model.guard import Job, Pin, Step, Wiring
from ci_guard.model.run import Run

PATH: Final = ".gitlab-ci.yml"
MOST_FILES: Final = 50
DEEPEST_EXTENDS: Final = 11
"""Source: "CI/CD YAML syntax reference", `extends`."""

MOST_EXTENDS: Final = 5000
"""Jobs that are looked up for what others extend: every one may extend several."""

GLOBAL: Final = frozenset(
    {"default", "include", "stages", "variables", "workflow", "spec", "image", "services", "cache", "before_script"}
    | {"after_script"}
)
"""Keys that are no job. Source: "CI/CD YAML syntax reference", "Global keywords"."""

HARMLESS: Final = frozenset({"tags", "timeout", "interruptible", "resource_group", "retry"})
"""Keys by which a job of the same name changes nothing about what the guard does or stops."""

_COMMIT: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
_OURS: Final = re.compile(r"(?<![\w-])ci-guard(?![\w-])|gitlab-templates/")


class _Reader:
    """Reads the file and what it includes, each once."""

    def __init__(self, client: Client, commit: str, checkout: Checkout) -> None:
        self.client, self.commit, self.checkout = client, commit, checkout
        self.jobs: dict[str, tuple[str, int, Tree]] = {}
        """By name: path, line and text; of two, the later one counts."""
        self.pins: list[Pin] = []
        self.doubts: list[Unknown] = []
        self.seen: set[str] = set()
        self.steps = 0

    def read(self, path: str) -> Fact[None]:
        """Read a file, and before it what it includes, whose jobs it may change."""
        self.seen.add(path)
        file = policy_file.get_file(self.client, self.commit, path, self.checkout)
        if isinstance(file, Unknown):
            return file
        if file.value is None or file.value.content is None:
            return unavailable(f"{path} is not there at {self.commit[:12]}, or too large", detail=file.detail)
        try:
            tree = read_tree(file.value.content)
        except ValueError as error:
            return unavailable(f"{path} could not be read: {error}", detail=file.detail)
        for entry in _items(tree.get("include")):
            self.include(entry)
        for name, value in tree.entries.items():
            if name not in GLOBAL and isinstance(value.value, Mapping):
                self.jobs[name] = (path, tree.lines[name], value)
        return Known(value=None, source=file.source, detail=file.detail)

    def include(self, entry: Tree) -> None:
        """Follow one include: a file of the project is read, ci-guard is noted, all else may change any job."""
        local = entry.text("local") or ("" if entry.entries or "://" in str(entry.value) else str(entry.value))
        pin = None if local else _pin(entry)
        if pin is not None:
            self.pins.append(pin)
            return
        path = local.lstrip("/")
        if not local or "*" in path or "$" in path:
            said = f"what line {entry.line} of {PATH} includes was not read, and may change any job"
            self.doubts.append(unavailable(said))
        elif len(self.seen) >= MOST_FILES:
            self.doubts.append(unavailable(f"the pipeline includes more than {MOST_FILES} files"))
        elif path not in self.seen:
            found = self.read(path)
            self.doubts += [found] if isinstance(found, Unknown) else []

    def whole(self, name: str, depth: int = 0) -> dict[str, Tree]:
        """Return the keys of a job with those that it extends, its own last."""
        _, _, tree = self.jobs[name]
        self.steps += 1
        keys: dict[str, Tree] = {}
        extended = tree.get("extends")
        for one in _items(extended):
            parent = str(one.value)
            if parent in self.jobs and depth < DEEPEST_EXTENDS and self.steps < MOST_EXTENDS:
                keys.update(self.whole(parent, depth + 1))
            else:
                self.doubts.append(unavailable(f"what line {one.line} extends was not read"))
        return {**keys, **tree.entries}


def get_wiring(client: Client, sources: Sources, run: Run, checkout: Checkout) -> Fact[Wiring]:
    """
    Return the pipeline's jobs, as far as the project's own files have them.

    The file is `.gitlab-ci.yml`; whether the project names another, only its settings say, which is judged by itself.
    """
    if isinstance(run.sha, Unknown):
        return run.sha
    reader = _Reader(client, run.sha.value, checkout)
    found = reader.read(PATH)
    if isinstance(found, Unknown):
        return found
    own = sources.job.value.name if isinstance(sources.job, Known) else ""
    jobs = tuple(_job(reader, name, own) for name in reader.jobs if not name.startswith("."))
    wiring = Wiring(
        path=PATH,
        commit=run.sha.value,
        jobs=jobs,
        includes=tuple(reader.pins),
        doubts=tuple(dict.fromkeys(reader.doubts)),
    )
    return Known(value=wiring, source=found.source, detail=found.detail)


def _job(reader: _Reader, name: str, own: str) -> Job:
    path, line, written = reader.jobs[name]
    keys = reader.whole(name)
    rules = [rule for rule in _items(keys.get("rules")) if rule.entries]
    referred = [one for key in ("rules", "needs", "script") for one in (keys.get(key), *_items(keys.get(key))) if one]
    if any(one.tag == "!reference" for one in referred):
        reader.doubts.append(
            unavailable(f"line {line} of {path} refers to parts of other jobs, which was not followed")
        )
    script = [*_items(keys.get("before_script")), *_items(keys.get("script"))]
    runs = any(runs_guard(str(one.value)) for one in script)
    called = is_guards(name) or name == own
    parts = [keys, *(rule.entries for rule in rules)]
    step = Step(
        line=line,
        guard=runs,
        swallowed=next((found for found in map(swallowed, script) if found), None),
        checkout=next((found for found in map(mutable_checkout, script) if found), None),
    )
    return Job(
        name=name,
        label=name,
        path=path,
        line=line,
        guard=runs or called,
        environment=keys.get("environment") is not None,
        needs=_needs(keys.get("needs")),
        tolerated=tuple(found for one in parts for found in spots(one.get("allow_failure"))),
        whens=tuple(found for one in parts for found in spots(one.get("when"))),
        overrides=tuple(key for key in written.entries if key not in HARMLESS) if called and reader.pins else (),
        steps=(step,),
    )


def is_guards(name: str) -> bool:
    """Tell whether a job is called as those of our templates are."""
    return name == NAME or name.startswith(f"{NAME}-")


def _needs(tree: Tree | None) -> tuple[str, ...] | None:
    """Return the jobs that are waited for; an optional one may not be there, and is not."""
    if tree is None:
        return None
    found = []
    for one in tree.value if isinstance(tree.value, tuple) else ():
        if isinstance(one.value, str):
            found.append(one.value)
        elif one.text("job") and one.text("optional") != "true" and not one.text("pipeline"):
            found.append(one.text("job"))
    return tuple(found)


def _items(tree: Tree | None) -> tuple[Tree, ...]:
    return tree.items if tree is not None else ()


def _pin(entry: Tree) -> Pin | None:
    """Return what an include names of ci-guard; None for anything else."""
    where = {key: entry.text(key) for key in ("component", "remote", "project")}
    if isinstance(entry.value, str):
        where["remote"] = entry.value
    files = " ".join(str(one.value) for one in _items(entry.get("file")))
    for key, name in where.items():
        if not name or not _OURS.search(f"{name} {files}"):
            continue
        if key == "project":
            return Pin(name=name, ref=entry.text("ref"), line=entry.line)
        if key == "component":
            return Pin(name=name.rpartition("@")[0], ref=name.rpartition("@")[2], line=entry.line)
        pinned = _COMMIT.search(name)
        return Pin(name=name, ref=entry.text("integrity") or (pinned[0] if pinned else ""), line=entry.line)
    return None
