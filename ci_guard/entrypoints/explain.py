"""`ci-guard explain`: the page of a control, a requirement, a key of a policy or a rule of the secret scanner."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from ci_guard.controls import secret_free
from ci_guard.controls.registry import METAS
from ci_guard.entrypoints.commands import Call, Said
from ci_guard.entrypoints.screen import page_for
from ci_guard.errors import UsageError
from ci_guard.model import project
from ci_guard.model.meta import Meta, Requirement
from ci_guard.policy.load import load_builtin
from ci_guard.policy.reading import PROFILES
from ci_guard.policy.topics import FLOOR, Topic, topics
from ci_guard.records import replace
from ci_guard.reporters import manual
from ci_guard.reporters.manual import Article, Entry
from ci_guard.reporters.page import Page
from ci_guard.secrets import rule
from ci_guard.secrets.keyfiles import KEY_FILES, KeyFile
from ci_guard.secrets.rule import Rule
from ci_guard.secrets.suppression_files import OWN

LIST: Final = "list"
RULES: Final = "rules"

POLICY: Final = "policy"

COUNTS: Final = (
    "It counts in `scan` and in `check`, in the job of a change once the target branch has it; "
    "a waiver in `check` alone."
)
"""Where a suppression counts."""

Thing: TypeAlias = "Meta | tuple[Meta, Requirement] | Topic | Rule | KeyFile"
"""What has a page."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `explain`."""
    parser.usage = "ci-guard explain [ID ...]"
    parser.add_argument(
        "ids",
        nargs="*",
        metavar="ID",
        help="a control (branch-protection), a requirement (no-force-push, or branch-protection/approvals where two "
        "controls have one of the name), a key of a policy (waivers, break-glass), a rule of the scanner (github-pat); "
        "'list' or nothing: all but the rules; 'policy': all keys of a policy; 'rules': all rules",
    )


def options(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ids, each once."""
    return tuple(dict.fromkeys(arguments.ids)) or (LIST,)


def run(options: tuple[str, ...], call: Call) -> Said:
    """
    Return a page for each id; an id that two controls have gets both.

    Raises: `UsageError` for an id that nothing has, with what was perhaps meant.
    """
    writers = {LIST: write_list, RULES: write_rules, POLICY: write_policy}
    names = [name for name in options if name not in writers]
    named = by_name() if names else {}
    articles = {name: articles_of(name, named) for name in names}
    page = page_for(call.stdout, call.environ)
    for name in options:
        if name in writers:
            writers[name](page)
        else:
            for article in articles[name]:
                manual.write(article, page)
    return Said(page.text())


def articles_of(name: str, named: Mapping[str, Sequence[Thing]]) -> list[Article]:
    """Return every article of that name, or raise."""
    if name in named:
        return [article_of(thing) for thing in named[name]]
    from difflib import get_close_matches

    meant = get_close_matches(name.lower(), named, 3)
    raise UsageError(
        f"There is nothing of the name {name[:80]!r}.",
        hint=f"Perhaps you meant {' or '.join(meant)}?" if meant else "`ci-guard explain list` names what there is.",
    )


def by_name() -> dict[str, list[Thing]]:
    """Return everything that has a page by its whole name, and a requirement by its last part, too."""
    named: dict[str, list[Thing]] = {}
    for key, thing in things():
        for word in dict.fromkeys((key, key.rpartition("/")[2])):
            named.setdefault(word, []).append(thing)
    return named


def things() -> Iterator[tuple[str, Thing]]:
    """Yield everything that has a page, by its whole name."""
    for meta in METAS:
        yield meta.id, meta
        yield from ((f"{meta.id}/{requirement.id}", (meta, requirement)) for requirement in meta.requirements)
    yield from ((f"{POLICY}/{topic.key}", topic) for topic in topics(METAS))
    yield from ((one.id, one) for one in rule.known())
    yield from ((kind.id, kind) for kind in KEY_FILES)


def article_of(thing: Thing) -> Article:
    """Return the article of a thing."""
    match thing:
        case Meta():
            return with_address(manual.of_control(thing), project.page(f"docs/controls/{thing.id}.md"))
        case Topic():
            return with_address(of_topic(thing), thing.address)
        case Rule():
            return of_rule(thing)
        case KeyFile():
            return of_key_file(thing)
        case meta, requirement:
            profiles = {name: load_builtin(name, METAS) for name in PROFILES}
            return with_address(
                manual.of_requirement(meta, requirement, profiles), project.requirement_page(meta.id, requirement.id)
            )


def with_address(article: Article, address: str) -> Article:
    """Return an article that says last where it stands on the web."""
    return replace(article, entries=(*article.entries, Entry(label="more", text=address, verbatim=True)))


def of_topic(topic: Topic) -> Article:
    """Return the article of a key of a policy."""
    said = tuple(f"{text.rstrip('.')}." for text in (topic.title, topic.description) if text)
    label = "called with" if topic.key == FLOOR else "in a policy"
    return Article(
        name=f"{POLICY}/{topic.key}",
        paragraphs=(" ".join(said),),
        entries=(Entry(label=label, text=topic.example, verbatim=True),),
        parts=topic.parts,
    )


def of_rule(one: Rule) -> Article:
    """Return the article of a token format."""
    return Article(
        name=one.id,
        paragraphs=(f"{one.title}. A finding fails `{secret_free.META.id}/no-secrets`.",),
        entries=(
            Entry(label="vendor", text=one.vendor),
            Entry(label="severity", text=one.severity.value),
            Entry(label="confidence", text=one.confidence.value),
            Entry(label="spotted by", text=", ".join(f"`{word}`" for word in one.keywords)),
            Entry(label="revoke", text=one.advice),
            *about_findings(
                "no-secrets",
                one.id,
                f"One place: the comment `ci-guard:allow {one.id} why it is none`, on its line or alone above. "
                f"Files: {suppression_of(one.id)}.",
            ),
            Entry(label="rests on", text=one.documentation, verbatim=True),
        ),
    )


def of_key_file(kind: KeyFile) -> Article:
    """Return the article of a kind of key file."""
    return Article(
        name=kind.id,
        paragraphs=(f"{kind.title}. A finding fails `{secret_free.META.id}/no-key-files`.",),
        entries=(
            Entry(label="severity", text=kind.severity.value),
            Entry(label="names", text=", ".join(f"`{name}`" for name in kind.names)),
            Entry(label="revoke", text=kind.advice),
            *about_findings("no-key-files", kind.id, f"{suppression_of(kind.id)}."),
            Entry(label="rests on", text=kind.documentation, verbatim=True),
        ),
    )


def suppression_of(subject: str) -> str:
    """Return how a file says that what it names is meant to be there."""
    return f'`allow: [{{paths: [PATH], rules: [{subject}], reason: "why it is none"}}]` in `{OWN}`'


def about_findings(requirement: str, subject: str, suppress: str) -> tuple[Entry, ...]:
    """Return what is said of every finding: when it is wrong, what hides one, and how a policy accepts them all."""
    waiver = f"{{control: {secret_free.META.id}, requirement: {requirement}, subject: {subject}, "
    waiver += 'reason: "why it is none", until: YYYY-MM-DD}'
    return (
        Entry(label="note", text=secret_free.META.requirement(requirement).notes),
        Entry(label="suppress", text=f"{suppress} {COUNTS}"),
        Entry(label="more", text=project.page("docs/secrets.md", "suppressions"), verbatim=True),
        Entry(label="waive", text=f"waivers: [{waiver}]", verbatim=True),
    )


def write_list(page: Page) -> None:
    """Write every control with its requirements."""
    for meta in METAS:
        page.heading(meta.id)
        page.wrapped(meta.summary, 2)
        page.write()
        manual.write_parts(manual.of_control(meta).parts, page)
    write_policy(page)
    page.write()
    page.wrapped(f"The rules of the scanner: ci-guard explain {RULES}", 0)


def write_policy(page: Page) -> None:
    """Write every key of a policy."""
    page.heading(POLICY)
    page.wrapped("What a policy can say, and what its caller can.", 2)
    page.write()
    manual.write_parts(((topic.key, topic.title) for topic in topics(METAS)), page)


def write_rules(page: Page) -> None:
    """Write every rule of the secret scanner."""
    for heading, kinds in (("no-secrets", rule.known()), ("no-key-files", KEY_FILES)):
        page.heading(f"{secret_free.META.id}/{heading}")
        manual.write_parts(((kind.id, kind.title) for kind in kinds), page)
