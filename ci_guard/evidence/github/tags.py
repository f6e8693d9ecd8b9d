"""The rulesets that keep tags from being moved and deleted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from ci_guard.evidence.github.client import Client
from ci_guard.evidence.rest.shape import checked, integer, record, records, text, texts
from ci_guard.model.branch import Enforced, Setting, TagRule, TagRules
from ci_guard.model.fact import Fact, Known, Source, Unknown, worst
from ci_guard.model.run import Run
from ci_guard.records import dataclass

TAGS: Final = "refs/tags/"
EVERYTHING: Final = "**"
SETTING: Final = "Tag rulesets: Restrict deletions, Restrict updates"

PROTECTING: Final = frozenset({"deletion", "update"})
"""Both are needed. `non_fast_forward` lets a tag be moved to a descendant, as good a place for other code as any."""

_STARS: Final = re.compile(r"((?<![^/])\*\*/)|\*+")


@dataclass(frozen=True, kw_only=True)
class _Ruleset:
    """What one active ruleset does to which tags."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    kinds: frozenset[str]
    source: str


def get_tags(client: Client, run: Run) -> Fact[TagRules]:
    """
    Return the rules about tags. There is no "rules for a tag" as there is for a branch, so the rulesets are read.

    A list that cannot be read is unknown; a ruleset of it that cannot be read makes the rest a part of the truth.
    """
    listed = checked(
        client.get_all("rulesets", params={"includes_parents": "true", "targets": "tag"}, absent=_needs_a_plan),
        # A server that does not know `targets` lists all of them.
        lambda items: [
            integer(item, "id")
            for item in items
            if text(item, "target") == "tag" and text(item, "enforcement") == "active"
        ],
    )
    if isinstance(listed, Unknown):
        rules: Fact[Enforced[tuple[TagRule, ...]]] = listed
    else:
        read = client.gather(*(partial(_ruleset, client, number) for number in listed.value))
        hidden = [fact for fact in read if isinstance(fact, Unknown)]
        found = _combined([fact.value for fact in read if isinstance(fact, Known)])
        value = Enforced(value=found, hidden=worst(hidden) if hidden else None)
        rules = Known(value=value, source=Source.API, detail=listed.detail)
    page = f"{run.server_url}/{run.repository}/settings/rules"
    return Known(value=TagRules(rules=rules, setting=Setting(name=SETTING, url=page)), source=Source.API)


def _needs_a_plan(message: str) -> bool:
    """Tell a refusal that says that this repository's plan has no rulesets, so that there are none."""
    return message.startswith("Upgrade to GitHub")


def _ruleset(client: Client, number: int) -> Fact[_Ruleset]:
    return checked(client.get(f"rulesets/{number}", params={"includes_parents": "true"}), _read)


def _read(body: Any) -> _Ruleset:
    """Read the detail of a ruleset."""
    names = record(record(body, "conditions"), "ref_name")
    return _Ruleset(
        include=tuple(filter(None, map(_included, texts(names, "include")))),
        exclude=tuple(_without_prefix(pattern) for pattern in texts(names, "exclude")),
        kinds=frozenset(text(rule, "type") for rule in records(body, "rules")),
        source=f"{text(body, 'name')} ({text(body, 'source')})",
    )


def _combined(rulesets: Sequence[_Ruleset]) -> tuple[TagRule, ...]:
    """Return what keeps tags from being deleted and from being moved, rulesets over the very same tags together."""
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[_Ruleset]] = {}
    for ruleset in rulesets:
        groups.setdefault((ruleset.include, ruleset.exclude), []).append(ruleset)
    found = []
    for (include, exclude), members in groups.items():
        kinds = frozenset[str]().union(*(member.kinds for member in members))
        if include and kinds >= PROTECTING:
            source = " and ".join(member.source for member in members)
            found.append(TagRule(include=include, exclude=exclude, source=source))
    return tuple(found)


def _included(pattern: str) -> str:
    """
    Return an include in the policy's language, where it stands for no more than on GitHub; empty where it is no tag's.

    GitHub matches with fnmatch where `*` and `**` stop at a slash and `**/` stands for any folders, also for none.
    """
    if pattern in ("~ALL", f"{TAGS}**/*", "refs/**/*", "**/*"):
        return EVERYTHING
    if not pattern.startswith(TAGS):
        return ""
    return _STARS.sub(lambda found: found[1] or "*", pattern.removeprefix(TAGS))


def _without_prefix(pattern: str) -> str:
    """Return an exclude in GitHub's language, which is taken to exclude more rather than less."""
    return EVERYTHING if not pattern.startswith(TAGS) else pattern.removeprefix(TAGS)
