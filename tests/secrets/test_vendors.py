"""What a vendor's name ahead of a value makes a secret: each row of the table, and what stands between the two."""

from __future__ import annotations

import json
import random
import re
import string
from itertools import product

import pytest

from ci_guard.secrets import vendor_names, vendors
from ci_guard.secrets.matcher import Matcher
from ci_guard.secrets.rule import Rule, known, load, vendor_ids
from tests.secrets.made_up import text_for
from tests.secrets.pattern_shape import shape_of

HEX = random.Random(7).randbytes(16).hex()


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(load())


def names(matcher: Matcher, text: str) -> list[str]:
    return [match.rule.id for match in matcher.scan(text.encode())]


@pytest.mark.slow
def test_every_row_is_found_beside_each_of_its_words_or_as_what_has_a_format(matcher: Matcher) -> None:
    # Where two vendors share a word, or a value has a format of its own, either rule may tell of it.
    for row, rule in zip(vendors.rows(), vendors.rules(), strict=True):
        for word in row["words"]:
            name = word.rstrip("+").replace("_", "-")
            # Of values drawn at random some look like words, or have no digit where one is looked for.
            values = [text_for(rule, seed) for seed in range(12)] if "form" in row else [HEX]
            found = [matcher.scan(f"first line\n{name}_api_key = '{value}'\n".encode()) for value in values]
            assert [2] in [[match.line for match in matches] for matches in found], (rule.id, word)


def test_ids_are_read_without_the_rest_of_the_table() -> None:
    assert vendor_ids() == {rule.id for rule in vendors.rules()}


def test_rows_are_told_apart_and_documented() -> None:
    ids = [rule.id for rule in known()]
    assert len(ids) == len(set(ids)) >= 1000
    for rule in vendors.rules():
        assert re.fullmatch(r"[a-z][a-z0-9-]*[a-z0-9]", rule.id)
        assert rule.documentation.startswith("https://"), rule.id
        assert bool(rule.revoke) != bool(rule.remedy), rule.id
        assert shape_of(rule.pattern, ignore_case=True).longest <= rule.reach


@pytest.mark.parametrize(
    "text",
    [
        "calendarific_api_key={}",
        "calendarificApiKey: '{}',",
        'CALENDARIFIC_TOKEN := "{}"',
        "# Calendarific: the key is {}",
        "calendarific token {}",
        "calendarific:\n  key: {}",
        "calendarific:\n  url: https://api.example.com\n  region: eu\n  key: {}",
        "[calendarific]\ntimeout = 30\nkey = {}",
        '{{"calendarific": {{\n  "timeout": 30,\n  "key": "{}"\n}}}}',
        "the calendarific key is {}!",
        "calendarific **api-key: {}**",
        "https://api.example.com/calendarific?api_key={}?page=2",
        "[INFO] asking the Calendarific API\n[DEBUG] Using Key={}",
        "<secret>{{calendarific, of production: {}}}</secret>",
        "<id>{{calendarific}}</id>\n<secret>{{of production {}}}</secret>",
        'func getCalendarificToken() string {{ return "{}" }}',
        "<key>calendarific-key</key>\n<string>{}</string>",
        "https://calendarific.com/api/v2/holidays?api_key={}&year=2024",
        'api_key = "{}"  // calendarific',
    ],
)
def test_the_forms_of_an_assignment_that_name_a_vendor(matcher: Matcher, text: str) -> None:
    found = names(matcher, text.format(HEX))
    ahead = not text.startswith("api_key")
    assert found == (["calendarific-credential"] if ahead else ["generic-secret"])


@pytest.mark.parametrize(
    "text",
    [
        "calendarific {}",
        "calendarific-token-digest: sha256:{}",
        "calendarific: key/{}",
        "calendarific_api_key = '{}'".replace("{}", "0123456789abcdef" * 2),
        "calendarific_api_key = '{}'".replace("{}", "your-calendarific-key-1"),
        "calendarific_api_version = 'release-candidate-10'",
        "inboxfloat_key = '{}-{}'",
        "uses: calendarific/create-github-app-token@{}0badf00d # v3.2.0",
        "github.com/calendarific/calendarific-api,v0.0.0-20180202201655-eb2c6b5be1b6,h1:",
        "calendarific_recaptcha_site_key = '{}'",
        "calendarific_key: {}!q",
        "calendarific_key: {}$7",
        "calendarific_key: {}?7q",
        "<calendarific-key><digest>{}</digest></calendarific-key>",
        "<calendarific-key>of production, see keys/{}</calendarific-key>",
        "calendarific:\n\nkey: {}",
        "calendarific:\n  a: 1\n  b: 2\n  c: 3\n  d: 4\n  key: {}",
        "calendarific:\n  commit: {}",
        "calendarific:\n  cache_key: {}",
        "calendarific knows\nthe key of the map that has {}",
        "calendarific:\n  key: release-candidate-10",
    ],
)
def test_what_is_no_credential_of_a_vendor(matcher: Matcher, text: str) -> None:
    assert not any(name.endswith("-credential") for name in names(matcher, text.replace("{}", HEX)))


def test_a_common_word_counts_only_where_the_name_goes_on_with_what_a_key_is_for(matcher: Matcher) -> None:
    assert names(matcher, f"float_api_key = '{HEX}'") == ["float-credential"]
    assert names(matcher, f"# a float, and the key {HEX}") == []
    assert names(matcher, f"inbox_key is {HEX}") == []


LETTERS = "".join(random.Random(15).choices(string.ascii_letters, k=40))


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("calendarific_key", ["generic-secret"]),
        ("calendarificKey", ["generic-secret"]),
        ("map_key", []),
        ("key", []),
        ("calendarific_public_key", []),
    ],
)
def test_a_key_that_a_vendor_is_named_for_is_no_place_in_a_table(matcher: Matcher, name: str, rules: list[str]) -> None:
    assert names(matcher, f'{name} = "{LETTERS}"\n') == rules


@pytest.mark.parametrize(
    ("name", "vendor"),
    [
        ("blob_key", None),
        ("PROMISE_TOKEN", None),
        ("decoderToken", None),
        ("community-api-key", None),
        ("lob_key", "Lob"),
        ("prod-lob-key", "Lob"),
        ("prodLobKey", "Lob"),
        ("ourOmiseKey", "Omise"),
        ("ourcalendarifickey", "Calendarific"),
    ],
)
def test_a_short_name_begins_where_a_word_does(name: str, vendor: str | None) -> None:
    assert [one.rule.vendor for one in vendors._named(name)] == ([vendor] if vendor else [])


def test_a_format_of_its_own_outweighs_the_name_of_a_vendor(matcher: Matcher) -> None:
    from tests.secrets.made_up import github_token

    assert names(matcher, f"datadog_api_key = '{github_token()}'") == ["github-pat"]


def test_the_nearest_vendor_tells(matcher: Matcher) -> None:
    assert names(matcher, f"shodan, then calendarific_key = '{HEX}'") == ["calendarific-credential"]


@pytest.mark.parametrize("word", ["datadog", "new_relic", "cc_test_reporter"])
def test_a_name_is_known_however_its_parts_are_joined(word: str) -> None:
    rows = {row["id"] for row in vendors.rows() if word in row["words"]}
    assert rows
    parts = word.split("_")
    for joins in product(("", "_", "-", ".", " ", "__", "x"), repeat=len(parts) - 1):
        text = "".join(part + join for part, join in zip(parts, (*joins, "_key"), strict=True))
        named = {vendor.rule.id for vendor in vendors._named(text)}
        written = re.fullmatch(word.replace("_", "[_. -]?"), text.removesuffix("_key"))
        assert (rows <= named) == bool(written), text

    twice = "bundle-gems--contribsys--com"  # an empty part stands between two separators
    assert any(vendors._named(twice))
    assert not any(vendors._named(twice.replace("bundle-", "bundle--")))


def test_the_table_is_read_only_where_a_value_stands_behind_a_credentials_name() -> None:
    vendor_names.lines.cache_clear()
    Matcher(load()).scan(b"a calendarific of words\nkey = value\n" * 50)
    assert vendor_names.lines.cache_info().currsize == 0


def test_a_rule_of_a_vendor_is_never_searched_for_by_itself() -> None:
    searched = {rule.id for rule in load()}
    assert not searched & {rule.id for rule in vendors.rules()}
    assert all(isinstance(rule, Rule) and not rule.keywords and not rule.anchor for rule in vendors.rules())


def test_rows_and_words_are_read_as_a_reader_of_json_reads_the_table() -> None:
    rows = vendors.rows()
    assert [json.loads(row.rstrip(",")) for row in vendors._table()] == rows
    assert vendor_names.lines() == vendors.words().splitlines()
    wanted = {(word, number) for number, row in enumerate(rows) for word in row["words"]}
    beginnings = {word.replace("_", "")[:3] for word, _ in wanted}
    assert {(word.text, word.row) for letters in beginnings for word in vendor_names.beginning(letters)} == wanted
    for letters in ("ab", "abl", "aaa", "zzz", "", "\n", "~"):
        found = [word for word in vendor_names.beginning(letters) if not word.letters.startswith(letters)]
        assert found == []
