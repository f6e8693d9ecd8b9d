"""`signature` below `extends`: whose signature an organisation's policy needs, besides its commit or digest."""

from __future__ import annotations

import re
from typing import Any, Final

from ci_guard.model.signature import Signature, SigstoreSignature, SshSignature
from ci_guard.policy.document import Node
from ci_guard.policy.reading import distinct, fields_of, text_of
from ci_guard.policy.shapes import closed, listed
from ci_guard.policy.wording import listed as listed_words
from ci_guard.policy.wording import refusal, seen

KEYS: Final = ("ssh", "sigstore")
SSH_KEYS: Final = ("signer", "allowed-signers")
SIGSTORE_KEYS: Final = ("identity", "issuer", "trusted-root")

PRINCIPAL: Final = r"[A-Za-z0-9_][A-Za-z0-9_.@+:/-]{0,199}"
"""What ssh-keygen takes as an identity, without its patterns and lists: one signer is asked for."""

_OPTION: Final = r"[a-z-]{1,40}(?:=\"[\x20-\x21\x23-\x7e]{0,400}\")?"
LINE: Final = (
    r"[\x21\x24-\x7e][\x21\x23-\x7e]{0,400}"  # principals, which no quote and no comment begins
    rf"(?: {_OPTION}(?:,{_OPTION}){{0,9}})?"
    r" (?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]{1,60} [A-Za-z0-9+/]{20,4000}={0,2}(?: [\x20-\x7e]{0,200})?"
)
"""A line of an allowed-signers file: one key, so that nothing of it can become another line."""

IDENTITY: Final = r"[\x21-\x7e]{1,1000}"
ISSUER: Final = r"https://[\x21-\x7e]{1,500}"

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
            },
            "sigstore": {
                "title": "A Sigstore bundle in FILE.sigstore.json",
                **closed(
                    {
                        "identity": {
                            "title": "Whose certificate it has to be, exactly",
                            "type": "string",
                            "pattern": f"^{IDENTITY}$",
                        },
                        "issuer": {
                            "title": "The OpenID provider that vouches for the identity",
                            "type": "string",
                            "pattern": f"^{ISSUER}$",
                            "examples": ["https://token.actions.githubusercontent.com"],
                        },
                        "trusted-root": {
                            "title": "The trusted root of an instance of one's own, its JSON as a text",
                            "type": "string",
                            "pattern": r"^\{",
                        },
                    },
                    needs=SIGSTORE_KEYS[:2],
                ),
            },
        }
    ),
}


def read_signature(node: Node) -> tuple[Signature, ...]:
    """Return the signatures that are asked for: each has to hold. Raises: `PolicyError`."""
    said = fields_of(node, "signature", KEYS)
    if not said:
        raise refusal(node.place, "signature was refused", saw="an empty map", expected=listed_words(KEYS))
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


def _read_sigstore(node: Node) -> Signature:
    said = fields_of(node, "sigstore", SIGSTORE_KEYS, needs=SIGSTORE_KEYS[:2])
    texts = {name: text_of(part, name) for name, part in said.items()}
    for name, form, expected in (
        ("identity", IDENTITY, "an address without blanks, as the certificate has it"),
        ("issuer", ISSUER, "an address that begins with https://"),
        ("trusted-root", r"(?s)\{.*", "a JSON object as a text"),
    ):
        if name in texts and not re.fullmatch(form, texts[name]):
            raise refusal(said[name].place, f"{name} was refused", saw=seen(texts[name]), expected=expected)
    root = texts.get("trusted-root", "")
    return SigstoreSignature(identity=texts["identity"], issuer=texts["issuer"], trusted_root=root)


_READERS: Final = {"ssh": _read_ssh, "sigstore": _read_sigstore}
