"""What verifies an ID token takes nothing that its issuer did not sign, whatever is written into it."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.evidence import id_token
from ci_guard.evidence.id_token import Refused
from tests.drawing import examples
from tests.fakes.lab import issuer

AUDIENCE = "ci-guard"
ISSUER = "https://gitlab.example"


def verified(token: str) -> object:
    keys = issuer.jwks("instance")["keys"]
    return id_token.verified(token, keys, audience=AUDIENCE, issuer=ISSUER, required=())


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


TEXTS = st.text(max_size=200) | st.lists(st.text(max_size=20), min_size=3, max_size=3).map(".".join)


@settings(max_examples=examples(150))
@given(TEXTS)
def test_nothing_that_is_written_as_a_token_breaks_it_or_is_accepted(token: str) -> None:
    """Also through PyJWT: its errors are not all of one kind."""
    assert isinstance(verified(token), Refused)
    assert id_token.issuer_of(token) is None


@settings(max_examples=examples(100))
@given(
    st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "x5c"]),
        st.none() | st.integers() | st.text(max_size=9),
    )
)
def test_no_header_of_whatever_kind_is_accepted_without_a_signature(header: dict[str, Any]) -> None:
    token = f"{encoded({'alg': 'RS256', 'kid': 'instance', **header})}.{encoded({'aud': AUDIENCE})}.AAAA"
    assert isinstance(verified(token), Refused)
