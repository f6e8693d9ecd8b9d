"""What the documentation says is there is there, and its examples are accepted by the code that they are about."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci_guard.controls.registry import CONTROLS
from ci_guard.entrypoints import commands, explain, sink_options
from ci_guard.entrypoints.options import INPUTS
from ci_guard.model import codec, layer_reference, project
from ci_guard.model.recorded import Recorded
from ci_guard.policy.extending import chain
from ci_guard.policy.load import load, load_builtin
from ci_guard.policy.text import PolicyText
from ci_guard.replay.cases import CaseFile, read_cases
from ci_guard.replay.given import nothing_known
from ci_guard.secrets import rule
from ci_guard.secrets.suppression_files import own
from ci_guard.secrets.suppression_files.context import Context
from ci_guard.secrets.suppressions import Book

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("requirements/*.md")])
PATH = re.compile(r"`((?:ci_guard|tests|docs|scripts|actions|requirements)/[^`\s]*)`")
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
SPAN = re.compile(r"`(ci-guard [^`]+)`")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
PAGE_CALL = re.compile(r'project\.page\("([^"]+)"(?:, "([^"]+)")?\)')
FENCE = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def examples(key: str) -> list[Any]:
    """Return every YAML example of the documentation that has this key at its top."""
    found: list[Any] = []
    for page in PAGES:
        for text in FENCE.findall(page.read_text(encoding="utf-8")):
            if re.search(rf"^{key}:", text, re.MULTILINE):
                found.append(pytest.param(text, id=f"{page.relative_to(ROOT)}:{len(found)}"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_that_are_named_exist(page: Path) -> None:
    """The recipes stay true: a path with a placeholder must fit some control."""
    missing = []
    for name in PATH.findall(page.read_text(encoding="utf-8")):
        fitting = [name.replace("<control>", form) for form in ("secret_free", "secret-free", "secret_free")]
        if not any((ROOT / path).exists() for path in fitting):
            missing.append(name)
    assert missing == []


def test_every_page_that_a_report_points_to_has_the_heading() -> None:
    """GitHub makes an anchor of a heading by lower case and hyphens."""
    named = [
        project.requirement_page(control.META.id, requirement.id)
        for control in CONTROLS
        for requirement in control.META.requirements
    ]
    for path in (ROOT / "ci_guard").rglob("*.py"):
        for name, anchor in PAGE_CALL.findall(path.read_text(encoding="utf-8")):
            named.append(project.page(name, anchor))
    assert len(named) > 40
    for address in named:
        name, _, anchor = address.removeprefix(project.page("")).partition("#")
        headings = re.findall(r"^#+ (.*)$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        assert not anchor or anchor in [heading.lower().replace(" ", "-") for heading in headings], address


@pytest.mark.parametrize("text", examples("version"))
def test_policies_and_suppressions_that_are_shown_are_accepted(text: str) -> None:
    if "cases" in yaml.safe_load(text):
        return  # test_cases_that_are_shown_are_accepted
    if not {"allow", "rules"}.isdisjoint(yaml.safe_load(text)):
        known = frozenset(each.id for each in rule.known())
        book = Book()
        own.read(text.encode(), "example.yml", book, Context(known=lambda: known))
        assert book.suppressions or book.rules
        return
    metas = [control.META for control in CONTROLS]
    shown = PolicyText(content=text.encode(), place="example.yml")
    below = "version: 1\nextends: builtin:baseline\n"
    assert load(chain(shown, lambda _: below, lambda *_: ""), metas).controls


@pytest.mark.parametrize("text", [text for text in examples("version") if "\ncases:" in text.values[0]])
def test_cases_that_are_shown_are_accepted(text: str, tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / ".ci-guard.yml").write_text("version: 1\nextends: builtin:strict\n")
    (tmp_path / "cases" / "runs").mkdir()
    policy = load_builtin("strict", [control.META for control in CONTROLS])
    now = datetime(2026, 11, 25, tzinfo=timezone.utc)
    recorded = Recorded(version="0", time=now, advisory=False, policy=policy, facts=nothing_known())
    kept = json.dumps(codec.encode(recorded, Recorded))
    (tmp_path / "cases" / "runs" / "push.json").write_text(kept)
    file = tmp_path / "cases" / "a.yml"
    file.write_text(text)
    assert read_cases(CaseFile(path=file, root=tmp_path), None, lambda _: policy, CONTROLS, "0")


@pytest.mark.parametrize("text", examples("jobs"))
def test_workflows_that_are_shown_pin_actions_and_grant_only_reading(text: str) -> None:
    workflow = yaml.safe_load(text)
    guard = workflow["jobs"]["guard"]
    if "uses" in guard:
        assert guard["uses"].startswith("ci-guard/ci-guard/.github/workflows/guard.yml@")
        assert set(guard["permissions"].values()) == {"read"}
        return
    sends = any("report-sarif" in (step.get("with") or {}) for step in guard["steps"])
    writes = [name for name, level in guard["permissions"].items() if level != "read"]
    assert set(writes) <= ({"security-events"} if sends else {"id-token"} if "environment" in guard else set())
    assert writes or not sends
    assert guard["steps"][0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    foreign = [step["uses"] for step in guard["steps"] if not step["uses"].startswith("ci-guard/")]
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", uses) for uses in foreign)


def command_lines() -> list[Any]:
    """Return the words after `ci-guard` or `bootstrap.py` wherever the documentation shows a command line."""
    found: dict[str, Any] = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = [block.replace("\\\n", "") for block in CONSOLE.findall(text)]
        shown = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
        for line in [*shown, *SPAN.findall(text)]:
            words = shlex.split(line, comments=True)
            places = [at for at, word in enumerate(words) if word.endswith("bootstrap.py") or word == "ci-guard"]
            if places and words[places[0] + 1 :][:1] not in ([], ["--tests"], ["--dev"], ["--release"]):
                name = f"{page.relative_to(ROOT)}: {line}"
                found[name] = pytest.param(words[places[0] + 1 :], id=name)
    return list(found.values())


@pytest.mark.parametrize("argv", command_lines())
def test_command_lines_that_are_shown_are_accepted(argv: list[str]) -> None:
    names = {command.name for command in commands.COMMANDS}
    if argv[0] in ("--version", "COMMAND"):
        return
    assert argv[0] in names
    if "--help" not in argv:
        commands.parse(argv, {}, "0")
    if argv[0] == "explain" and argv[1:] != ["ID"]:
        ids = [name for name in argv[1:] if name not in (explain.LIST, explain.RULES, explain.POLICY)]
        assert [name for name in ids if name not in explain.by_name()] == []


def sections() -> dict[str, str]:
    """Return what `docs/commands.md` says of each command."""
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("file", ["docs/examples/required-workflow.yml", "docs/enforce.md"])
def test_a_floor_that_waits_to_be_named_is_one_that_the_program_takes(file: str) -> None:
    """It stands in a comment, because only the reader's organisation has such a commit."""
    waiting = re.findall(r"^ *# (?:with: [{])?floor: '([^']+)'[}]?$", (ROOT / file).read_text("utf-8"), re.MULTILINE)
    assert [layer_reference.parse(each).text for each in waiting] == waiting != []


def test_every_command_has_a_section_and_a_row_in_the_table_of_commands() -> None:
    names = [command.name for command in commands.COMMANDS]
    assert list(sections()) == names
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    assert [name for name in names if f"| [`{name}`](#{name}) |" not in text] == []


@pytest.mark.parametrize("name", [command.name for command in commands.COMMANDS])
def test_the_options_of_a_command_are_documented_and_no_others(name: str) -> None:
    parser = argparse.ArgumentParser(add_help=False)
    next(command for command in commands.COMMANDS if command.name == name).module.add_options(parser)
    known = {option for help_of in helps(parser) for option in OPTION.findall(help_of) if option != "--help"}
    foreign = re.compile(rf"^\$ ci-guard (?!{name} ).*$", re.MULTILINE)
    assert set(OPTION.findall(foreign.sub("", sections()[name]))) == known


def helps(parser: argparse.ArgumentParser) -> list[str]:
    """Return the help of a parser and of the parsers of its actions."""
    inner = [part for each in parser._actions if isinstance(each.choices, dict) for part in each.choices.values()]
    return [parser.format_help(), *(text for part in inner for text in helps(part))]


ACTIONS = [ROOT / "action.yml", *sorted(ROOT.glob("actions/*/action.yml"))]


def action(path: Path = ROOT / "action.yml") -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_every_control_has_an_action_of_its_own_that_runs_it_alone() -> None:
    scripts = {path.parent.name: action(path)["runs"]["steps"][0]["run"] for path in ACTIONS[1:]}
    own = {name: re.findall(r" check (\S+) --platform", script) for name, script in scripts.items()}
    assert own == {
        "actor-permissions": ["actor-permissions"],
        "admission": ["admission"],
        "branch-protection": ["branch-protection"],
        "guard-integrity": ["guard-integrity"],
        "required-reviews": ["required-reviews"],
        "secret-scan": ["secret-free"],
    }
    assert {name for (name,) in own.values()} == {control.META.id for control in CONTROLS}


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.parent.name)
def test_every_input_and_output_of_an_action_is_documented(path: Path) -> None:
    page = (ROOT / "docs/github.md").read_text(encoding="utf-8")
    names = [*action(path)["inputs"], *action(path)["outputs"]]
    assert [name for name in names if f"`{name}`" not in page] == []
    assert path.parent == ROOT or f"/{path.parent.relative_to(ROOT)}@" in page


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.parent.name)
def test_an_action_passes_inputs_by_the_environment_only_and_fixes_platform_and_enforcement(path: Path) -> None:
    (step,) = action(path)["runs"]["steps"]
    assert "${{" not in step["run"]
    assert re.search(r" check (\S+ )?--platform github --enforce --inputs$", step["run"])
    passed = " ".join(str(value) for value in step["env"].values())
    assert [name for name in action(path)["inputs"] if f"inputs.{name} " not in passed] == []


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.parent.name)
def test_a_variable_of_an_input_that_an_action_does_not_offer_is_blanked(path: Path) -> None:
    """Else whoever may set a variable of the job could use an input that nobody sees."""
    given = action(path)["runs"]["steps"][0]["env"]
    assert given.keys() == action()["runs"]["steps"][0]["env"].keys()
    assert {name for name in given if name.startswith("CI_GUARD_INPUT_")} == {
        f"CI_GUARD_INPUT_{name}" for name in (*INPUTS, *sink_options.INPUTS, "WHEELS")
    }


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.parent.name)
def test_no_action_needs_another_or_lets_its_caller_name_a_server(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(- )?uses:", text, re.MULTILINE)
    keys = {"audit-known-hosts"}  # of a sink's server, which no fact comes from
    assert [
        name for name in action(path)["inputs"] if re.search("url|server|host|api", name) and name not in keys
    ] == []


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.parent.name)
def test_an_action_is_within_the_limits_of_the_marketplace(path: Path) -> None:
    """A description has fewer than 125 characters, and branding names an icon and a colour."""
    told = action(path)
    assert 0 < len(told["description"]) < 125
    assert told["branding"].keys() == {"icon", "color"}
    assert len({action(other)["name"] for other in ACTIONS}) == len(ACTIONS)


def test_every_action_in_our_own_workflows_is_pinned_by_commit() -> None:
    for path in ROOT.glob(".github/workflows/*.yml"):
        for uses in re.findall(r"uses:\s*(\S+)", path.read_text(encoding="utf-8")):
            assert uses.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", uses), (path.name, uses)


def test_generated_files_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/generate.py", "--check"], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_the_schema_is_named_where_this_version_publishes_it() -> None:
    assert (ROOT / project.SCHEMA_PATH).is_file()
    assert f"$schema={project.SCHEMA}\n" in (ROOT / "docs/policy.md").read_text(encoding="utf-8")
