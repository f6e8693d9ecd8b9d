"""`ci-guard init` in the kinds of repository that people have: what it sees, what it would write, what it keeps."""

from __future__ import annotations

import os
import re
import resource
import stat
import subprocess
import textwrap
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ci_guard import starter
from ci_guard.controls.registry import CONTROLS
from ci_guard.entrypoints import planning
from ci_guard.model import project
from ci_guard.model.settings import Policy
from ci_guard.policy.load import load, load_builtin
from ci_guard.policy.text import PolicyText
from tests.e2e import consumer
from tests.entrypoints import clone
from tests.entrypoints.clone import Said
from tests.fakes.github import FakeGitHub, rule
from tests.gitlab_templates import reading

METAS = [control.META for control in CONTROLS]
ROOT = Path(__file__).parent.parent.parent
PASSWORD = "hunter" + "2"
POLICY, WORKFLOW, PIPELINE = starter.POLICY_PATH, starter.WORKFLOW_PATH, starter.PIPELINE_PATH

Init = Callable[..., Said]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Init:
    def run(folder: Path, *argv: str, **environ: str) -> Said:
        return clone.say(monkeypatch, folder, "init", *argv, environ=environ)

    return run


def policy_in(folder: Path) -> Policy:
    return load([PolicyText(content=(folder / POLICY).read_bytes(), place=POLICY)], METAS)


def workflow_in(folder: Path) -> dict[Any, Any]:
    return dict(yaml.safe_load((folder / WORKFLOW).read_text(encoding="utf-8")))


def pipeline_in(folder: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / PIPELINE).read_text(encoding="utf-8")))


# Where the clone came from


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://github.com/acme/shop.git", "origin: github.com/acme/shop"),
        ("git@github.com:acme/shop.git", "origin: github.com/acme/shop"),
        ("ssh://git@ssh.github.com:443/acme/shop.git", "origin: github.com/acme/shop"),
        ("https://ghe.example.com/acme/shop", "origin: ghe.example.com/acme/shop"),
    ],
    ids=["https", "ssh", "ssh-with-a-port", "enterprise-server"],
)
def test_a_repository_on_github_gets_a_policy_and_a_pinned_workflow(
    start: Init, tmp_path: Path, address: str, shown: str
) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": address})
    clone.remember_head(folder, "main")
    said = start(folder, "--write")
    assert said.code == 0
    assert shown in said.out
    assert "Platform    github (" in said.out
    assert set(clone.tree(folder)) == {"README.md", POLICY, WORKFLOW}
    assert policy_in(folder).controls == load_builtin("baseline", METAS).controls
    workflow = workflow_in(folder)
    assert workflow["permissions"] == {}
    assert workflow[True] == {"pull_request": None, "merge_group": None, "push": {"branches": ["main"]}}
    guard = workflow["jobs"]["guard"]
    assert guard["permissions"] == {"contents": "read", "pull-requests": "read", "actions": "read"}
    checkout, step = guard["steps"]
    assert checkout["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert step["with"] == {"mode": "report"}
    uses = [each["uses"] for each in guard["steps"]]
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", each) for each in uses), uses


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("https://gitlab.com/group/sub/shop.git", None),
        ("git@gitlab.example.com:group/shop.git", "https://gitlab.example.com"),
    ],
    ids=["gitlab.com", "self-managed"],
)
def test_a_repository_on_gitlab_gets_a_policy_and_a_pipeline_with_the_pinned_template(
    start: Init, tmp_path: Path, address: str, server: str | None
) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": address})
    said = start(folder, "--write")
    assert (said.code, set(clone.tree(folder))) == (0, {"README.md", POLICY, PIPELINE})
    assert "Platform    gitlab (" in said.out
    assert policy_in(folder).controls == load_builtin("baseline", METAS).controls
    pipeline = pipeline_in(folder)
    assert list(reading.faults(pipeline)) == []
    assert {"workflow", "build"} <= pipeline.keys()
    (include,) = pipeline["include"]
    commit = clone.git(ROOT, "rev-parse", "HEAD")
    assert include["remote"] == f"{project.RAW}/{commit}/{project.TEMPLATE_PATH}"
    assert include["inputs"] == {"commit": commit, "mode": "report", **({"server": server} if server else {})}
    reading.render(ROOT / project.TEMPLATE_PATH, include["inputs"])
    template = subprocess.run(
        ["git", "show", f"{commit}:{project.TEMPLATE_PATH}"], cwd=ROOT, capture_output=True, check=True
    )
    assert include["integrity"] == f"sha256-{b64encode(sha256(template.stdout).digest()).decode()}"


def test_a_pipeline_that_is_there_is_kept_and_the_lines_for_it_are_shown(start: Init, tmp_path: Path) -> None:
    text = "build:\n  script: [make]\n"
    folder = clone.make(
        tmp_path / "shop", files={PIPELINE: text}, remotes={"origin": "https://gitlab.com/group/shop.git"}
    )
    said = start(folder, "--write", "--enforce")
    assert (said.code, clone.tree(folder)[PIPELINE]) == (0, text)
    assert f"{PIPELINE}: kept: it exists already; these lines are for you" in said.words
    shown = said.out[said.out.index("  include:") : said.out.index("Next\n")]
    (include,) = yaml.safe_load(textwrap.dedent(shown))["include"]
    assert include["inputs"].keys() == {"commit"}
    assert "Put the lines above into .gitlab-ci.yml" in said.words


@pytest.mark.parametrize(
    "line",
    [
        "  - remote: https://raw.githubusercontent.com/ci-guard/ci-guard/v0.1.0/gitlab-templates/ci-guard.yml",
        "  - component: $CI_SERVER_FQDN/security/ci-guard/ci-guard@1.0.0",
        "  - local: /gitlab-templates/secret-scan.yml",
        "  - project: security/ci-guard\n    file: /gitlab-templates/ci-guard.yml",
    ],
)
def test_a_pipeline_that_includes_ci_guard_needs_nothing(start: Init, tmp_path: Path, line: str) -> None:
    text = f"include:\n{line}\n"
    folder = clone.make(
        tmp_path / "shop", files={PIPELINE: text}, remotes={"origin": "https://gitlab.com/group/shop.git"}
    )
    assert f"{PIPELINE}: not needed: it includes ci-guard already" in start(folder).words


def test_an_include_of_something_else_is_none_of_ci_guard(start: Init, tmp_path: Path) -> None:
    text = "include:\n  - local: /ci/my-ci-guard/x.yml\n  # - remote: https://x.example/gitlab-templates/ci-guard.yml\n"
    folder = clone.make(
        tmp_path / "shop", files={PIPELINE: text}, remotes={"origin": "https://gitlab.com/group/shop.git"}
    )
    assert f"{PIPELINE}: kept" in start(folder).words


def test_where_the_commit_of_ci_guard_is_not_known_the_pipeline_says_so(
    start: Init, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "own_commit", lambda: None)
    said = start(clone.make(tmp_path / "shop", remotes={"origin": "https://gitlab.com/group/shop.git"}))
    assert f"commit: '{'0' * 40}' # the commit id of {project.TAG} has to stand here" in said.out
    assert "integrity" not in said.out


def test_without_a_remote_the_platform_is_asked_for(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop")
    said = start(folder)
    assert said.code == 0
    assert "Platform    unknown" in said.out
    assert "Say --platform github or gitlab" in said.words
    assert WORKFLOW not in said.out
    assert WORKFLOW in start(folder, "--platform", "github").out


@pytest.mark.parametrize(
    ("file", "platform"), [(".github/workflows/build.yml", "github"), (".gitlab-ci.yml", "gitlab")]
)
def test_without_a_known_remote_the_pipelines_of_the_repository_tell_the_platform(
    start: Init, tmp_path: Path, file: str, platform: str
) -> None:
    folder = clone.make(tmp_path / "shop", files={file: "{}\n"}, remotes={"origin": "git@code.example:acme/shop"})
    assert f"Platform    {platform} (" in start(folder).out


def test_of_several_remotes_origin_counts_and_the_others_are_named(start: Init, tmp_path: Path) -> None:
    remotes = {
        "alice": "https://gitlab.com/alice/shop",
        "origin": "git@github.com:acme/shop",
        "zoe": "git@github.com:zoe/shop",
    }
    said = start(clone.make(tmp_path / "shop", remotes=remotes))
    assert "origin: github.com/acme/shop; also alice, zoe" in said.out


def test_credentials_of_a_remote_are_never_shown_or_written(start: Init, tmp_path: Path) -> None:
    address = f"https://olivia:{PASSWORD}@github.com/acme/shop.git"
    folder = clone.make(tmp_path / "shop", remotes={"origin": address, "spare": address})
    said = start(folder, "--write")
    assert "github.com/acme/shop" in said.out
    assert PASSWORD not in said.out + said.err + "".join(clone.tree(folder).values())


# Which branch


def test_the_default_branch_is_what_the_clone_remembers_of_its_remote(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": "git@github.com:acme/shop"})
    clone.remember_head(folder, "trunk")
    said = start(folder)
    assert "Branch      trunk (what origin had as its HEAD when this was cloned)" in said.words.replace(
        "Branch ", "Branch      "
    )
    assert 'branches: ["trunk"]' in said.out


def test_without_the_remotes_word_a_branch_main_or_master_is_taken_and_that_is_said(
    start: Init, tmp_path: Path
) -> None:
    for name in ("main", "master"):
        folder = clone.make(tmp_path / name, remotes={"origin": "git@github.com:acme/shop"}, branch=name)
        clone.git(folder, "checkout", "-q", "--detach")
        said = start(folder)
        assert f"{name} (there is a branch {name}, and nothing says more)" in said.words


def test_a_branch_that_nobody_can_tell_leaves_the_filter_out(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": "git@github.com:acme/shop"}, branch="develop")
    said = start(folder, "--write")
    assert "Branch      unknown" in said.out
    assert workflow_in(folder)[True]["push"] is None


def test_an_empty_repository_gets_the_branch_that_it_will_have(start: Init, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    clone.git(folder, "init", "-q", "-b", "trunk")
    clone.git(folder, "remote", "add", "origin", "git@github.com:acme/shop")
    said = start(folder, "--write")
    assert said.code == 0
    assert workflow_in(folder)[True]["push"] == {"branches": ["trunk"]}


@pytest.mark.parametrize(
    ("name", "branches"),
    [
        ("release/9", ["release/9"]),
        ('it\'s-"quoted"', ['it\'s-"quoted"']),
        ("a#b{c},&d", ["a#b{c},&d"]),
        ("feature+x", ["feature\\+x"]),
        ("!main", ["\\!main"]),
        ("größe", ["größe"]),
        ("x${{github.token}}", None),
        ("a\u202eb", None),
    ],
)
def test_a_hostile_branch_stays_one_name_in_the_workflow(
    start: Init, tmp_path: Path, name: str, branches: list[str] | None
) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": "git@github.com:acme/shop"})
    clone.remember_head(folder, name)
    said = start(folder, "--write")
    assert said.code == 0
    assert "\u202e" not in said.out
    assert workflow_in(folder)[True]["push"] == (None if branches is None else {"branches": branches})


@given(branch=st.text(min_size=1, max_size=40))
def test_no_name_of_a_branch_can_change_the_workflow(branch: str) -> None:
    text = starter.workflow(branch=branch, pin="0" * 40, note="v1", report=True)
    workflow = yaml.safe_load(text)
    plain = yaml.safe_load(starter.workflow(branch=None, pin="0" * 40, note="v1", report=True))
    push = workflow[True].pop("push")
    assert plain[True].pop("push") is None
    assert workflow == plain
    if push is not None:
        (written,) = push["branches"]
        assert re.sub(r"\\([*+?!])", r"\1", written) == branch


# What is there already


def test_a_policy_that_is_there_is_kept_and_checked(start: Init, tmp_path: Path) -> None:
    mine = "version: 1\nextends: builtin:strict\n"
    folder = clone.make(tmp_path / "shop", files={POLICY: mine}, remotes={"origin": "git@github.com:acme/shop"})
    said = start(folder, "--write")
    assert said.code == 0
    assert f"{POLICY}: kept: it exists already, and is accepted" in said.out
    assert (folder / POLICY).read_text(encoding="utf-8") == mine
    assert (folder / WORKFLOW).is_file()


def test_a_policy_that_is_there_and_is_not_accepted_is_exit_1(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop", files={POLICY: "version: 1\nextnds: x\n"})
    said = start(folder)
    assert said.code == 1
    assert "kept, and it is not accepted: .ci-guard.yml:2:1" in said.words
    assert "extnds" in said.words
    assert f"1. Mend {POLICY}: above stands what is wrong with it." in said.words


def test_init_twice_writes_nothing_the_second_time(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": "git@github.com:acme/shop"})
    assert start(folder, "--write").code == 0
    before = clone.tree(folder)
    said = start(folder, "--write", "--profile", "strict", "--enforce")
    assert said.code == 0
    assert clone.tree(folder) == before
    assert "written" not in said.out
    assert "Mend" not in said.out


def test_a_workflow_that_runs_ci_guard_already_is_enough(start: Init, tmp_path: Path) -> None:
    workflow = "jobs:\n  guard:\n    steps:\n      - uses: ci-guard/ci-guard@v0 # pinned\n"
    folder = clone.make(
        tmp_path / "shop",
        files={".github/workflows/build.yaml": workflow},
        remotes={"origin": "git@github.com:acme/shop"},
    )
    said = start(folder, "--write")
    assert ".github/workflows/build.yaml runs ci-guard already" in said.words
    assert not (folder / WORKFLOW).exists()


@pytest.mark.parametrize(
    "text", ["\n" * 3_000_000, " " * 3_000_000, "\n- " * 1_000_000], ids=["lines", "spaces", "items"]
)
def test_a_workflow_of_nothing_but_space_is_read_in_linear_time(start: Init, tmp_path: Path, text: str) -> None:
    """A stranger's file as large as is read; in quadratic time it would take days."""
    folder = clone.make(tmp_path / "shop", files={".github/workflows/x.yml": text})
    assert start(folder).code == 0


def test_a_workflow_that_only_speaks_of_ci_guard_is_none(start: Init, tmp_path: Path) -> None:
    text = "# ci-guard/ci-guard@v0\njobs: {x: {steps: [{run: 'echo uses: ci-guard/ci-guard@v0'}]}}\n"
    folder = clone.make(
        tmp_path / "shop", files={".github/workflows/x.yml": text}, remotes={"origin": "git@github.com:acme/shop"}
    )
    assert f"{WORKFLOW}: would be written" in start(folder).out


@pytest.mark.parametrize("name", [".gitleaks.toml", ".gitleaksignore", ".secrets.baseline"])
def test_suppressions_of_other_scanners_are_seen_and_said_to_count(start: Init, tmp_path: Path, name: str) -> None:
    said = start(clone.make(tmp_path / "shop", files={name: "\n"}))
    assert f"{name}: it counts as it is, in a change as the target branch has it" in said.words


def test_owners_of_the_files_are_named_and_their_lack_too(start: Init, tmp_path: Path) -> None:
    owners = "/.ci-guard.yml @acme/security\n"
    said = start(clone.make(tmp_path / "shop", files={".github/CODEOWNERS": owners}))
    assert ".ci-guard.yml, by .github/CODEOWNERS: @acme/security" in said.words
    assert f"{WORKFLOW}, by .github/CODEOWNERS: nobody" in said.words


# Where it runs


def test_outside_a_repository_it_is_a_usage_error(start: Init, tmp_path: Path) -> None:
    said = start(tmp_path)
    assert (said.code, said.out) == (2, "")
    assert "not inside a git repository" in said.err


def test_in_a_subfolder_the_files_go_to_the_root(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop", files={"src/a.py": "\n"}, remotes={"origin": "git@github.com:acme/shop"})
    assert start(folder / "src", "--write").code == 0
    assert (folder / POLICY).is_file()
    assert (folder / WORKFLOW).is_file()


def test_a_bare_repository_is_shown_and_not_written_to(start: Init, tmp_path: Path) -> None:
    source = clone.make(tmp_path / "shop")
    clone.git(tmp_path, "clone", "-q", "--bare", str(source), "bare.git")
    said = start(tmp_path / "bare.git")
    assert said.code == 0
    assert "the repository is bare" in said.out
    refused = start(tmp_path / "bare.git", "--write")
    assert refused.code == 2
    assert "bare repository" in refused.err


def test_a_linked_worktree_gets_the_files_and_knows_the_remote(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": "git@github.com:acme/shop"})
    clone.git(folder, "worktree", "add", "-q", "-b", "try", str(tmp_path / "try"))
    said = start(tmp_path / "try", "--write")
    assert said.code == 0
    assert "origin: github.com/acme/shop" in said.out
    assert (tmp_path / "try" / WORKFLOW).is_file()
    assert not (folder / WORKFLOW).exists()


# How it writes


def test_nothing_is_written_unless_asked(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": "git@github.com:acme/shop"})
    before = clone.tree(folder)
    said = start(folder)
    assert clone.tree(folder) == before
    shown = said.out
    start(folder, "--write")
    for name in (POLICY, WORKFLOW):
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            assert f"  {line}\n" in shown or not line


def test_what_was_written_has_the_permissions_of_new_files_and_leaves_nothing_beside(
    start: Init, tmp_path: Path
) -> None:
    folder = clone.make(tmp_path / "shop")
    mask = os.umask(0o027)
    try:
        start(folder, "--write")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((folder / POLICY).stat().st_mode) == 0o640
    assert sorted(path.name for path in folder.iterdir()) == [POLICY, ".git", "README.md"]


@pytest.mark.parametrize("link", [".github", ".github/workflows"])
def test_a_link_out_of_the_repository_is_not_followed(start: Init, tmp_path: Path, link: str) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": "git@github.com:acme/shop"})
    (tmp_path / "elsewhere" / "workflows").mkdir(parents=True)
    (folder / link).parent.mkdir(exist_ok=True)
    (folder / link).symlink_to(tmp_path / "elsewhere")
    for argv in ((), ("--write",)):
        said = start(folder, *argv)
        assert said.code == 1
        assert f"{WORKFLOW}: refused: {link} is a symbolic link" in said.words
    assert [path.name for path in (tmp_path / "elsewhere").rglob("*")] == ["workflows"]
    assert (folder / POLICY).is_file(), "the other file is written all the same"


@pytest.mark.parametrize("name", [POLICY, WORKFLOW])
def test_a_link_in_the_place_of_a_file_stays_and_nothing_is_written_through_it(
    start: Init, tmp_path: Path, name: str
) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": "git@github.com:acme/shop"})
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).symlink_to(tmp_path / "victim")
    said = start(folder, "--write")
    assert (folder / name).is_symlink()
    assert not (tmp_path / "victim").exists()
    assert said.code == (1 if name == POLICY else 0), "the gate refuses a policy that is a link"


def test_a_file_in_the_place_of_a_folder_is_refused(start: Init, tmp_path: Path) -> None:
    folder = clone.make(
        tmp_path / "shop", files={".github": "a file\n"}, remotes={"origin": "git@github.com:acme/shop"}
    )
    said = start(folder, "--write")
    assert said.code == 1
    assert "refused: .github is no folder" in said.words


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_exit_1(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop")
    folder.chmod(0o555)
    try:
        said = start(folder, "--write")
    finally:
        folder.chmod(0o755)
    assert said.code == 1
    assert f"{POLICY} could not be written: Permission denied" in said.words


def test_without_hard_links_the_file_is_written_over_nothing_all_the_same(
    start: Init, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    folder = clone.make(tmp_path / "shop")
    assert start(folder, "--write").code == 0
    assert sorted(path.name for path in folder.iterdir()) == [POLICY, ".git", "README.md"]


def test_a_file_that_does_not_fit_leaves_nothing_behind(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop")
    before = clone.tree(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        said = start(folder, "--write")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert said.code == 1
    assert f"{POLICY}: refused: {POLICY} could not be written: File too large" in said.words
    assert clone.tree(folder) == before


# The files


def test_enforce_leaves_the_report_mode_out_and_the_policy_states_no_mode(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": "git@github.com:acme/shop"})
    start(folder, "--write", "--enforce", "--profile", "strict")
    assert "with" not in workflow_in(folder)["jobs"]["guard"]["steps"][1]
    assert policy_in(folder).mode is None
    assert policy_in(folder).controls == load_builtin("strict", METAS).controls


def test_enforce_says_that_a_workflow_which_is_there_still_asks_for_report(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": "git@github.com:acme/shop"})
    said = "Nothing is enforced yet: .github/workflows/ci-guard.yml asks for `mode: report`"
    assert said not in start(folder, "--write").words
    assert said not in start(folder, "--write").words
    assert said in start(folder, "--write", "--enforce").words
    workflow = folder / WORKFLOW
    text = workflow.read_text(encoding="utf-8")
    workflow.write_text(
        "# mode: report is over\n" + re.sub(r" +with:\n +mode: report .*\n", "", text), encoding="utf-8"
    )
    assert said not in start(folder, "--write", "--enforce").words
    workflow.write_text(text.replace("mode: report", "mode: 'report'"), encoding="utf-8")
    assert said in start(folder, "--write", "--enforce").words


def test_the_policy_names_the_schema_on_its_first_line() -> None:
    assert starter.policy("baseline").startswith(f"# yaml-language-server: $schema={project.SCHEMA}\n")


def test_the_checkout_is_pinned_as_in_the_readme() -> None:
    assert f"- uses: {starter.CHECKOUT}\n" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_outside_a_checkout_of_its_own_the_versions_tag_is_named_with_how_to_pin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planning, "own_commit", lambda: None)
    pin, note = planning.pinned()
    assert pin == project.TAG
    assert "pin the commit id" in note
    monkeypatch.setattr(planning, "own_commit", lambda: ("1" * 40, True))
    assert planning.pinned() == ("1" * 40, project.TAG)


# With a token


def environ_of(github: FakeGitHub, token: str) -> dict[str, str]:
    return {"GITHUB_API_URL": github.url, "GITHUB_SERVER_URL": github.html_url, "GITHUB_TOKEN": token}


def test_with_a_token_the_rules_of_today_are_judged_by_the_profile(
    start: Init, github: FakeGitHub, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", protected=False)
    shop.repo.ruleset(rules=[rule("pull_request", required_approving_review_count=0), "non_fast_forward", "deletion"])
    said = start(shop.path, **environ_of(github, github.token("job").value))
    assert said.code == 0
    assert len(github.requests) <= 6, "a few reads"
    assert "main (GitHub says so)" in said.words
    assert "passed protected, no-force-push, pull-request, no-deletion · main" in said.words
    assert "tolerated unknown approvals · main Seen as far as this token can read: none required" in said.words
    boss = github.token("boss", kind="user", login="olivia", permissions={"administration": "write"})
    stronger = start(shop.path, **environ_of(github, github.token("job").value), CI_GUARD_TOKEN=boss.value)
    assert "refused approvals · main Seen none required" in stronger.words
    assert f"{github.html_url}/acme/shop/settings/rules/" in said.out
    assert github.token("job").value not in said.out + said.err


def test_each_ruleset_that_applies_costs_one_read_more(start: Init, github: FakeGitHub, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop", protected=False)
    for name in ("one", "two", "three", "four"):
        shop.repo.ruleset(name, rules=[rule("deletion")])
    assert start(shop.path, **environ_of(github, github.token("job").value)).code == 0
    assert github.count("GET /repos/*/rulesets/*") == 4
    assert len(github.requests) <= 6 + 4


def test_with_a_token_the_default_branch_is_the_servers_word(start: Init, github: FakeGitHub, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    shop.repo.branches["trunk"] = shop.repo.branches["main"]
    shop.repo.default_branch = "trunk"
    said = start(shop.path, "--write", **environ_of(github, github.token("job").value))
    assert said.code == 0
    assert workflow_in(shop.path)[True]["push"] == {"branches": ["trunk"]}


def test_a_token_that_sees_nothing_is_no_reason_not_to_start(start: Init, github: FakeGitHub, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    said = start(shop.path, "--write", **environ_of(github, "wrong"))
    assert said.code == 0
    assert "Bad credentials" in said.words
    assert (shop.path / WORKFLOW).is_file()


def test_a_token_is_not_sent_to_a_server_that_only_the_clone_names(
    start: Init, github: FakeGitHub, tmp_path: Path
) -> None:
    """The configuration of a clone can be anybody's; here it names the server, and the environment does not."""
    folder = clone.make(tmp_path / "shop", remotes={"origin": f"{github.html_url}/acme/shop"})
    said = start(folder, "--platform", "github", GITHUB_TOKEN=github.token("job").value)
    assert said.code == 0
    assert "no token is sent there" in said.words
    assert github.requests == []


def test_without_a_token_nothing_is_asked_and_that_is_said(start: Init, github: FakeGitHub, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    environ = environ_of(github, "")
    said = start(shop.path, **environ)
    assert "With a token in GITHUB_TOKEN" in said.words
    assert github.requests == []


def test_the_gate_runs_with_what_was_written(
    start: Init, github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = consumer.make(github, tmp_path / "shop", approved_by=())
    start(shop.path, "--write", **environ_of(github, github.token("job").value))
    run = shop.repo.run("push", actor="olivia", sha=shop.repo.branches["main"])
    payload = github.events(shop.repo).push("main", before=shop.base, sender="olivia")
    mode = workflow_in(shop.path)["jobs"]["guard"]["steps"][1]["with"]["mode"]
    environ = github.job_environment(
        shop.repo, run, payload, tmp_path / "job", GITHUB_TOKEN=github.token("job").value, CI_GUARD_INPUT_MODE=mode
    )
    argv = ("check", "--platform", "github", "--enforce", "--inputs", "--policy", str(shop.path / POLICY))
    said = clone.say(monkeypatch, shop.path, *argv, environ=environ)
    assert said.code == 0, said.out
    assert "Denied" in said.out, "the report mode shows what it does not stop"
