"""`scripts/release.py`: version, changelog, tag and examples agree, or the release stops and says what differs."""

from __future__ import annotations

import datetime as dt
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from tests.release import checkout
from tests.release.checkout import CHANGELOG, git, release

RELEASED = CHANGELOG.replace("## Unreleased\n", "## Unreleased\n\n## 0.2.0 - 2026-11-25\n")


def test_preparing_sets_the_version_and_dates_the_unreleased_entries(tmp_path: Path) -> None:
    folder = checkout.make(tmp_path)
    before = dt.datetime.now(dt.timezone.utc).date()
    assert release(folder, "prepare", "0.2.0").returncode == 0
    assert '__version__ = "0.2.0"' in (folder / "ci_guard/__init__.py").read_text()
    found = re.search(
        r"## Unreleased\n\n## 0\.2\.0 - (\S+)\n\n### Added\n\n- A thing\.\n", (folder / "CHANGELOG.md").read_text()
    )
    assert found
    assert before <= dt.date.fromisoformat(found[1]) <= dt.datetime.now(dt.timezone.utc).date()


def test_what_was_prepared_is_what_the_tag_must_be(tmp_path: Path) -> None:
    folder = checkout.make(tmp_path)
    release(folder, "prepare", "0.2.0")
    assert release(folder, "check", "refs/tags/v0.2.0").stdout == "0.2.0\n"
    assert release(folder, "notes").stdout == "### Added\n\n- A thing.\n"


def test_the_version_that_the_package_has_may_be_the_first_release(tmp_path: Path) -> None:
    folder = checkout.make(tmp_path, changelog="# Changelog\n\n## Unreleased\n\n- All of it.\n")
    assert release(folder, "prepare", "0.1.0").returncode == 0
    assert release(folder, "check", "refs/tags/v0.1.0").returncode == 0


@pytest.mark.parametrize(
    ("version", "changelog", "told"),
    [
        ("0.0.9", CHANGELOG, "0.0.9 is older than the present version 0.1.0"),
        ("0.1.0", CHANGELOG, "has a section for 0.1.0 already"),
        ("0.2.0", CHANGELOG.replace("### Added\n\n- A thing.\n", ""), "nothing under `## Unreleased`"),
        ("1.0", CHANGELOG, "'1.0' is no version; expected three numbers"),
        ("1.0.0rc1", CHANGELOG, "'1.0.0rc1' is no version"),
        ("01.0.0", CHANGELOG, "'01.0.0' is no version"),
    ],
)
def test_refuses_to_prepare(tmp_path: Path, version: str, changelog: str, told: str) -> None:
    folder = checkout.make(tmp_path, changelog=changelog)
    done = release(folder, "prepare", version)
    assert (done.returncode, told in done.stderr) == (1, True), done.stderr
    assert git(folder, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("ref", "version", "changelog", "told"),
    [
        ("refs/heads/main", "0.2.0", RELEASED, "'refs/heads/main' is no tag. Start the release on one"),
        ("refs/tags/v0.2.1", "0.2.0", RELEASED, "The tag is 'v0.2.1', but the package says that it is 0.2.0"),
        ("refs/tags/0.2.0", "0.2.0", RELEASED, "expected v0.2.0"),
        ("refs/tags/v0.2.0", "0.2.0", CHANGELOG, "has no section `## 0.2.0 - YYYY-MM-DD`"),
        ("refs/tags/v0.1.0", "0.1.0", RELEASED, "has `0.2.0 - 2026-11-25` above `0.1.0 - 2026-01-31`"),
        ("refs/tags/v0.2.0", "0.2.0", RELEASED.replace("### Added\n\n- A thing.\n", ""), "says nothing under"),
        (
            "refs/tags/v0.2.0",
            "0.2.0",
            RELEASED.replace("## Unreleased\n", "## Unreleased\n\n- Late.\n"),
            "entries under `## Unreleased`",
        ),
    ],
)
def test_refuses_a_tag_that_does_not_agree(tmp_path: Path, ref: str, version: str, changelog: str, told: str) -> None:
    done = release(checkout.make(tmp_path, version=version, changelog=changelog), "check", ref)
    assert (done.returncode, told in done.stderr, done.stdout) == (1, True, ""), done.stderr


@pytest.mark.parametrize("annotated", [True, False])
def test_pinning_names_the_commit_of_the_tag_in_every_example_and_nowhere_else(tmp_path: Path, annotated: bool) -> None:
    folder = checkout.make(tmp_path)
    commit = git(folder, "rev-parse", "HEAD")
    git(folder, "tag", *(["-a", "-m", "A release"] if annotated else []), "v0.2.0")
    done = release(folder, "pin", "v0.2.0")
    assert done.stdout == f"6 examples name {commit} (v0.2.0).\n", done.stderr
    for page in ("README.md", "docs/deep/page.md"):
        lines = (folder / page).read_text().splitlines()
        assert [line.strip() for line in lines if commit in line] == [
            f"- uses: ci-guard/ci-guard@{commit} # v0.2.0",
            f"- uses: ci-guard/ci-guard/actions/secret-scan@{commit} # v0.2.0",
            f"uses: ci-guard/ci-guard/.github/workflows/guard.yml@{commit} # v0.2.0",
        ]
        changed = [line for line in lines if commit not in line]
        assert changed == [line for line in checkout.EXAMPLE.splitlines() if "uses: ci-guard" not in line]


INCLUDES = """\
include:
  - remote: https://raw.githubusercontent.com/ci-guard/ci-guard/{ref}/gitlab-templates/ci-guard.yml
    integrity: sha256-{digest}
    inputs:
      commit: '{commit}' # {tag}
  - remote: https://raw.githubusercontent.com/acme/ci/{zeros}/gitlab-templates/ci-guard.yml
    integrity: sha256-{none}
  - project: security/ci-guard
    ref: '{commit}' # {tag}
    inputs: {{stage: test}}
  - component: $CI_SERVER_FQDN/security/ci-guard/secret-scan@{commit} # {tag}
sha: {zeros} # the commit of something else
"""


def test_pinning_names_commit_and_digest_of_the_templates(tmp_path: Path) -> None:
    zeros, none = "0" * 40, "A" * 43 + "="
    folder = checkout.make(tmp_path)
    template = "job: {script: [make]}\n"
    unpinned = {"ref": zeros, "commit": zeros, "digest": none, "tag": "the commit of a release"}
    for name, text in {
        "gitlab-templates/ci-guard.yml": template,
        "docs/gitlab.md": INCLUDES.format(**unpinned, zeros=zeros, none=none),
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Templates")
    (folder / "gitlab-templates/ci-guard.yml").write_text("changed since\n")
    digest = b64encode(sha256(template.encode()).digest()).decode()
    for tag in ("v0.2.0", "v0.3.0"):
        git(folder, "commit", "-q", "--allow-empty", "-m", tag)
        git(folder, "tag", tag)
        commit = git(folder, "rev-parse", "HEAD")
        done = release(folder, "pin", tag)
        assert done.returncode == 0, done.stderr
        pinned = {"ref": commit, "commit": commit, "digest": digest, "tag": tag}
        assert (folder / "docs/gitlab.md").read_text() == INCLUDES.format(**pinned, zeros=zeros, none=none)


@pytest.mark.parametrize("tag", ["v9.9.9", "main", "--all", "v0.2.0^"])
def test_refuses_to_pin_what_is_no_tag(tmp_path: Path, tag: str) -> None:
    folder = checkout.make(tmp_path)
    git(folder, "tag", "v0.2.0")
    done = release(folder, "pin", "--", tag)
    assert (done.returncode, f"There is no tag {tag!r}" in done.stderr) == (1, True), done.stderr
    assert git(folder, "status", "--porcelain") == ""


def test_the_changelog_of_this_project_has_sections_that_the_script_reads() -> None:
    headings = re.findall(r"^## (.+)$", (checkout.ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert [heading for heading in headings[1:] if not re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", heading)] == []
