"""What errors say, and what they keep to themselves."""

from __future__ import annotations

import pytest

from ci_guard.errors import unrevealing
from tests.secrets.made_up import github_token

AWS = "AK" + "IA" + "Q3EGRTZ7KLMNWXYV"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (github_token(), "ghp_…"),
        (f"saw '{AWS}' and x", "saw '…' and x"),
        ("approvals: two-of-3-people-must_say_so_2026", "approvals: two-of-3-people-must_say_so_2026"),
        ("1000000000000000000000", "1000000000000000000000"),
        ("src/configuration/internationalisation.py", "src/configuration/internationalisation.py"),
        ("0f" * 20, "0f" * 20),
        ("fatal: 'https://bot:hunter@git.example/x'", "fatal: 'https://…@git.example/x'"),
        ("https://git.example/x@y", "https://git.example/x@y"),
        ("0f" * 32, "0f" * 32),
        ("0f" * 19, "…"),
        ("", ""),
    ],
)
def test_a_quoted_text_keeps_its_words_and_loses_what_could_be_a_secret(text: str, shown: str) -> None:
    assert unrevealing(text) == shown
