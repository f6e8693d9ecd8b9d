"""The reference pages of controls and requirements: their content once, and its two forms, terminal and Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

from ci_guard.model.kinds import AllOf, AtLeast, AtLevel, Flag, Kind, NoneBut
from ci_guard.model.meta import Meta, Requirement
from ci_guard.model.settings import OnInvisible, Policy
from ci_guard.records import dataclass
from ci_guard.reporters.page import Page

VALUES: Final[Mapping[type, str]] = {
    Flag: "`true`",
    AtLeast: "a number, 1 or more",
    AtLevel: "`read`, `triage`, `write`, `maintain` or `admin`",
    AllOf: "a list that must all be there; `true` for at least one",
    NoneBut: "`true` for nobody; a list for nobody but these",
}
"""What a policy may write, by kind."""

COMMON_SETTINGS: Final = frozenset({"enabled", "locked", "on-invisible", "require"})
"""What every control takes."""

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A labelled line of an article. Prose may have code between backticks; nothing else of Markdown."""

    label: str
    """At most eleven characters, in lower case."""
    text: str
    verbatim: bool = False
    """True for what stands in a file as it is, and for addresses."""


@dataclass(frozen=True, kw_only=True)
class Article:
    """What there is to say about one thing."""

    name: str
    """What `explain` is asked for."""
    paragraphs: tuple[str, ...]
    entries: tuple[Entry, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    """Things that belong to it and have articles of their own: name and title."""


def of_control(meta: Meta) -> Article:
    """Return the article of a control, without its requirements'."""
    options = ", ".join(f"`{option}`" for option in sorted(meta.options | COMMON_SETTINGS))
    return Article(
        name=meta.id,
        paragraphs=(f"{meta.title}. {meta.summary}",),
        entries=(Entry(label="settings", text=options),),
        parts=tuple((requirement.id, requirement.title) for requirement in meta.requirements),
    )


def of_requirement(meta: Meta, requirement: Requirement, profiles: Mapping[str, Policy]) -> Article:
    """Return the article of a requirement; `profiles` are the built-in ones by name."""
    return Article(
        name=f"{meta.id}/{requirement.id}",
        paragraphs=(f"Holds when {requirement.title}.", requirement.why),
        entries=(
            Entry(label="value", text=VALUES[type(requirement.kind)]),
            Entry(label="in a policy", text=example(meta, requirement), verbatim=True),
            Entry(label="beside it", text=requirement.beside, verbatim=True),
            Entry(label="profiles", text=asked_by(meta, requirement, profiles)),
            Entry(label="severity", text=requirement.severity.value),
            Entry(label="on GitHub", text=requirement.github),
            Entry(label="on GitLab", text=requirement.gitlab),
            Entry(label="note", text=requirement.notes),
            *(Entry(label=relation, text=text) for relation, text in contributions(requirement)),
            Entry(label="rests on", text=requirement.source, verbatim=True),
        ),
    )


def example(meta: Meta, requirement: Requirement) -> str:
    """Return what a policy writes, as one line of YAML."""
    return f"controls: {{{meta.id}: {{require: {{{requirement.id}: {written(requirement.kind)}}}}}}}"


def written(kind: Kind) -> str:
    """Return the kind's example as YAML's flow style has it."""
    value = kind.write(kind.example)
    if isinstance(value, list):
        return f"[{', '.join(scalar(name) for name in value)}]"
    return scalar(value) if isinstance(value, str) else json.dumps(value)


def scalar(text: str) -> str:
    """Return a text as YAML, in quotes where it could be read as anything else."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def asked_by(meta: Meta, requirement: Requirement, profiles: Mapping[str, Policy]) -> str:
    """Return which profiles ask for the requirement, and for how much."""
    parts = []
    for name, policy in profiles.items():
        settings = policy.controls.get(meta.id)
        if settings is not None and settings.asks(requirement.id):
            shown = requirement.kind.show(settings.require[requirement.id])
            spared = "; tolerated where the token may not see it" if settings.on_invisible is OnInvisible.WARN else ""
            parts.append(f"`{name}`: {shown}{spared}.")
    return " ".join(parts) or "None asks for it."


def contributions(requirement: Requirement) -> Iterable[tuple[str, str]]:
    """Yield how far a pass goes towards items of frameworks: the relation, and the items in the order of META."""
    for reference in requirement.references:
        framework = reference.framework
        text = f"{framework.title} {framework.version}, {reference.item}: {reference.title}"
        yield reference.relation.value, text


def write(article: Article, page: Page) -> None:
    """Write an article on a terminal's page."""
    page.heading(article.name)
    for paragraph in article.paragraphs:
        page.write()
        page.wrapped(paragraph, 2)
    page.write()
    for entry in article.entries:
        if entry.text:
            page.labelled(entry.label[0].upper() + entry.label[1:], entry.text, indent=2)
    if article.parts:
        page.write()
        write_parts(article.parts, page)


def write_parts(parts: Iterable[tuple[str, str]], page: Page) -> None:
    """Write names with their titles, as wide as the longest name."""
    rows = list(parts)
    width = max((len(name) for name, _ in rows), default=0) + 2
    for name, title in rows:
        page.columns(name, title, indent=2, width=width)


def markdown(article: Article) -> list[str]:
    """Return an article as lines of Markdown, without heading and parts: paragraphs, then a table."""
    lines = [line for paragraph in article.paragraphs for line in (paragraph, "")]
    rows = [f"| {entry.label} | {cell(entry)} |" for entry in article.entries if entry.text]
    return [*lines, *(["| | |", "| --- | --- |", *rows, ""] if rows else [])]


def cell(entry: Entry) -> str:
    """Return an entry's text as one table cell."""
    text = " ".join(entry.text.split()).replace("|", "\\|")
    return f"`{text}`" if entry.verbatim and "://" not in text else text
