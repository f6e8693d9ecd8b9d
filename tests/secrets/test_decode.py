"""What is found in encoded texts, where it is said to stand, and how it is told."""

from __future__ import annotations

import base64
import io
import json
import string
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.model.scan import SecretFinding
from ci_guard.secrets.decode import Decoding, encoded
from ci_guard.secrets.matcher import PIECE, Matcher
from ci_guard.secrets.rule import load
from ci_guard.secrets.scan import scan_bytes
from tests.drawing import examples
from tests.secrets.made_up import github_token, private_key, rules, text_for

TOKEN = github_token()


def found(text: str | bytes) -> list[SecretFinding]:
    content = text.encode() if isinstance(text, str) else text
    return list(scan_bytes(io.BytesIO(content)).findings)


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def wrapped(text: str, width: int = 76, indent: str = "") -> str:
    return "\n".join(indent + text[start : start + width] for start in range(0, len(text), width))


LONG = f"The settings of a service, line by line.\ntoken: {TOKEN}\nand some more text, so that it is long.\n"
FORMS = {
    "a Kubernetes Secret": f"apiVersion: v1\nkind: Secret\ndata:\n  token: {b64(TOKEN)}\n",
    "basic authentication": f'\n\n\n         "Basic {b64("user:" + TOKEN)}"',
    "a data URI": f"\n\n\n<a href='data:text/plain;base64,{b64(LONG)}'>",
    "the alphabet for URLs": f"\n\n\n  {base64.urlsafe_b64encode(('??>>~~' + TOKEN + '>>>???').encode()).decode()}",
    "without padding": f"\n\n\n  {b64('a ' + TOKEN).rstrip('=')}",
    "wrapped": f"\n\n\n{wrapped(b64(LONG * 3))}",
    "wrapped and indented": f"\n\n\n{wrapped(b64(LONG * 3), 64, '    ')}",
    "wrapped in a string": f'\n\n\n"{wrapped(b64(LONG * 3)).replace(chr(10), chr(92) + "n")}"',
    "UTF-16, as PowerShell wants it": f"\n\n\npowershell -e {b64(f'$t = {TOKEN!r}'.encode('utf-16-le'))}",
    "behind letters that are not ASCII": f"\n\n\nx={b64('größer als ' + 'ü' * 30 + ' ' + TOKEN)}",
    "URL-encoding": "\n\n\nhttps://x.example/?q=" + "".join(f"%{ord(sign):02X}" for sign in TOKEN),
    "URL-encoding of one sign": "\n\n\nhttps://x.example/?q=" + TOKEN.replace("_", "%5f"),
    "escapes": "\n\n\n'" + "".join(f"\\x{ord(sign):02x}" for sign in TOKEN) + "'",
    "escapes of JSON": "\n\n\n'" + "".join(f"\\u{ord(sign):04x}" for sign in TOKEN) + "'",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_an_encoded_secret_is_found_where_the_encoded_text_stands(form: str) -> None:
    (finding,) = found(form)
    assert (finding.rule, finding.location.line) == ("github-pat", 4)
    assert ", decoded from " in finding.detail
    assert finding.preview == "ghp" + "_…"


def test_the_place_is_the_beginning_of_the_text() -> None:
    (finding,) = found(f"a: 1\n  ä: {b64(LONG)}\n")
    assert (finding.location.line, finding.location.end_line, finding.location.column) == (2, 2, 6)
    assert finding.detail.endswith("decoded from base64")


def test_two_encodings_in_each_other_are_undone_and_three_are_not() -> None:
    (finding,) = found(b64(b64(LONG)))
    assert finding.detail.endswith("decoded from base64 in base64")
    (finding,) = found("".join(f"%{ord(sign):02X}" for sign in b64(LONG)))
    assert finding.detail.endswith("decoded from base64 in URL-encoding")
    assert not found(b64(b64(b64(LONG))))


def test_what_stands_there_in_plain_is_not_found_again() -> None:
    (finding,) = found(f"https://x.example/?token={TOKEN}&next=%2Fhome\n{b64(LONG)}\n{TOKEN}")
    assert (finding.location.line, ", decoded" in finding.detail) == (1, False)


def test_a_private_key_is_found_once_although_a_rule_knows_its_base64() -> None:
    (finding,) = found(f"tls.key: {b64(private_key())}")
    assert (finding.rule, finding.location.column) == ("base64-private-key", 10)
    (finding,) = found(f"tls.key: {b64('a key' + chr(10) + private_key())}")
    assert (finding.rule, finding.location.line, finding.location.end_line) == ("private-key", 1, 1)


def test_a_notebook_is_read_with_its_outputs() -> None:
    image = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20).decode()
    notebook = {
        "cells": [
            {"cell_type": "code", "source": ["import os\n", f'key = "{github_token(1)}"\n'], "outputs": []},
            {"cell_type": "code", "source": [], "outputs": [{"text": [f"{github_token(2)}\n"]}]},
            {"cell_type": "code", "source": [], "outputs": [{"data": {"image/png": image}}]},
        ],
        "nbformat": 4,
    }
    assert len(found(json.dumps(notebook, indent=1))) == 2


def test_fingerprints_do_not_depend_on_the_secret() -> None:
    prints = {found(f"a: {b64(LONG.replace(TOKEN, github_token(seed)))}")[0].fingerprint for seed in range(2)}
    assert len(prints) == 1


@pytest.mark.parametrize("before", [0, 1, 2, 3, 40, 5000])
def test_is_found_across_the_end_of_a_piece(before: int) -> None:
    text = b64(LONG)
    content = b"a line\n" * (PIECE // 7)
    content = content[: PIECE - before].rstrip(b"aline \n")
    content += b"\n" * (PIECE - before - len(content)) + text.encode() + b"\n" + b"a line\n" * 20_000
    (finding,) = found(content)
    assert finding.location.line == content[: PIECE - before].count(b"\n") + 1


def test_names_and_hashes_are_left_alone() -> None:
    names = "getApplicationConfigurationFromEnvironment AbstractSingletonProxyFactoryBean " * 50
    hashes = " ".join(f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC834:064x}"[:64] for number in range(200))
    assert not encoded((names + hashes + string.ascii_letters + string.digits).encode())


@pytest.mark.parametrize("text", ["A" * 9, "AAAA5", "Iggx", "%41 ", "%41", "\\x41", "Z2hw", "\n", "Aw==\n"])
def test_texts_made_to_be_slow_are_not(text: str) -> None:
    """The number of decoded bytes, which the work is in proportion to, is no more than a few times the content's."""
    content = (text * 400_000)[:1_000_000].encode()
    assert sum(len(part.text) for part in encoded(content)) <= 4 * len(content)


@settings(deadline=None, max_examples=examples(200))
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=3))
def test_any_bytes_are_decoded_to_something(content: bytes, cuts: list[int]) -> None:
    text = quote(base64.b64encode(content)).encode()
    for cut in cuts:
        text = text[:cut] + content[cut : cut + 9] + text[cut:]
    for part in encoded(text):
        assert 0 <= part.start < part.end <= len(text)


def test_what_begins_in_one_encoded_text_does_not_hide_what_is_in_the_next() -> None:
    key = text_for(rules()["putty-private-key"])
    begun = key[: key.index("Private-Lines")]
    (finding,) = found(f"a: {b64(begun)}\nb: {b64(key)}\n")
    assert (finding.rule, finding.location.line) == ("putty-private-key", 2)


MATCHER = Matcher(load())


@settings(deadline=None, max_examples=examples(100))
@given(st.text(string.printable, max_size=40), st.text(string.printable, max_size=40), st.integers(0, 9))
def test_base64_of_any_text_with_a_token_is_found(before: str, behind: str, seed: int) -> None:
    token = github_token(seed)
    if any(sign in string.ascii_letters + string.digits + "_%\\" for sign in before[-1:] + behind[:1]):
        before, behind = before + " ", " " + behind
    decoding = Decoding(MATCHER)
    decoding.whole(f"x: {b64(before + token + behind)}".encode())
    assert "github-pat" in [match.rule.id for match in decoding.added_to([])]


def test_what_a_check_looks_at_beside_a_match_is_of_the_same_encoded_text() -> None:
    def percent(text: str) -> str:
        return "".join(f"%{byte:02x}" for byte in text.encode())

    key = text_for(rules()["jwk-private-key"])
    kind, member, rest = key.partition('"d"')
    whole, apart = percent(key), f"{percent(kind)} {percent(member + rest)} and more\n"
    assert [finding.rule for finding in found(whole)] == ["jwk-private-key"]
    assert found(apart) == []
