"""Every control, requirement and rule has a page, by the name that reports give it."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ci_guard.controls.registry import CONTROLS
from ci_guard.entrypoints import cli
from ci_guard.entrypoints.layers import floor_of
from ci_guard.model.meta import Meta, Requirement
from ci_guard.model.origin import LayerKind
from ci_guard.model.reference import Framework, Reference, Relation
from ci_guard.policy.load import load, load_builtin
from ci_guard.policy.text import PolicyText
from ci_guard.policy.topics import Topic, topics
from ci_guard.reporters import manual
from ci_guard.reporters.page import Page
from ci_guard.secrets import rule
from ci_guard.secrets.excerpt import Excerpt
from ci_guard.secrets.inline import comments
from ci_guard.secrets.keyfiles import KEY_FILES
from ci_guard.secrets.suppression_files import OWN, own
from ci_guard.secrets.suppression_files.context import Context
from ci_guard.secrets.suppressions import Book

ROOT = Path(__file__).resolve().parents[2]
METAS = [control.META for control in CONTROLS]
REQUIREMENTS = [
    pytest.param(meta, requirement, id=f"{meta.id}/{requirement.id}")
    for meta in METAS
    for requirement in meta.requirements
]


def explain(*ids: str) -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    code = cli.run(["explain", *ids], {}, stdout, stderr)
    return code, stdout.getvalue(), stderr.getvalue()


def words(text: str) -> str:
    """Return the text without its line ends, which depend on the width."""
    return " ".join(text.split())


@pytest.mark.parametrize(("meta", "requirement"), REQUIREMENTS)
def test_a_requirements_page_says_everything_that_is_declared_of_it(meta: Meta, requirement: Requirement) -> None:
    code, out, _ = explain(f"{meta.id}/{requirement.id}")
    assert code == 0
    for said in (requirement.title, requirement.why, requirement.notes, requirement.github, requirement.source):
        assert said, "every requirement says what may surprise"
        assert words(said) in words(out)
    assert words(requirement.gitlab) in words(out)
    assert f"{meta.id}.md#{requirement.id}" in out


@pytest.mark.parametrize(("meta", "requirement"), REQUIREMENTS)
def test_the_example_of_a_requirement_is_accepted_by_the_loader(meta: Meta, requirement: Requirement) -> None:
    text = f"version: 1\n{requirement.beside}\n{manual.example(meta, requirement)}\n"
    policy = load([PolicyText(content=text.encode(), place="example.yml")], METAS)
    assert policy.controls[meta.id].require == {requirement.id: requirement.kind.example}


def test_pages_say_which_profile_asks_for_how_much() -> None:
    _, out, _ = explain("branch-protection/approvals")
    assert "`baseline`: at least 1; tolerated" in words(out)
    assert "`strict`: at least 2." in words(out)
    assert "None asks for it." in explain("linear-history")[1]


def test_a_name_that_two_controls_have_prints_both() -> None:
    shared = sorted(
        {r.id for m in METAS for r in m.requirements if sum(r.id in {x.id for x in n.requirements} for n in METAS) > 1}
    )
    assert shared == ["approvals", "code-owner-review"]
    for name in shared:
        _, out, _ = explain(name)
        assert f"branch-protection/{name}\n" in out
        assert f"required-reviews/{name}\n" in out


def test_nothing_has_the_name_of_something_else() -> None:
    """Controls, requirements and rules share one space of names, save requirements of two controls."""
    controls = [meta.id for meta in METAS]
    requirements = {requirement.id for meta in METAS for requirement in meta.requirements}
    rules = [one.id for one in rule.known()] + [kind.id for kind in KEY_FILES]
    words_of_the_command = ["list", "rules", "policy"]
    every = [*controls, *requirements, *rules, *words_of_the_command]
    assert len(set(every)) == len(controls) + len(requirements) + len(rules) + len(words_of_the_command)


@pytest.mark.parametrize("topic", list(topics(METAS)), ids=lambda topic: topic.key)
def test_every_key_of_a_policy_has_a_page_whose_example_the_loader_accepts(topic: Topic) -> None:
    code, out, _ = explain(topic.key)
    assert code == 0
    assert words(topic.description) in words(out)
    assert f"policy/{topic.key}" in out
    assert f"/{topic.page}" in out
    file, _, anchor = topic.page.partition("#")
    headings = re.findall(r"^#+ (.*)$", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert not anchor or anchor in [heading.lower().replace(" ", "-").replace(",", "") for heading in headings]
    if topic.key == "floor":
        assert floor_of(topic.example.partition(" ")[2], None)
        return
    known = {"version": "1", "roles": "[{name: operators, levels: [admin]}]", "extends": "builtin:baseline"}
    beside = [f"{key}: {value}" for key, value in known.items() if key != topic.key]
    text = "\n".join([*beside, topic.example])
    read(text)


def test_all_keys_of_a_policy_are_listed_together() -> None:
    assert [topic.key for topic in topics(METAS) if f"  {topic.key} " not in explain("policy")[1]] == []


def read(text: str) -> None:
    """Read a policy as an organisation's; a layer that lies elsewhere has the same text as a profile."""
    content = re.sub("extends: github:.*", "extends: builtin:baseline", text).encode()
    load([PolicyText(content=content, place="p.yml", kind=LayerKind.REMOTE)], METAS)


def test_a_controls_page_lists_its_requirements() -> None:
    _, out, _ = explain(METAS[-1].id)
    assert [r.id for r in METAS[-1].requirements if f"  {r.id} " not in out] == []


@pytest.mark.parametrize("ids", [(), ("list",)], ids=["nothing", "list"])
def test_without_an_id_everything_is_listed(ids: tuple[str, ...]) -> None:
    code, out, _ = explain(*ids)
    assert code == 0
    assert [r.id for meta in METAS for r in meta.requirements if f"  {r.id} " not in out] == []


def test_every_rule_has_a_page_that_says_how_to_revoke() -> None:
    names = [*(one.id for one in rule.known()), *(kind.id for kind in KEY_FILES)]
    code, out, _ = explain(*names)
    assert code == 0
    assert out.count("\n  Revoke ") == len(names)
    listed = explain("rules")[1]
    assert [name for name in names if f"  {name} " not in listed] == []


@pytest.mark.parametrize("rule_id", ["github-pat", "key-file-pem"])
def test_the_page_of_a_rule_shows_suppressions_that_are_read_as_it_says(rule_id: str) -> None:
    """What `scan` takes, to which a waiver is nothing."""
    said = words(explain(rule_id)[1]).partition(" Suppress ")[2].partition(" It counts in `scan` and in `check`")[0]
    comment = re.search("`(ci-guard:allow [^`]*)`", said)
    assert (comment is None) == (rule_id == "key-file-pem"), "a key file is a secret as a whole"
    if comment:
        (read,) = comments(Excerpt(f"T = 1  # {comment[1]}".encode(), 4, 5))
        assert read.objection(rule_id, frozenset({rule_id}), date(2026, 11, 25)) == ""
    entry = re.search("`(allow: .*)` in `.ci-guard-secrets.yml`", said)
    assert entry
    book = Book()
    own.read(f"version: 1\n{entry[1]}\n".encode(), OWN, book, Context(known=lambda: frozenset({rule_id})))
    (suppression,) = book.suppressions
    assert suppression.rules == frozenset({rule_id})


def test_the_page_of_a_rule_shows_a_waiver_that_the_loader_accepts() -> None:
    _, out, _ = explain("github-pat")
    line = words(out).partition("Waive waivers:")[2].partition("Rests on")[0].replace("YYYY-MM-DD", "2027-01-31")
    text = f"version: 1\nextends: builtin:baseline\nwaivers: {line}\n"
    (waiver,) = load([PolicyText(content=text.encode(), place="example.yml")], METAS).waivers
    assert (waiver.requirement, waiver.subject) == ("no-secrets", "github-pat")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("aprovals", "approvals"),
        ("No-Force-Push", "no-force-push"),
        ("github-pta", "github-pat"),
        ("branchprotection", "branch-protection"),
    ],
)
def test_an_unknown_id_is_a_usage_error_with_what_was_meant(asked: str, meant: str) -> None:
    code, out, err = explain("no-deletion", asked)
    assert (code, out) == (2, ""), "nothing is printed before everything is known"
    assert f"'{asked}'" in err
    assert meant in err


def test_a_hostile_id_stays_text() -> None:
    _, _, err = explain("::error::pwned\x1b[31m\n::add-mask::x")
    assert "\x1b" not in err
    assert [line for line in err.splitlines() if line.lstrip().startswith("::")] == []


def test_items_of_frameworks_are_shown_in_both_forms() -> None:
    framework = Framework(id="frame", title="Frame", version="1.2", url="https://example.invalid/1.2")
    reference = Reference(framework=framework, item="F-1", title="be careful", relation=Relation.SUPPORTS)
    meta = METAS[0]
    requirement = replace(meta.requirements[0], references=(reference,))
    article = manual.of_requirement(meta, requirement, {"baseline": load_builtin("baseline", METAS)})
    page = Page(color=False, width=80, unicode=True)
    manual.write(article, page)
    assert "  Supports    Frame 1.2, F-1: be careful" in page.text()
    assert "| supports | Frame 1.2, F-1: be careful |" in manual.markdown(article)


def test_a_pipe_in_a_cell_does_not_end_it() -> None:
    article = manual.Article(name="x", paragraphs=(), entries=(manual.Entry(label="value", text="a | b"),))
    assert "| value | a \\| b |" in manual.markdown(article)
