"""The jobs of a run's pipeline, with what their files include, extend and refer to: how the guard stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ci_guard.evidence.gitlab.includes import OR_WAIVER
from ci_guard.evidence.gitlab.pipeline import Pipeline
from ci_guard.evidence.gitlab.resolving import place
from ci_guard.evidence.gitlab.sources import Sources
from ci_guard.evidence.guard_script import NAME, hidden, leads
from ci_guard.evidence.guard_signs import mutable_checkout, spot, spots, steering
from ci_guard.evidence.yaml_tree import Tree
from ci_guard.model.fact import Fact, Known, Unknown, unavailable
from ci_guard.model.guard import Job, Spot, Step, Wiring
from ci_guard.records import replace

HARMLESS: Final = frozenset({"tags", "timeout", "interruptible", "resource_group", "retry"})
"""Keys by which a job of the same name changes nothing about what the guard does or stops."""

JUDGED: Final = ("stage", "needs", "rules", "when", "allow_failure", "environment", "before_script", "script")
"""Keys that are looked at."""
CONDITIONS: Final = ("if", "changes", "exists")
"""What decides whether a rule applies. Source: "CI/CD YAML syntax reference", `rules`."""

ELSEWHERE: Final = frozenset({"pipeline", "project"})
"""Keys of a need that is of another pipeline. Source: "CI/CD YAML syntax reference", `needs:project`."""

STAGES: Final = ("build", "test", "deploy")
STAGE: Final = "test"
"""Where nothing else is said. Source: "CI/CD YAML syntax reference", `stages`, `stage`."""

INPUT: Final = "$[["

_PARALLEL: Final = re.compile(r" \d+/\d+$|: \[.*\]$", re.DOTALL)


def get_wiring(pipeline: Fact[Pipeline], sources: Sources, commit: str) -> Fact[Wiring]:
    """Return the jobs; what could not be put together and may change any of them is among the doubts."""
    if isinstance(pipeline, Unknown):
        return pipeline
    found = pipeline.value
    # Of several that `parallel` makes of one. Source: "CI/CD YAML syntax reference", `parallel`, `parallel:matrix`.
    own = _PARALLEL.sub("", sources.job.value.name) if isinstance(sources.job, Known) else ""
    jobs = tuple(_Reader(found, own).job(name, tree) for name, tree in found.jobs.items())
    stages = found.resolver.settled(found.whole.get("stages"))
    names = tuple(str(one.value) for one in stages.items) if stages else STAGES
    doubts = [doubt for one in found.family() for doubt in (*one.includes.doubts, *one.resolver.doubts)]
    wiring = Wiring(
        path=str(found.at),
        commit=commit,
        own=own,
        jobs=jobs,
        includes=tuple(found.includes.pins),
        stages=tuple(dict.fromkeys((".pre", *names, ".post"))),
        doubts=tuple(dict.fromkeys(doubts)),
    )
    return Known(value=wiring, source=pipeline.source, detail=pipeline.detail)


class _Reader:
    """Reads the jobs of one pipeline."""

    def __init__(self, pipeline: Pipeline, own: str) -> None:
        self.pipeline, self.own = pipeline, own
        self.resolver, self.pins = pipeline.resolver, pipeline.includes.pins

    def keys(self, name: str) -> dict[str, Tree]:
        """Return what is looked at of a job, put together."""
        keys = dict(self.resolver.job(name))
        for key in JUDGED:
            if key in keys:
                made = self.resolver.settled(keys.pop(key))
                keys.update({key: made} if made else {})
        return keys

    def job(self, name: str, written: Tree) -> Job:
        keys = self.keys(name)
        if INPUT in name or any(_mentions(keys[key]) for key in JUDGED if key in keys):
            said = f"{place(written)} takes inputs, which were not filled in"
            needs = f"the job's name, rules, needs and script without `$[[ inputs… ]]` {OR_WAIVER}"
            self.pipeline.includes.unread(unavailable(said, needs=needs))
        rules = [rule for rule in _items(keys.get("rules")) if rule.entries]
        script = [*_items(keys.get("before_script")), *_items(keys.get("script"))]
        called = is_guards(name) or name == self.own
        parts: list[Mapping[str, Tree]] = [keys, *(rule.entries for rule in rules)]
        line = self.pipeline.whole.lines[name]
        text = "\n".join(str(one.value) for one in script)
        how = hidden(text)
        step = Step(
            line=line,
            acts=how is not None and not leads(text),
            guard=how is not None,
            swallowed=(self._steered(keys, parts) or (_first(script, how) if how else None))
            if how is not None
            else None,
            checkout=next((found for found in map(mutable_checkout, script) if found), None),
        )
        child = self.pipeline.children.get(name)
        return Job(
            name=name,
            label=name,
            path=written.path or str(self.pipeline.at),
            line=line,
            guard=how is not None or called,
            environment=keys.get("environment") is not None or (child is not None and _deploys(child)),
            needs=_needs(keys.get("needs")),
            otherwise=tuple(other for rule in rules if (other := _needs(rule.get("needs"))) is not None),
            condition=self.pipeline.includes.conditional.get(name) or _unsure(keys, rules),
            tolerated=tuple(found for one in parts for found in spots(one.get("allow_failure"))),
            whens=tuple(found for one in parts for found in spots(one.get("when"))),
            overrides=tuple(key for key in written.entries if key not in HARMLESS) if called and self.pins else (),
            stage=stage.value if (stage := keys.get("stage")) and isinstance(stage.value, str) else STAGE,
            calls=_downstream(keys.get("trigger")),
            steps=(step,),
        )

    def _steered(self, keys: Mapping[str, Tree], parts: Sequence[Mapping[str, Tree]]) -> Spot | None:
        """Return the variable by which other code is started: of the pipeline, the job or one of its rules."""
        inherit = keys.get("inherit")
        wanted = inherit.get("variables") if inherit else None
        above = self.pipeline.whole.get("variables")
        if wanted is not None and wanted.value == "false":
            above = None
        return steering(above, *(one.get("variables") for one in parts))


def is_guards(name: str) -> bool:
    """Tell whether a job is called as those of our templates are."""
    return name == NAME or name.startswith(f"{NAME}-")


def _deploys(pipeline: Pipeline) -> bool:
    """Tell whether any job of a child pipeline, or of its own children, has an environment."""
    return any(one.resolver.job(name).get("environment") for one in pipeline.family() for name in one.jobs)


def _first(script: Sequence[Tree], how: str) -> Spot:
    """Return what hides the exit code of ci-guard at the line that runs it: all lines run in one shell."""
    at = next((one for one in script if hidden(str(one.value)) is not None), script[0])
    return Spot(text=how, line=at.line, path=at.path)


def _unsure(keys: Mapping[str, Tree], rules: Sequence[Tree]) -> Spot | None:
    """Return by what a job may be left out: it has rules, and none that applies whatever the pipeline is."""
    for key in ("only", "except"):
        if key in keys:
            return Spot(text=key, line=keys[key].line, path=keys[key].path)
    if "rules" not in keys or any(not any(rule.get(key) for key in CONDITIONS) for rule in rules):
        return None
    return replace(found, text="rules") if (found := spot(keys["rules"])) else None


def _downstream(trigger: Tree | None) -> Spot | None:
    """Return the project whose pipeline a job starts, which is another's."""
    if trigger is None or trigger.get("include") is not None:
        return None
    named = trigger if isinstance(trigger.value, str) else trigger.get("project")
    return spot(named) if named else None


def _needs(tree: Tree | None) -> tuple[str, ...] | None:
    """Return the jobs that are waited for: not one that may not be there, and none of another pipeline or project."""
    if tree is None:
        return None
    found = []
    for one in tree.value if isinstance(tree.value, tuple) else ():
        if isinstance(one.value, str):
            found.append(one.value)
        elif one.text("job") and one.text("optional") != "true" and one.entries.keys().isdisjoint(ELSEWHERE):
            found.append(one.text("job"))
    return tuple(found)


def _mentions(tree: Tree) -> bool:
    """Tell whether an input stands anywhere in a value."""
    return any(INPUT in text for text in _texts(tree))


def _texts(tree: Tree) -> Iterator[str]:
    if isinstance(tree.value, str):
        yield tree.value
        return
    for one in tree.value if isinstance(tree.value, tuple) else tree.value.values():
        yield from _texts(one)


def _items(tree: Tree | None) -> tuple[Tree, ...]:
    return tree.items if tree is not None else ()
