"""Every rule finds what it is made for, and nothing that falls short of it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ci_guard.model.judgement import Severity
from ci_guard.model.scan import Confidence
from ci_guard.secrets import rule as rule_module
from ci_guard.secrets.matcher import OVERLAP, Match, Matcher
from ci_guard.secrets.rule import Rule
from tests.secrets import rule_form
from tests.secrets.made_up import (
    ARMOURED,
    github_token,
    openssh_key,
    private_key,
    rules,
    secret_in,
    text_for,
    with_wrong_checksum,
)
from tests.secrets.pattern_shape import shape_of

RULES = pytest.mark.parametrize("rule", rules().values(), ids=lambda rule: rule.id)
TOKENS = [rule for rule in rules().values() if rule.id not in ARMOURED]
"""All but private keys, whose inside is checked beyond the pattern; they have cases of their own."""


@pytest.fixture(scope="session")
def matcher() -> Matcher:
    return Matcher(rules().values())


def raw_rules() -> list[dict[str, Any]]:
    folder = Path(rule_module.__file__).parent / "rules"
    return [raw for file in sorted(folder.glob("*.json")) for raw in json.loads(file.read_text("utf-8"))]


def found(matcher: Matcher, text: str | bytes) -> list[Match]:
    return matcher.scan(text.encode() if isinstance(text, str) else text)


def names(matcher: Matcher, text: str | bytes) -> list[str]:
    return [match.rule.id for match in found(matcher, text)]


@RULES
def test_finds_a_token_of_its_format_wherever_it_stands(matcher: Matcher, rule: Rule) -> None:
    for seed in range(3):
        text = text_for(rule, seed)
        for before, behind in (
            ("", ""),
            ("token: ", "\n"),
            ('{"a": "', '"}'),
            ("https://host/", "?a=b"),
            ("x = '", "';"),
        ):
            matches = found(matcher, f"first line\n{before}{text}{behind}")
            assert [(match.rule.id, match.line) for match in matches] == [(rule.id, 2)], (seed, before)


# What runs around a test takes longer than each of these with one rule.


def test_each_finds_its_longest_token_whole(matcher: Matcher) -> None:
    for rule in TOKENS:
        text = text_for(rule, longest=True)
        assert len(text) <= rule.reach < OVERLAP, rule.id
        assert names(matcher, f" {text} ") == [rule.id]


def test_none_finds_anything_in_a_token_that_is_cut_or_part_of_a_word(matcher: Matcher) -> None:
    for rule in TOKENS:
        text = text_for(rule)
        secret = secret_in(rule, text)
        shape = shape_of(rule.pattern, ignore_case=rule.ignore_case)
        half = text.replace(secret, secret[: min(len(secret) // 2, shape.secret_shortest - 1)])
        assert rule.id not in names(matcher, half)
        if rule.boundary and (shape.secret_longest < len(secret) + 40 or secret == text):
            assert rule.id not in names(matcher, text.replace(secret, f"{'a0' * 20}{secret}"))


def test_none_finds_anything_in_an_example(matcher: Matcher) -> None:
    bodies = "x" * 300, "X" * 300, "0123456789" * 30, "abcdefghijklmnopqrstuvwxyz0123456789" * 9, "EXAMPLE" * 40
    for rule in TOKENS:
        text = text_for(rule)
        secret = secret_in(rule, text)
        prefix = rule.public_prefix(secret.encode())
        for body in bodies:
            example = prefix + body[: len(secret) - len(prefix)]
            assert names(matcher, text.replace(secret, example)) == [], rule.id


@RULES
def test_a_text_of_nothing_but_its_beginnings_takes_no_age(matcher: Matcher, rule: Rule) -> None:
    token = text_for(rule)
    started = time.thread_time()  # the processor's time, which is the same on a busy machine
    for text in (*rule.keywords, token[: len(token) * 2 // 3], token[:-1]):
        matcher.scan((text * 3_000).encode()[:3_000])
    assert time.thread_time() - started < 1, "a pattern backtracks"


def test_ids_are_unique_and_kebab_case() -> None:
    ids = [rule.id for rule in rule_module.known()]
    assert len(ids) == len(set(ids)) >= 300
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*[a-z0-9]", name) for name in ids)


def test_every_rule_says_how_to_revoke_and_where_it_is_documented() -> None:
    for rule in rules().values():
        assert rule.documentation.startswith("https://"), rule.id
        assert bool(rule.revoke) != bool(rule.remedy), rule.id
        assert rule.title, rule.id


def test_every_rule_has_the_form_of_one() -> None:
    written = {raw["id"]: raw for raw in raw_rules()}
    assert len(written) == len(raw_rules())
    for rule in rules().values():
        assert rule_form.parse(written[rule.id]) == rule


def test_an_anchor_has_the_length_that_its_rule_says() -> None:
    for rule in rules().values():
        if rule.anchor:
            text = text_for(rule)
            match = re.search(rule.anchor.encode(), text.encode())
            assert match, rule.id
            assert len(match.group()) == rule.anchor_length, rule.id


def test_a_rule_file_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"id": "a", "severity": "low", "keywords": [], "surprise": 1}]))
    with pytest.raises(TypeError, match="surprise"):
        tuple(rule_module.load(tmp_path))


def test_a_checksum_that_fits_is_said_and_one_that_does_not_makes_it_less_severe(matcher: Matcher) -> None:
    token = github_token()
    (genuine,) = found(matcher, token)
    (mistyped,) = found(matcher, with_wrong_checksum(token))
    assert (genuine.severity, genuine.detail) == (Severity.CRITICAL, "format and checksum fit")
    assert (mistyped.severity, mistyped.detail) == (Severity.MEDIUM, "the format fits, its checksum does not")


def test_a_checksum_that_fits_outweighs_the_look_of_an_example(matcher: Matcher) -> None:
    from tests.secrets.made_up import with_checksum

    assert names(matcher, with_checksum("ghp" + "_" + "EXAMPLE" + "0" * 29)) == ["github-pat"]


def test_a_name_that_begins_like_a_token_is_none_and_signs_in_order_make_one_doubtful(matcher: Matcher) -> None:
    assert names(matcher, "glpat-" + "some-name-of-this-project") == []
    (match,) = found(matcher, "ghp" + "_" + "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8")
    assert (match.rule.id, match.severity, match.confidence) == ("github-pat", Severity.LOW, Confidence.LOW)


def test_values_that_vendors_print_are_no_findings(matcher: Matcher) -> None:
    assert names(matcher, "AKIA" + "IOSFODNN7" + "EXAMPLE") == []
    assert names(matcher, "aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY") == []
    assert names(matcher, "sk_test_" + "4eC39HqLyjWDarjtT1zdp7dc") == []
    assert names(matcher, "https://hooks.slack.com/services/" + "T00000000/B00000000/" + "X" * 24) == []


@pytest.mark.parametrize("before", ["\\n", "\\t", "%3D", "%20", "\\u0022", "=", "'", "-", "/", ":"])
def test_an_escape_ahead_of_a_token_is_no_part_of_its_word(matcher: Matcher, before: str) -> None:
    assert names(matcher, f"x{before}{github_token()}") == ["github-pat"]


class TestPrivateKeys:
    @pytest.mark.parametrize("kind", ["RSA ", "EC ", "DSA ", ""])
    def test_finds_each_kind_to_its_last_line(self, matcher: Matcher, kind: str) -> None:
        (match,) = found(matcher, "\n" + private_key(kind) + "\nmore")
        assert (match.rule.id, match.severity, match.line, match.end_line) == ("private-key", Severity.CRITICAL, 2, 15)

    @pytest.mark.parametrize(
        "written",
        [
            pytest.param(lambda key: key.replace("\n", "\\n"), id="json"),
            pytest.param(lambda key: key.replace("\n", "\\\\n"), id="json in json"),
            pytest.param(lambda key: key.replace("\n", "\r\n"), id="windows"),
            pytest.param(lambda key: key.replace("\n", "\n    "), id="yaml"),
            pytest.param(lambda key: '"' + key.replace("\n", '\\n" +\n  "') + '"', id="java"),
            pytest.param(lambda key: "# " + key.replace("\n", "\n# "), id="comment"),
            pytest.param(lambda key: "// " + key.replace("\n", "\n// "), id="line comment"),
            pytest.param(lambda key: "-" + key.replace("\n", "\n-"), id="patch"),
            pytest.param(lambda key: key.replace("\n", " "), id="one line"),
        ],
    )
    def test_finds_a_key_that_stands_in_other_text(self, matcher: Matcher, written: Callable[[str], str]) -> None:
        assert names(matcher, f"key: {written(private_key())}\n") == ["private-key"]

    def test_a_key_behind_a_passphrase_is_less_severe(self, matcher: Matcher) -> None:
        for text in (private_key(encrypted=True), private_key("ENCRYPTED "), openssh_key(cipher=b"aes256-ctr")):
            (match,) = found(matcher, text)
            assert (match.rule.id, match.severity) == ("encrypted-private-key", Severity.LOW)

    def test_an_openssh_key_without_a_passphrase_is_critical(self, matcher: Matcher) -> None:
        (match,) = found(matcher, openssh_key())
        assert (match.rule.id, match.severity) == ("private-key", Severity.CRITICAL)

    def test_the_smallest_key_is_found(self, matcher: Matcher) -> None:
        assert names(matcher, private_key("", lines=1)) == ["private-key"]

    def test_a_header_alone_or_an_elided_key_is_no_key(self, matcher: Matcher) -> None:
        header, *_, footer = private_key().split("\n")
        for text in (
            header,
            f"if text.startswith('{header}') and someRatherLongIdentifierInTheCode:",
            f"{header}\n...\n{footer}",
            f"{header}\nMIIEpAIBAAKCAQEA...\n{footer}",
            f"{header}\n<your key here>\n{footer}",
            f"{header}\n" + "x" * 64 + f"\n{footer}",
            f"{header}\n" + "\\n" * 9000,
            f"{header}\n" + "\\\\" * 9000 + "{",
        ):
            assert names(matcher, text) == []

    def test_a_certificate_and_a_public_key_are_none(self, matcher: Matcher) -> None:
        assert names(matcher, private_key().replace("RSA PRIVATE KEY", "CERTIFICATE")) == []
        assert names(matcher, private_key().replace("RSA PRIVATE", "PUBLIC")) == []
