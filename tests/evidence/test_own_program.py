"""What ci-guard tells of itself, and which names it notices; values are nobody's business."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_guard import __version__
from ci_guard.evidence import own_program, survey
from ci_guard.model.fact import Known, Source, Unknown
from tests.evidence.github.scene import known
from tests.secrets.repositories import Repo


def test_the_checkout_says_its_commit() -> None:
    program = known(own_program.get_program())
    found = survey.own_commit()
    assert program.version == __version__
    assert found is not None
    assert known(program.commit) == found[0]
    assert program.released is found[1]


def test_without_a_checkout_only_a_full_commit_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "own_commit", lambda: None)
    commit = known(own_program.get_program("c" * 40)).commit
    assert isinstance(commit, Known)
    assert (commit.value, commit.source) == ("c" * 40, Source.ENV)
    for ref in ("", "v1", "main", "c" * 39):
        assert isinstance(known(own_program.get_program(ref)).commit, Unknown)


def test_a_checkout_whose_files_are_not_its_commits_is_altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = Repo.create(tmp_path)
    sha = repo.commit(
        {"action.yml": "", "ci_guard/__init__.py": "a = 1\n", "ci_guard/sub/x.py": "", "ci_guard/x.md": ""}
    )
    package = tmp_path / "ci_guard"
    monkeypatch.setattr("ci_guard.__file__", str(package / "__init__.py"))
    assert survey.own_files_differ(sha) is False
    (package / "x.md").write_text("not code")
    assert survey.own_files_differ(sha) is False
    (package / "sub" / "more.py").write_text("")
    assert survey.own_files_differ(sha) is True
    (package / "sub" / "more.py").unlink()
    (package / "__init__.py").write_text("a = 2\n")
    assert survey.own_files_differ(sha) is True
    assert survey.own_files_differ("d" * 40) is True


def test_names_are_noticed_and_values_are_not_kept() -> None:
    names = ["LD_PRELOAD", "BASH_ENV", "PYTHONPATH", "https_proxy", "HTTPS_PROXY", "SSL_CERT_FILE", "GIT_SSH_COMMAND"]
    environ = {**dict.fromkeys(names, "hidden-value"), "PATH": "/bin", "LD_AUDIT": "", "pythonLocation": "/x"}
    found = own_program.get_variables(environ)
    assert known(found) == set(names)
    assert "hidden-value" not in repr(found)


HOSTED = {
    "HOME": "/home/runner",
    "GITHUB_WORKSPACE": "/home/runner/work/shop/shop",
    "RUNNER_TEMP": "/home/runner/work/_temp",
    "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache",
}
UBUNTU = (
    "/snap/bin:/home/runner/.local/bin:/opt/pipx_bin:/home/runner/.cargo/bin:"
    "/home/runner/.config/composer/vendor/bin:/usr/local/.ghcup/bin:/home/runner/.dotnet/tools:"
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games"
)
MACOS = "/opt/homebrew/lib/ruby/gems/3.3.0/bin:/Users/runner/.local/bin:/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin"


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        (UBUNTU, {}),
        (MACOS, {"HOME": "/Users/runner"}),
        (f"/opt/hostedtoolcache/Python/3.12.3/x64/bin:{UBUNTU}", {}),
        (f"/home/runner/hostedtoolcache/node/20/bin:{UBUNTU}", {"RUNNER_TOOL_CACHE": "/home/runner/hostedtoolcache"}),
        (f"{UBUNTU}:/home/runner/work/shop/shop/bin", {}),
        ("/usr/bin", {"HOME": "/"}),
        ("", {}),
    ],
)
def test_the_path_of_a_hosted_runner_is_no_alarm(path: str, changes: dict[str, str]) -> None:
    assert known(own_program.get_variables({**HOSTED, **changes, "PATH": path})) == frozenset()


@pytest.mark.parametrize(
    "folder",
    [
        *("/home/runner/work/shop/shop/bin", "/home/runner/work/_temp/x", "/home/runner/tools", "bin", ".", ""),
        *("/opt/hostedtoolcache/../../home/runner/work/shop/shop", "/home/runner/.cargo/bin/x"),
    ],
)
def test_a_folder_of_the_job_before_the_systems_is_noticed(folder: str) -> None:
    assert known(own_program.get_variables({**HOSTED, "PATH": f"{folder}:{UBUNTU}"})) == {"PATH"}
    assert known(own_program.get_variables({"CI_PROJECT_DIR": "/builds/a", "PATH": "/builds/a/x:/usr/bin"})) == {"PATH"}
