"""`ci-guard policy`: what a policy says, and what it makes of runs, before it judges any."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from ci_guard import __version__
from ci_guard.controls.registry import CONTROLS, METAS
from ci_guard.entrypoints import fetching, simulating
from ci_guard.entrypoints.commands import Call, Parser, Said
from ci_guard.entrypoints.fetching import Fetching
from ci_guard.entrypoints.policies import DEFAULT_POLICY, named_policy, named_stack, policy_of_named
from ci_guard.entrypoints.screen import counted, page_for
from ci_guard.errors import UsageError
from ci_guard.git.command import locate
from ci_guard.model.origin import LayerKind
from ci_guard.model.settings import Policy
from ci_guard.policy import showing
from ci_guard.policy.comparing.change import LOOSER, NEITHER, OTHER, STRICTER
from ci_guard.policy.comparing.policies import Whole, changes
from ci_guard.records import dataclass
from ci_guard.replay.cases import CaseFile, Tried, case_files, lies_in, try_cases
from ci_guard.reporters import escape
from ci_guard.waiving import term

WIDEST: Final = 60
"""Columns before the comments of `show`."""
FORMS: Final = ("table", "json")


@dataclass(frozen=True, kw_only=True)
class PolicyOptions:
    """What `ci-guard policy` was asked."""

    action: str
    paths: tuple[str, ...]
    policy: str | None = None
    form: str = "table"
    fetching: Fetching = Fetching()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `policy`, each with options of its own."""
    parser.usage = "ci-guard policy ACTION ..."
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", required=True, parser_class=Parser, prog="ci-guard policy"
    )
    for name, (_, summary) in ACTIONS.items():
        part = actions.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == "check":
            part.add_argument("paths", nargs="*", metavar="FILE", help=f"policies (default: {DEFAULT_POLICY})")
        if name == "show":
            part.add_argument("paths", nargs="?", metavar="FILE", help=f"the policy (default: {DEFAULT_POLICY})")
        if name == "diff":
            part.add_argument("paths", nargs=2, metavar="FILE", help="the old and the new policy")
        if name == "test":
            part.add_argument("paths", nargs="+", metavar="DIR", help="folders with cases, or files")
            part.add_argument("--policy", metavar="FILE", help="the policy of files of cases that name none")
        if name == "simulate":
            part.add_argument("paths", nargs="+", metavar="RUN", help="records, or folders with records")
            part.add_argument("--policy", metavar="FILE", required=True, help="the policy to try")
            part.add_argument("--format", dest="form", choices=FORMS, default=FORMS[0], help=" or ".join(FORMS))
        if name != "test":  # cases are strangers', and lead to nothing outside of their repository
            fetching.add_options(part)


def options(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> PolicyOptions:
    """Return the options of `policy`."""
    return PolicyOptions(
        action=arguments.action,
        paths=(arguments.paths,) if isinstance(arguments.paths, str) else tuple(arguments.paths or (DEFAULT_POLICY,)),
        policy=getattr(arguments, "policy", None),
        form=getattr(arguments, "form", FORMS[0]),
        fetching=fetching.options(arguments),
    )


def run(options: PolicyOptions, call: Call) -> Said:
    """
    Do what was asked.

    Raises: `PolicyError`, `UsageError`.
    """
    return ACTIONS[options.action][0](options, call)


def check(options: PolicyOptions, _call: Call) -> Said:
    """Say that policies can be accepted, and what does not count of their waivers; the first that cannot is raised."""
    told, layers, today = [], options.fetching.layers(), datetime.now(timezone.utc).date()
    for path in options.paths:
        # What lies where a repository's own policy does is read as one, which may say less than a named file.
        kind = LayerKind.REPOSITORY if Path(path).name == DEFAULT_POLICY else LayerKind.FILE
        if kind is LayerKind.REPOSITORY and not lies_in(root_of(Path(path)), Path(path)):
            raise UsageError(f"The policy {path!r} was refused: expected a file of the repository that it is for.")
        policy = policy_of_named(path, named_stack(path, layers, kind))
        asked = sum(len(settings.require) for settings in policy.controls.values())
        told.append(f"{escape.visible(path)} is accepted: it asks for {counted(asked, 'requirement')}.\n")
        terms = (term(waiver, policy.waivers, today) for waiver in policy.waivers)
        told += [f"  Note: {escape.plain(note)}\n" for note in (*policy.notes, *filter(None, terms))]
    return Said("".join(told))


def show(options: PolicyOptions, _call: Call) -> Said:
    """Write the policy in force, each line with who says it; it reads back as a policy."""
    file = options.paths[0]
    stack = named_stack(file, options.fetching.layers())
    policy = policy_of_named(file, stack)
    written = list(showing.lines(stack, METAS))
    width = min(max(len(line.text) for line in written), WIDEST)
    head = [f"# sha256 {policy.sha256}", *(f"# layer: {escape.plain(layer)}" for layer in policy.layers)]
    head += [f"# note: {escape.plain(note)}" for note in policy.notes]
    body = [f"{line.text:<{width}}  # {escape.plain(line.said_by)}" if line.said_by else line.text for line in written]
    # Texts in it are JSON's, in which an escape keeps a runner from reading a command.
    return Said(escape.json_text("\n".join([*head, *body]) + "\n"), document=True)


def diff(options: PolicyOptions, call: Call) -> Said:
    """Say what got stricter or looser from the first policy to the second; exit code 1 where anything got looser."""
    layers = options.fetching.layers()
    stacks = [named_stack(path, layers) for path in options.paths]
    old, new = (
        Whole(policy=policy_of_named(path, stack), stack=stack)
        for path, stack in zip(options.paths, stacks, strict=True)
    )
    found = list(changes(old, new, METAS))
    page = page_for(call.stdout, call.environ)
    for heading in (LOOSER, OTHER, STRICTER, NEITHER):
        some = [each for each in found if each.direction == heading]
        if some:
            page.write(heading.capitalize())
        for each in some:
            page.wrapped(escape.plain(f"{each.what}: {each.before} -> {each.after}"), 2)
    if not found:
        page.write("Both ask the same.")
    return Said(page.text(), 1 if any(each.direction in (LOOSER, OTHER) for each in found) else 0)


def test(options: PolicyOptions, call: Call) -> Said:
    """Try every case; exit code 1 where one fails."""
    loaded: dict[str, Policy] = {}

    def load(file: str) -> Policy:
        if file not in loaded:
            loaded[file] = named_policy(file)
        return loaded[file]

    policy = load(options.policy) if options.policy else None
    files = [CaseFile(path=file, root=root_of(Path(path))) for path in options.paths for file in case_files(Path(path))]
    tried = [each for file in files for each in try_cases(file, policy, load, CONTROLS, __version__)]
    page = page_for(call.stdout, call.environ)
    for each in tried:
        page.write(title_of(each))
        for difference in each.differences:
            page.labelled("", escape.plain(f"{difference.what}"), 4)
            page.labelled("expected", escape.plain(difference.expected), 6)
            page.labelled("saw", escape.plain(difference.saw), 6)
    failed = sum(bool(each.differences) for each in tried)
    page.write(
        f"{counted(len(tried), 'case')}, {failed} failed." if failed else f"{counted(len(tried), 'case')} passed."
    )
    return Said(page.text(), 1 if failed else 0)


def root_of(path: Path) -> Path:
    """
    Return the folder in which all has to lie that a stranger's files lead to: their repository, the current, or theirs.

    No link is followed on the way there: it may be the stranger's.
    """
    whole, here = Path(os.path.abspath(path)), Path.cwd()
    folder = whole if whole.is_dir() else whole.parent
    found = locate(folder)
    if found and found[1]:
        return Path(found[1])
    return here if folder.is_relative_to(here) else folder


def title_of(tried: Tried) -> str:
    """Return the line of a case."""
    word = "FAILED" if tried.differences else "ok    "
    return f"{word}  {escape.plain(tried.case.place.brief)}  {escape.plain(tried.case.name)}"


def simulation(options: PolicyOptions, call: Call) -> Said:
    """Replay recorded runs by another policy; exit code 1 where it would deny one that was allowed."""
    policy = named_policy(str(options.policy), options.fetching.layers())
    simulation = simulating.replay(options.paths, policy)
    exit_code = 1 if any(each.newly_denied for each in simulation.runs) else 0
    if options.form == "json":
        text = json.dumps(simulating.rows(simulation), ensure_ascii=True, indent=1)
        return Said(escape.json_text(text) + "\n", exit_code, document=True)
    page = page_for(call.stdout, call.environ)
    simulating.write(simulation, page)
    return Said(page.text(), exit_code)


ACTIONS: Final[Mapping[str, tuple[Callable[[PolicyOptions, Call], Said], str]]] = {
    "check": (check, "say whether policies can be accepted"),
    "show": (show, "write the policy in force, each line with who says it"),
    "diff": (diff, "say what got stricter or looser between two policies"),
    "test": (test, "try cases: facts, and what has to follow from them"),
    "simulate": (simulation, "replay recorded runs by another policy"),
}
"""What can be done, in the order of the help."""
