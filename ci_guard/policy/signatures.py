"""`signature` below `extends`: whose signature an organisation's policy needs, besides its commit or digest."""

from __future__ import annotations

import re
from typing import Any, Final

from ci_guard.model.signature import Signature, SshSignature
from ci_guard.policy.document import Node
from ci_guard.policy.reading import distinct, fields_of, text_of
from ci_guard.policy.shapes import closed, listed
from ci_guard.policy.wording import refusal, seen

KEYS: Final = ("ssh",)
SSH_KEYS: Final = ("signer", "allowed-signers")

PRINCIPAL: Final = r"[A-Za-z0-9_][A-Za-z0-9_.@+:/-]{0,199}"
"""What ssh-keygen takes as an identity, without its patterns and lists: one signer is asked for."""

_OPTION: Final = r"[a-z-]{1,40}(?:=\"[\x20-\x21\x23-\x7e]{0,400}\")?"
LINE: Final = (
    r"[\x21\x24-\x7e][\x21\x23-\x7e]{0,400}"  # principals, which no quote and no comment begins
    rf"(?: {_OPTION}(?:,{_OPTION}){{0,9}})?"
    r" (?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]{1,60} [A-Za-z0-9+/]{20,4000}={0,2}(?: [\x20-\x7e]{0,200})?"
)
"""A line of an allowed-signers file: one key, so that nothing of it can become another line."""

SIGNATURE: Final[dict[str, Any]] = {
    "title": "Whose signature the text needs, besides",
    "minProperties": 1,
    **closed(
        {
            "ssh": {
                "title": "An SSH signature in FILE.sig",
                **closed(
                    {
                        "signer": {
                            "title": "Who has to have signed",
                            "type": "string",
                            "pattern": f"^{PRINCIPAL}$",
                            "examples": ["security@acme.example"],
                        },
                        "allowed-signers": {
                            "title": "Lines of an allowed-signers file: whose keys are whose",
                            **listed({"type": "string", "pattern": f"^{LINE}$"}),
                        },
                    },
                    needs=SSH_KEYS,
                ),
            }
        }
    ),
}


def read_signature(node: Node) -> tuple[Signature, ...]:
    """Return the signatures that are asked for: each has to hold. Raises: `PolicyError`."""
    said = fields_of(node, "signature", KEYS)
    if not said:
        raise refusal(node.place, "signature was refused", saw="an empty map", expected="ssh")
    return tuple(_READERS[kind](part) for kind, part in said.items())


def _read_ssh(node: Node) -> Signature:
    said = fields_of(node, "ssh", SSH_KEYS, needs=SSH_KEYS)
    signer = text_of(said["signer"], "signer")
    if not re.fullmatch(PRINCIPAL, signer):
        expected = "one name without blanks, patterns and commas, such as security@acme.example"
        raise refusal(said["signer"].place, "signer was refused", saw=seen(signer), expected=expected)
    lines = distinct(said["allowed-signers"], "allowed-signers")
    for line, place in lines.items():
        if not re.fullmatch(LINE, line):
            raise refusal(
                place,
                "a line of allowed-signers was refused",
                saw=seen(line),
                expected="NAME [OPTIONS] TYPE KEY, as ssh-keygen reads it",
                hint='For example: security@acme.example valid-before="20280101" and the text of the .pub file.',
            )
    return SshSignature(signer=signer, allowed_signers=tuple(lines))


_READERS: Final = {"ssh": _read_ssh}
