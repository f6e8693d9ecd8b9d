"""`ci-guard init` in the kinds of repository that people have: what it sees, what it would write, what it keeps."""

from __future__ import annotations

import re
import subprocess
import textwrap
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ci_guard import starter
from ci_guard.entrypoints import planning
from ci_guard.model import project
from ci_guard.policy.load import load_builtin
from tests.entrypoints import clone
from tests.entrypoints.starting import (
    METAS,
    PASSWORD,
    PIPELINE,
    POLICY,
    ROOT,
    WORKFLOW,
    Init,
    pipeline_in,
    policy_in,
    workflow_in,
)
from tests.gitlab_templates import reading

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
