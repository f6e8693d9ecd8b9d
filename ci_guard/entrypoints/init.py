"""`ci-guard init`: look at the repository and show, or write, a starter policy and a pinned workflow or pipeline."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ci_guard import starter
from ci_guard.controls import branch_protection
from ci_guard.controls.registry import METAS
from ci_guard.entrypoints.commands import Call, Said
from ci_guard.entrypoints.desk import try_policy
from ci_guard.entrypoints.planning import Planned, planned, wanted
from ci_guard.entrypoints.screen import page_for
from ci_guard.errors import UsageError
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.environment import named_tokens
from ci_guard.evidence.survey import Sighting, Survey, survey
from ci_guard.model import project
from ci_guard.model.decision import Ruling
from ci_guard.model.fact import Known, Unknown
from ci_guard.model.run import Platform
from ci_guard.policy.load import load_builtin
from ci_guard.policy.reading import PROFILES
from ci_guard.records import dataclass
from ci_guard.reporters import diagnosis, escape
from ci_guard.reporters.page import Page

PLATFORMS: Final = ("github", "gitlab")

SUPPRESSIONS_COUNT: Final = (
    "it counts as it is, in a change as the target branch has it; `ci-guard scan --import` writes it as ci-guard's own"
)
UNOWNED: Final = "nobody, so whoever may merge can change it: name owners, and ask for their review in a ruleset"


@dataclass(frozen=True, kw_only=True)
class InitOptions:
    """What `ci-guard init` was asked."""

    platform: Platform | None = None
    """None for the one that the repository shows."""
    profile: str = PROFILES[0]
    write: bool = False
    enforce: bool = False


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `init`."""
    parser.usage = "ci-guard init [OPTIONS]"
    parser.epilog = (
        "Nothing is ever overwritten. Exit codes: 0 fine, 1 a file cannot be there or is not accepted, 2 usage, "
        "4 a fault."
    )
    parser.add_argument("--write", action="store_true", help="write the files (default: show them)")
    profiles, platforms = " or ".join(PROFILES), " or ".join(PLATFORMS)
    parser.add_argument(
        "--profile", choices=PROFILES, default=PROFILES[0], metavar="PROFILE", help=f"what it extends: {profiles}"
    )
    parser.add_argument("--platform", choices=PLATFORMS, metavar="NAME", help=f"{platforms} (default: by the remote)")
    parser.add_argument("--enforce", action="store_true", help="let a denial stop the pipeline from the first run on")


def options(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> InitOptions:
    """Return the options of `init`."""
    return InitOptions(
        platform=Platform(arguments.platform) if arguments.platform else None,
        profile=arguments.profile,
        write=arguments.write,
        enforce=arguments.enforce,
    )


def run(options: InitOptions, call: Call) -> Said:
    """
    Show what there is and what a start would be; write it only where asked to.

    Shape: 0, also where all files are there already; 1 where one cannot be written, or where the policy that is there
    is not accepted.
    Raises: `GitUnavailable` outside a repository; `UsageError` for `--write` in one without files.
    """
    checkout = Checkout(Path.cwd())
    owned = (starter.POLICY_PATH, starter.WORKFLOW_PATH, starter.PIPELINE_PATH)
    seen = survey(checkout.repository, call.environ, owned=owned)
    if options.write and seen.root is None:
        raise UsageError("A bare repository has no files to write to.", hint="Run init in a clone with a work tree.")
    platform = options.platform or seen.platform
    branch, rulings, remark = look_at_rules(options, call, checkout, seen, platform)
    files = wanted(options.profile, seen, platform, branch=branch.value if branch else None, report=not options.enforce)
    plan = [planned(each, seen, write=options.write) for each in files]
    page = page_for(call.stdout, call.environ)
    write_seen(page, seen, options, branch)
    write_rules(page, options, rulings, remark)
    for each in plan:
        write_file(page, each)
    write_next(page, options, platform, plan, seen.reporting if options.enforce else ())
    return Said(page.text(), int(any(each.refused for each in plan)))


def look_at_rules(
    options: InitOptions, call: Call, checkout: Checkout, seen: Survey, platform: Platform | None
) -> tuple[Sighting | None, tuple[Ruling, ...], str]:
    """Return the default branch, what the profile would say of its rules today, and why it says nothing if so."""
    if platform is not Platform.GITHUB or seen.remote is None:
        return seen.branch, (), ""
    if not named_tokens(call.environ, Platform.GITHUB):
        return (
            seen.branch,
            (),
            "With a token in GITHUB_TOKEN that may read the repository, this shows what holds today.",
        )
    from ci_guard.evidence.github.desk import at_desk

    branch = seen.branch.value if seen.branch else None
    forge = at_desk(call.environ, checkout, seen.remote, branch=branch)
    if isinstance(forge, Unknown):
        return seen.branch, (), f"Not read: {forge.reason}." + (f" Needed: {forge.needs}." if forge.needs else "")
    this_run = forge.run()
    policy = load_builtin(options.profile, METAS)
    rulings = try_policy(policy, [branch_protection.META.id], run=this_run, forge=forge)
    default = this_run.default_branch
    if isinstance(default, Known):
        return Sighting(value=default.value, because="GitHub says so"), rulings, ""
    return seen.branch, rulings, ""


def write_seen(page: Page, seen: Survey, options: InitOptions, branch: Sighting | None) -> None:
    """Write what the repository shows."""
    page.heading("This repository")
    page.labelled("Folder", escape.plain(str(seen.root) if seen.root else "none: the repository is bare"), 2)
    if seen.remote:
        more = f"; also {', '.join(seen.other_remotes[:5])}" if seen.other_remotes else ""
        page.labelled("Remote", escape.plain(f"{seen.remote.name}: {seen.remote.shown}{more}"), 2)
    else:
        page.labelled("Remote", "none on a server", 2)
    platform = options.platform.value if options.platform else seen.platform.value if seen.platform else "unknown"
    because = "as asked" if options.platform else seen.because
    page.labelled("Platform", escape.plain(f"{platform} ({because})"), 2)
    said = f"{branch.value} ({branch.because})" if branch else "unknown: no clone's record of it, and no main or master"
    page.labelled("Branch", escape.plain(said), 2)
    for path, owners in seen.owners.items() if seen.owners_file else ():
        page.labelled("Owners", escape.plain(f"{path}, by {seen.owners_file}: {', '.join(owners) or UNOWNED}"), 2)
    for name in seen.suppressions:
        page.labelled("Seen", f"{name}: {SUPPRESSIONS_COUNT}", 2)


def write_rules(page: Page, options: InitOptions, rulings: tuple[Ruling, ...], remark: str) -> None:
    """Write what the profile would say of the rules on the default branch today."""
    if rulings or remark:
        page.heading(f"What builtin:{options.profile} says of the branch's rules today")
        diagnosis.write_outlook(page, rulings)
    if remark:
        page.wrapped(escape.plain(remark), 2)


def write_file(page: Page, each: Planned) -> None:
    """Write a file's path, what becomes of it, and its text."""
    page.heading(f"{each.path}: {escape.plain(each.note)}")
    text = each.text or each.by_hand
    if text:
        page.write()
    for line in text.splitlines():
        page.write(f"  {line}" if line else "")


def write_next(
    page: Page, options: InitOptions, platform: Platform | None, plan: list[Planned], reporting: tuple[str, ...]
) -> None:
    """Write what to do next; `reporting` are workflows in the way of what was asked, for nothing there is edited."""
    page.heading("Next")
    new = [each for each in plan if each.text and not each.refused]
    steps = [f"Mend {each.path}: above stands what is wrong with it." for each in plan if each.refused]
    if reporting:
        names = escape.plain(", ".join(reporting))
        steps.append(
            f"Nothing is enforced yet: {names} asks for `mode: report`, and stays as it is. Take that out of it."
        )
    if platform is None:
        steps.append("Say --platform github or gitlab for a workflow or pipeline as well.")
    if new and not options.write:
        steps.append("`ci-guard init --write` writes what is new.")
    if any(not each.text and each.by_hand for each in plan):
        steps.append("Put the lines above into .gitlab-ci.yml; where it has an `include` already, add to that list.")
    change = {Platform.GITHUB: "pull", Platform.GITLAB: "merge"}.get(platform) if platform else None
    if new and change:
        steps.append(f"Commit it in a {change} request. Until it is merged, builtin:baseline judges.")
        tags = f"git ls-remote {project.HOME} '{project.TAG}*'"
        steps.append(f"Pin a release: `{tags}` prints its commit id, in the line with ^{{}}.")
    if platform is Platform.GITHUB:
        steps.append("`ci-guard doctor` says what your token can see, `ci-guard check` judges this checkout.")
        steps.append(f"A ruleset makes it green, and requires the check `guard`: {project.page('docs/quickstart.md')}")
    if platform is Platform.GITLAB:
        steps.append(f"What a token shows, and what only a paid tier can enforce: {project.page('docs/gitlab.md')}")
    if change:
        steps.append("Let code owners guard both files.")
    for number, step in enumerate(steps, 1):
        page.columns(f"{number}.", step, 2, 3)
