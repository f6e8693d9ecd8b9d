"""What ci-guard tells of itself, and which names it notices; values are nobody's business."""

from __future__ import annotations

import pytest

from ci_guard import __version__
from ci_guard.evidence import own_program, survey
from ci_guard.model.fact import Known, Source, Unknown
from tests.evidence.github.scene import known


def test_the_checkout_says_its_commit() -> None:
    program = known(own_program.get_program())
    found = survey.own_commit()
    assert program.version == __version__
    assert found is not None
    assert known(program.commit) == found[0]
    assert program.released is found[1]


def test_without_a_checkout_only_a_full_commit_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_program, "own_commit", lambda: None)
    commit = known(own_program.get_program("c" * 40)).commit
    assert isinstance(commit, Known)
    assert (commit.value, commit.source) == ("c" * 40, Source.ENV)
    for ref in ("", "v1", "main", "c" * 39):
        assert isinstance(known(own_program.get_program(ref)).commit, Unknown)


def test_names_are_noticed_and_values_are_not_kept() -> None:
    names = ["LD_PRELOAD", "BASH_ENV", "PYTHONPATH", "https_proxy", "HTTPS_PROXY", "SSL_CERT_FILE", "GIT_SSH_COMMAND"]
    environ = {**dict.fromkeys(names, "hidden-value"), "PATH": "/bin", "LD_AUDIT": "", "pythonLocation": "/x"}
    found = own_program.get_variables(environ)
    assert known(found) == set(names)
    assert "hidden-value" not in repr(found)
