"""What people really run a gate on: no git, no repository, no commit, odd files; one clear message for each."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci_guard.entrypoints import cli
from tests.e2e import consumer


@dataclass(frozen=True, kw_only=True)
class Said:
    exit_code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


Guard = Callable[..., Said]


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Guard:
    def run(path: Path, *arguments: str, environ: dict[str, str] | None = None) -> Said:
        monkeypatch.chdir(path)
        stdout, stderr = io.StringIO(), io.StringIO()
        exit_code = cli.run(arguments, environ or {}, stdout, stderr)
        said = Said(exit_code=exit_code, out=unwrapped(stdout, arguments), err=stderr.getvalue())
        assert "Traceback" not in said.all
        assert "fault of ci-guard" not in said.all
        return said

    return run


def unwrapped(stream: io.StringIO, arguments: tuple[str, ...]) -> str:
    """Return what a person read, on one line; a report is left as it is."""
    text = stream.getvalue()
    return text if "json=-" in arguments else " ".join(text.split())


def repository(path: Path, *files: str) -> Path:
    path.mkdir()
    consumer.git(path, "init", "-q", "-b", "main")
    if files:
        consumer.write(path, dict.fromkeys(files, "x = 1\n"))
        consumer.git(path, "commit", "-q", "-m", "Start")
    return path


def test_outside_ci_a_clean_repository_is_advised_on_and_exits_0(guard: Guard, tmp_path: Path) -> None:
    said = guard(repository(tmp_path / "r", "a.py"), "check")
    assert said.exit_code == 0
    assert "not judged here" in said.out.lower()


def test_outside_ci_a_policy_that_is_being_edited_is_said_to_be_unused(guard: Guard, tmp_path: Path) -> None:
    source = repository(tmp_path / "source")
    consumer.write(source, {".ci-guard.yml": "version: 1\nextends: builtin:baseline\n"})
    consumer.git(source, "commit", "-q", "-m", "Start")
    assert "was not used" not in guard(source, "check").out
    (source / ".ci-guard.yml").write_text("version: 1\nextends: builtin:strict\n", encoding="utf-8")
    assert ".ci-guard.yml of the work tree is not as it is committed and was not used" in " ".join(
        guard(source, "check").out.split()
    )


def test_outside_ci_a_waiver_for_the_default_branch_covers_what_it_covers_in_ci(guard: Guard, tmp_path: Path) -> None:
    """The clone remembers the name; without it the subject is `default`, which no waiver of a real policy names."""
    waiver = "{control: branch-protection, requirement: protected, subject: trunk, reason: x, until: 2999-01-01}"
    source = repository(tmp_path / "source")
    policy = f"version: 1\ncontrols:\n  branch-protection: {{require: {{protected: true}}}}\nwaivers: [{waiver}]\n"
    consumer.write(source, {".ci-guard.yml": policy})
    consumer.git(source, "commit", "-q", "-m", "Start")
    consumer.git(source, "branch", "-m", "trunk")
    consumer.git(tmp_path, "clone", "-q", str(source), "clone")
    assert "Waived (1)" in guard(tmp_path / "clone", "check", "--enforce").out
    assert "covers nothing in this run" in guard(source, "check", "--enforce").out


def test_outside_ci_enforce_makes_unknown_facts_undecided(guard: Guard, tmp_path: Path) -> None:
    assert guard(repository(tmp_path / "r", "a.py"), "check", "--enforce").exit_code == 3


def test_a_detached_head_is_judged_like_any_other(guard: Guard, tmp_path: Path) -> None:
    path = repository(tmp_path / "r", "a.py")
    consumer.git(path, "checkout", "-q", "--detach")
    assert guard(path, "check").exit_code == 0
    assert guard(path, "scan").exit_code == 0


def test_without_git_the_message_says_so(guard: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = repository(tmp_path / "r", "a.py")
    monkeypatch.setenv("PATH", str(tmp_path))
    said = guard(path, "scan")
    assert said.exit_code == 2
    assert "git was not found" in said.out


def test_a_folder_that_is_no_repository_is_scanned_as_a_folder(guard: Guard, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n", encoding="utf-8")
    assert guard(folder, "scan").exit_code == 0
    assert guard(folder, "check").exit_code == 0


def test_a_range_outside_a_repository_is_a_usage_error(guard: Guard, tmp_path: Path) -> None:
    said = guard(tmp_path, "scan", "--range", "a..b")
    assert said.exit_code == 2
    assert "not inside a git repository" in said.out


def test_a_range_that_names_no_commit_is_a_usage_error(guard: Guard, tmp_path: Path) -> None:
    said = guard(repository(tmp_path / "r", "a.py"), "scan", "--range", "nowhere..HEAD")
    assert said.exit_code == 2
    assert "'nowhere' names no commit" in said.out


def test_an_empty_repository_is_not_called_clean(guard: Guard, tmp_path: Path) -> None:
    """Nothing read is no evidence: other scanners are green on a wrong path."""
    said = guard(repository(tmp_path / "r"), "scan")
    assert said.exit_code == 1
    assert "complete-scan" in said.out


def test_a_bare_repository_is_scanned_from_its_objects(guard: Guard, tmp_path: Path) -> None:
    consumer.git(repository(tmp_path / "r", "a.py"), "clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    assert guard(tmp_path / "bare", "scan").exit_code == 0


def test_nothing_in_a_folder_is_said_plainly(guard: Guard, tmp_path: Path) -> None:
    (tmp_path / "void").mkdir()
    assert "read" in guard(tmp_path / "void", "scan").out


def test_a_path_that_does_not_exist_is_a_usage_error(guard: Guard, tmp_path: Path) -> None:
    assert guard(tmp_path, "scan", "nowhere").exit_code == 2


@pytest.mark.parametrize("kind", ["link", "pipe", "device", "folder"])
def test_a_default_policy_that_is_no_plain_file_makes_the_run_undecided(
    guard: Guard, tmp_path: Path, kind: str
) -> None:
    """It exists and cannot be read; the baseline profile would be somebody else's policy."""
    folder = tmp_path / "plain"
    folder.mkdir()
    policy = folder / ".ci-guard.yml"
    match kind:
        case "link":
            policy.symlink_to("/etc/hostname")
        case "pipe":
            os.mkfifo(policy)
        case "device":
            if os.geteuid() != 0:
                pytest.skip("making a device needs root")
            os.mknod(policy, 0o20666, os.makedev(1, 5))
        case _:
            policy.mkdir()
    said = guard(folder, "check")
    assert said.exit_code == 3
    assert ".ci-guard.yml" in said.out


def test_a_committed_link_as_policy_makes_the_run_undecided(guard: Guard, tmp_path: Path) -> None:
    path = repository(tmp_path / "r", "a.py")
    (path / ".ci-guard.yml").symlink_to("/etc/hostname")
    consumer.git(path, "add", "-A")
    consumer.git(path, "commit", "-q", "-m", "Link")
    said = guard(path, "check")
    assert said.exit_code == 3
    assert "symbolic link" in said.out or "symlink" in said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("chekc",), "chekc"),
        (("check", "brnch-protection"), "branch-protection"),
        (("check", "--platform", "gitea"), "gitea"),
        (("check", "--mode", "warn"), "warn"),
        (("check", "--report", "pdf=x"), "pdf"),
        (("check", "--policy", "nowhere.yml"), "nowhere.yml"),
        (("scan", "--range", "HEAD"), "A..B"),
        (("scan", "--staged", "--range", "a..b"), "a scan has one"),
        (("scan", "--staged", "-"), "a scan has one"),
        (("check", "--enforce=yes"), "--enforce"),
        ((), "COMMAND"),
    ],
)
def test_a_wrong_command_line_is_exit_2_and_names_what_was_wrong(
    guard: Guard, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    said = guard(tmp_path, *arguments)
    assert said.exit_code == 2
    assert words in said.all


def test_a_report_is_written_for_a_usage_error_too(guard: Guard, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    said = guard(tmp_path, "check", "nothing-like-it", "--report", f"json={report}")
    assert said.exit_code == 2
    told = json.loads(report.read_text(encoding="utf-8"))
    assert (told["verdict"], told["exit_code"]) == ("error", 2)


def test_a_report_on_standard_output_is_alone_there(guard: Guard, tmp_path: Path) -> None:
    said = guard(repository(tmp_path / "r", "a.py"), "check", "--report", "json=-")
    assert json.loads(said.out)["schema"] == "ci-guard.report/v1"
    assert "Allowed" in said.err


def test_a_report_that_cannot_be_written_turns_0_into_2(guard: Guard, tmp_path: Path) -> None:
    said = guard(repository(tmp_path / "r", "a.py"), "scan", "--report", f"json={tmp_path}/no/such/folder/r.json")
    assert said.exit_code == 2
    assert "could not be written" in said.err


def test_a_run_on_a_platform_that_is_not_read_says_what_works_there(guard: Guard, tmp_path: Path) -> None:
    said = guard(repository(tmp_path / "r", "a.py"), "check", environ={"CIRCLECI": "true"})
    assert said.exit_code == 2
    assert "ci-guard scan" in said.out


def test_a_gitlab_run_without_its_token_is_undecided_and_says_what_is_missing(guard: Guard, tmp_path: Path) -> None:
    said = guard(repository(tmp_path / "r", "a.py"), "check", environ={"GITLAB_CI": "true"})
    assert said.exit_code == 3
    assert "CI_JOB_TOKEN" in said.out


def test_github_without_a_repository_name_is_a_usage_error(guard: Guard, tmp_path: Path) -> None:
    said = guard(repository(tmp_path / "r", "a.py"), "check", "--platform", "github")
    assert said.exit_code == 2
    assert "GITHUB_REPOSITORY" in said.out


def test_a_secret_in_the_work_tree_denies_and_does_not_leave_the_process(guard: Guard, tmp_path: Path) -> None:
    path = repository(tmp_path / "r", "a.py")
    secret = "AK" + "IA" + "Q3EGRTZ7KLMNWXYV"
    (path / "settings.py").write_text(f"KEY = '{secret}'\n", encoding="utf-8")
    report = tmp_path / "report.json"
    said = guard(path, "check", "--report", f"json={report}")
    assert said.exit_code == 1
    text = said.all + report.read_text(encoding="utf-8")
    assert "settings.py" in text
    assert secret not in text
    assert secret[4:12] not in text


def test_valid_reports_are_written_although_another_one_was_refused(guard: Guard, tmp_path: Path) -> None:
    report = tmp_path / "ok.json"
    assert guard(tmp_path, "scan", "--report", f"json={report}", "--report", "pdf=x").exit_code == 2
    assert json.loads(report.read_text(encoding="utf-8"))["exit_code"] == 2


def test_a_report_is_written_although_an_option_lacks_its_value(guard: Guard, tmp_path: Path) -> None:
    report = tmp_path / "ok.json"
    assert guard(tmp_path, "check", f"--report=json={report}", "--platform").exit_code == 2
    assert json.loads(report.read_text(encoding="utf-8"))["verdict"] == "error"


@pytest.mark.parametrize(("secret", "expected"), [("", 2), ("AK" + "IA" + "Q3EGRTZ7KLMNWXYV", 1)])
def test_an_output_that_nobody_can_read_is_never_exit_0_and_never_a_traceback(
    tmp_path: Path, secret: str, expected: int
) -> None:
    path = repository(tmp_path / "r", "a.py")
    (path / "b.py").write_text(f"KEY = '{secret}'\n", encoding="utf-8")
    command = [sys.executable, "-m", "ci_guard", "scan", str(path)]
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(command, cwd=consumer.ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == expected
    assert "Traceback" not in done.stderr


def test_a_secret_that_was_committed_and_only_deleted_on_disk_is_found(guard: Guard, tmp_path: Path) -> None:
    path = repository(tmp_path / "r", "a.py")
    consumer.write(path, {"settings.py": "KEY = '" + "AK" + "IA" + "Q3EGRTZ7KLMNWXYV'\n"})
    consumer.git(path, "commit", "-q", "-m", "Oops")
    (path / "settings.py").unlink()
    assert guard(path, "scan").exit_code == 1


def test_a_policy_of_ten_megabytes_is_a_policy_error(guard: Guard, tmp_path: Path) -> None:
    path = repository(tmp_path / "r", "a.py")
    consumer.write(path, {".ci-guard.yml": "[" * 10_000_000})
    consumer.git(path, "commit", "-q", "-m", "Bomb")
    said = guard(path, "check")
    assert said.exit_code == 2
    assert "larger than a policy may be" in said.out


def spoil_pack(git: Path) -> None:
    consumer.git(git.parent, "repack", "-q", "-a", "-d")
    (pack,) = (git / "objects/pack").glob("*.pack")
    pack.chmod(0o600)
    pack.write_bytes(pack.read_bytes()[:-40] + b"x" * 20)


def cut_pack_index(git: Path) -> None:
    consumer.git(git.parent, "repack", "-q", "-a", "-d")
    (index,) = (git / "objects/pack").glob("*.idx")
    index.chmod(0o600)
    index.write_bytes(index.read_bytes()[:100])


def cut(name: str) -> Callable[[Path], None]:
    def spoil(git: Path) -> None:
        (git / name).write_bytes((git / name).read_bytes()[:60])

    return spoil


def overwrite(name: str, content: bytes) -> Callable[[Path], None]:
    def spoil(git: Path) -> None:
        (git / name).write_bytes(content)

    return spoil


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "a pack with other bytes": (spoil_pack, "The commit that is checked out cannot be read"),
    "a pack without its index": (cut_pack_index, "The commit that is checked out cannot be read"),
    "a branch that names no object": (overwrite("refs/heads/main", b"1" * 40 + b"\n"), "cannot be read"),
    "a branch that is nonsense": (overwrite("refs/heads/main", b"nonsense\n"), "could not be read"),
    "an index that ends too soon": (cut("index"), "was not read"),
    "an index that is none": (overwrite("index", b"no index"), "The index could not be read"),
    "a configuration that is none": (overwrite("config", b"[core\n"), "git rev-parse failed: bad config line 1"),
    "a head that names nothing": (overwrite("HEAD", b"no ref\n"), "git rev-parse failed: not a git repository"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_repository_is_never_clean_and_says_what_is_broken(guard: Guard, tmp_path: Path, name: str) -> None:
    path = repository(tmp_path / "r", "a.py", "b/c.py")
    spoil, words = BROKEN[name]
    spoil(path / ".git")
    said = guard(path, "scan")
    assert said.exit_code in (1, 2, 3), said.all
    assert words in said.all
    assert guard(path, "check").exit_code in (1, 2, 3)
    # What a commit would bring is all in the index; history does not ask it.
    source = "--staged" if "an index" in name else "--history"
    assert guard(path, "scan", source).exit_code in (1, 2, 3)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_file_that_may_not_be_read_is_told(guard: Guard, tmp_path: Path) -> None:
    path = repository(tmp_path / "r", "a.py")
    (path / "b.py").write_text("x = 1\n", encoding="utf-8")
    (path / "b.py").chmod(0)
    said = guard(path, "scan")
    assert said.exit_code == 1
    assert "b.py: it cannot be read (permission denied)" in said.out


def test_a_folder_in_place_of_a_report_is_told_and_stays(guard: Guard, tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    said = guard(repository(tmp_path / "r", "a.py"), "scan", "--report", f"json={tmp_path}/report.json")
    assert said.exit_code == 2
    assert "could not be written: Is a directory" in said.err


def test_one_report_that_cannot_be_written_costs_no_other(guard: Guard, tmp_path: Path) -> None:
    good = tmp_path / "good.json"
    reports = ("--report", "sarif=/nowhere/x", "--report", f"json={good}", "--report", "junit=/dev/full")
    said = guard(repository(tmp_path / "r", "a.py"), "scan", *reports)
    assert said.exit_code == 2
    assert said.err.count("could not be written") == 2
    assert json.loads(good.read_text(encoding="utf-8"))["verdict"] == "allow"
