"""
Keep version, changelog, tag and the documentation's examples in agreement.

    release.py prepare VERSION   before a release: set the version and give the changelog's entries its number and date
    release.py check REF         in the release: the tag, version and changelog agree; print the version
    release.py notes             in the release: print the changelog's section of the version
    release.py pin TAG           after a release: let every example name the tag's commit
"""

from __future__ import annotations

import argparse
import base64
import datetime as dt
import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VERSION_FILE: Final = ROOT / "ci_guard/__init__.py"
CHANGELOG: Final = ROOT / "CHANGELOG.md"

VERSION: Final = re.compile(r'^__version__ = "(.*)"$', re.MULTILINE)
HEADING: Final = re.compile(r"^## (.+)\n", re.MULTILINE)
USES: Final = re.compile(r"(uses:\s*ci-guard/ci-guard(?:/[\w./-]*)?@)[\w./-]+(?:[ \t]*#.*)?$", re.MULTILINE)
"""A use of one of our actions or workflows, up to the reference; behind it may stand a comment with the version."""

TEMPLATE: Final = r"gitlab-templates/[\w-]+\.yml"
REMOTE: Final = re.compile(
    rf"(/ci-guard/ci-guard/)[\w.-]+/({TEMPLATE})(\n\s*integrity: sha256-)[A-Za-z0-9+/]{{43}}=$", re.MULTILINE
)
"""An include of one of our templates by its address, with the digest that stands below it."""
COMMIT: Final = re.compile(
    r"(\b(?:commit|ref): '|component: \S+/ci-guard/[\w-]+@)[0-9a-f]{40}('?)[ \t]*# [^\n]*$", re.MULTILINE
)
"""A commit of ours that another kind of include names; the comment says what it is."""


class Refused(Exception):
    """The release cannot go on; the message says what was seen, what was expected, and what to do."""


def parsed(version: str) -> tuple[int, ...]:
    """Return a version as numbers. Source: Semantic Versioning 2.0.0; pre-releases are not made."""
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", version):
        raise Refused(f"{version!r} is no version; expected three numbers such as 1.2.0.")
    return tuple(map(int, version.split(".")))


def current_version() -> str:
    """Return the version that the package says of itself."""
    match = VERSION.search(VERSION_FILE.read_text(encoding="utf-8"))
    if match is None:
        raise Refused(f"{VERSION_FILE.name} has no line that gives __version__.")
    return match[1]


def sections() -> dict[str, str]:
    """Return the changelog's sections by their headings, in order."""
    _, *parts = HEADING.split(CHANGELOG.read_text(encoding="utf-8"))
    return {heading: body.strip() for heading, body in zip(parts[::2], parts[1::2], strict=True)}


def section_of(version: str) -> tuple[str, str]:
    """Return heading and body of a released version's section."""
    for heading, body in sections().items():
        if re.fullmatch(re.escape(version) + r" - \d{4}-\d\d-\d\d", heading):
            return heading, body
    raise Refused(
        f"CHANGELOG.md has no section `## {version} - YYYY-MM-DD`. Run: python scripts/release.py prepare {version}"
    )


def prepare(version: str, today: dt.date) -> str:
    """Set the version and date the changelog's section of unreleased changes."""
    now = current_version()
    if parsed(version) < parsed(now):
        raise Refused(f"{version} is older than the present version {now}.")
    before = sections()
    if any(heading.startswith(f"{version} - ") for heading in before):
        raise Refused(f"CHANGELOG.md has a section for {version} already; a version is released once.")
    if not before.get("Unreleased"):
        raise Refused("CHANGELOG.md has nothing under `## Unreleased`: there is nothing to release.")
    text = CHANGELOG.read_text(encoding="utf-8")
    dated = f"## Unreleased\n\n## {version} - {today.isoformat()}\n"
    CHANGELOG.write_text(text.replace("## Unreleased\n", dated, 1), encoding="utf-8")
    code = VERSION_FILE.read_text(encoding="utf-8")
    VERSION_FILE.write_text(VERSION.sub(f'__version__ = "{version}"', code), encoding="utf-8")
    return f"Prepared {version}. Merge this, then: git tag -s v{version} && git push origin v{version}"


def check(ref: str) -> str:
    """Return the version if the tag of a run names it and the changelog knows it as the newest one."""
    version = current_version()
    parsed(version)
    tag = ref.removeprefix("refs/tags/")
    if tag == ref:
        raise Refused(f"{ref!r} is no tag. Start the release on one: gh workflow run release.yml --ref v{version}")
    if tag != f"v{version}":
        raise Refused(f"The tag is {tag!r}, but the package says that it is {version}; expected v{version}.")
    heading, body = section_of(version)
    if not body:
        raise Refused(f"CHANGELOG.md says nothing under `## {heading}`.")
    released = [other for other in sections() if other != "Unreleased"]
    if released[0] != heading:
        raise Refused(f"CHANGELOG.md has `{released[0]}` above `{heading}`; expected the newest version first.")
    if sections().get("Unreleased"):
        raise Refused("CHANGELOG.md has entries under `## Unreleased` that this commit contains: they are part of it.")
    return version


def notes() -> str:
    """Return what the changelog says of the present version."""
    return section_of(current_version())[1]


def pin(tag: str) -> str:
    """Let every example of README and documentation name the tag's commit, with the tag as its comment."""
    commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/tags/{tag}^{{commit}}").decode().strip()
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise Refused(f"There is no tag {tag!r} here. Run: git fetch --tags")

    def included(found: re.Match[str]) -> str:
        digest = base64.b64encode(hashlib.sha256(git("show", f"{commit}:{found[2]}")).digest()).decode()
        return f"{found[1]}{commit}/{found[2]}{found[3]}{digest}"

    changed = 0
    for page in [ROOT / "README.md", *(ROOT / folder for folder in ("docs", "examples"))]:
        for path in [page] if page.is_file() else sorted(page.glob("**/*")):
            if path.suffix in (".md", ".yml", ".yaml"):
                text = path.read_text(encoding="utf-8")
                pinned, uses = USES.subn(rf"\g<1>{commit} # {tag}", text)
                pinned, commits = COMMIT.subn(rf"\g<1>{commit}\g<2> # {tag}", pinned)
                pinned = REMOTE.sub(included, pinned)
                changed += uses + commits
                if pinned != text:
                    path.write_text(pinned, encoding="utf-8")
    return f"{changed} examples name {commit} ({tag})."


def git(*arguments: str) -> bytes:
    """Return what git says; nothing where it fails."""
    return subprocess.run(["git", *arguments], cwd=ROOT, stdout=subprocess.PIPE, check=False).stdout


def main(arguments: list[str]) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(description="Keep version, changelog, tag and examples in agreement.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare", help="set the version and date the changelog").add_argument("version")
    commands.add_parser("check", help="refuse a tag that does not agree").add_argument("ref")
    commands.add_parser("notes", help="print the version's section of the changelog")
    commands.add_parser("pin", help="let the examples name a release").add_argument("tag")
    given = parser.parse_args(arguments)
    try:
        if given.command == "prepare":
            print(prepare(given.version, dt.datetime.now(dt.timezone.utc).date()))
        elif given.command == "check":
            print(check(given.ref))
        elif given.command == "notes":
            print(notes())
        else:
            print(pin(given.tag))
    except Refused as refused:
        sys.stderr.write(f"release.py: {refused}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
