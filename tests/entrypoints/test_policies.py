"""A file may be called anything but what a built-in profile is: locks and messages tell those by the name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_guard.controls.registry import METAS
from ci_guard.entrypoints.layers import file_text
from ci_guard.entrypoints.policies import trusted_path
from ci_guard.errors import PolicyError, UsageError
from ci_guard.policy.load import load
from ci_guard.policy.text import PolicyText

LOCKED = "version: 1\nlocked: true\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"
ADDS = "version: 1\naudit: {on-failure: warn}\n"


@pytest.mark.parametrize(
    "path", ["builtin:strict", "builtin:x.yml", "/p.yml", "a/../p.yml", "./p.yml", "a//p.yml", "a\\p.yml", "a\np.yml"]
)
def test_the_input_names_a_plain_path_in_the_repository(path: str) -> None:
    with pytest.raises(UsageError, match="expected a path inside the repository"):
        trusted_path(path)


def test_a_file_of_a_profiles_name_is_no_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("builtin:x.yml").write_text(ADDS)
    text = file_text("builtin:x.yml")
    assert text.place == "./builtin:x.yml"
    with pytest.raises(PolicyError, match=r"audit adds to what .* locked"):
        load([PolicyText(content=LOCKED.encode(), place="floor.yml"), text], METAS)
