"""`extends`: which layer lies below a file, and all layers from a nearest one down."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from ci_guard import hashing
from ci_guard.model import layer_reference
from ci_guard.model.layer_reference import LayerReference
from ci_guard.model.origin import LayerKind
from ci_guard.model.signature import Signature
from ci_guard.policy.document import Node
from ci_guard.policy.place import BUILTIN, Place
from ci_guard.policy.reading import PROFILES, fields_of, text_of
from ci_guard.policy.signatures import read_signature
from ci_guard.policy.text import PolicyText
from ci_guard.policy.wording import listed, perhaps, refusal, seen
from ci_guard.records import dataclass, replace

KEYS: Final = ("policy", "sha256", "vendored", "signature")
DIGEST: Final = re.compile("[0-9a-f]{64}")
DEEPEST: Final = 5
"""Organisation policies below each other."""


@dataclass(frozen=True, kw_only=True)
class Extended:
    """An organisation policy that a file extends."""

    reference: LayerReference
    vendored: str = ""
    """A path in the repository whose copy counts where its digest is the reference's."""
    signatures: tuple[Signature, ...] = ()
    """What has to hold besides."""
    place: Place


Fetch = Callable[[Extended], str]
"""Returns the text; raises `PolicyUnreadable` where it cannot be had."""

Verify = Callable[[Extended, bytes], str]
"""
Returns whose signature a text has, empty where none is asked for; raises `PolicyError` for a bad one, and
`PolicyUnreadable` where there is none or nothing to verify it with.
"""


def extends_of(node: Node) -> str | Extended:
    """Return the name of a built-in profile, or the organisation policy that is meant."""
    known = [BUILTIN + name for name in PROFILES]
    if isinstance(node.value, str) and node.value in known:
        return node.value.removeprefix(BUILTIN)
    if isinstance(node.value, Mapping):
        said = fields_of(node, "extends", KEYS, needs=("policy",))
        reference = reference_of(said["policy"])
        if "sha256" in said:
            digest = text_of(said["sha256"], "sha256")
            if not DIGEST.fullmatch(digest) or reference.sha256 not in ("", digest):
                expected = "the SHA-256 of the text, 64 hexadecimal digits" + (
                    " as in policy" if reference.sha256 else ""
                )
                raise refusal(said["sha256"].place, "sha256 was refused", saw=seen(digest), expected=expected)
            reference = replace(reference, sha256=digest)
        vendored = ""
        if "vendored" in said:
            vendored = text_of(said["vendored"], "vendored")
            if not reference.sha256:
                hint = "Say sha256: of the text: a commit elsewhere does not prove a copy here."
                raise refusal(said["vendored"].place, "vendored needs a digest", hint=hint)
            if vendored.startswith("/") or "\\" in vendored or {"", ".", ".."} & set(vendored.split("/")):
                expected = "a path inside the repository"
                raise refusal(said["vendored"].place, "vendored was refused", saw=seen(vendored), expected=expected)
        signatures = read_signature(said["signature"]) if "signature" in said else ()
        return Extended(reference=reference, vendored=vendored, signatures=signatures, place=node.place)
    if isinstance(node.value, str) and (node.value in PROFILES or node.value.startswith(BUILTIN)):
        expected = listed(known)
        raise refusal(
            node.place, "extends was refused", saw=seen(node.value), expected=expected, hint=perhaps(node.value, known)
        )
    return Extended(reference=reference_of(node), place=node.place)


def reference_of(node: Node) -> LayerReference:
    """Return an immutable reference."""
    try:
        return layer_reference.parse(node.value if isinstance(node.value, str) else "")
    except ValueError as error:
        expected = f"{listed(BUILTIN + name for name in PROFILES)}, {error}"
        raise refusal(
            node.place, "extends was refused", saw=seen(node.value), expected=expected, hint=layer_reference.HINT
        ) from None


def chain(nearest: PolicyText, fetch: Fetch, verify: Verify) -> list[PolicyText]:
    """
    Return a text with all organisation policies below it, the one nearest the organisation first.

    Each is fetched once. Raises: `PolicyError` for a circle, more than `DEEPEST` of them or another digest than was
    said; what `fetch` and `verify` raise.
    """
    layers, names = [nearest], [nearest.reference]
    while extended := extended_by(layers[0]):
        reference = extended.reference
        if reference.text in names:
            raise refusal(extended.place, "extends leads in a circle", saw=seen(reference.text))
        if len(names) > DEEPEST:
            raise refusal(
                extended.place, "extends leads too deep", expected=f"at most {DEEPEST} policies below each other"
            )
        names.insert(0, reference.text)
        layers.insert(0, fetched(extended, fetch, verify))
    return layers


def fetched(extended: Extended, fetch: Fetch, verify: Verify, *, floor: bool = False) -> PolicyText:
    """Return an organisation policy whose digest and signature are what was said."""
    reference = extended.reference
    content = fetch(extended).encode("utf-8")
    digest = hashing.sha256(content)
    if reference.sha256 and digest != reference.sha256:
        hint = "Somebody changed the text, or the digest is of another one: compare both before you write it anew."
        raise refusal(
            extended.place,
            f"another text than was said at {reference.text}",
            saw=digest,
            expected=reference.sha256,
            hint=hint,
        )
    return PolicyText(
        content=content,
        place=reference.text,
        kind=LayerKind.REMOTE,
        reference=reference.text,
        floor=floor,
        signer=verify(extended, content),
    )


def extended_by(text: PolicyText) -> Extended | None:
    """Return the organisation policy that a text extends; None where it extends a profile, or nothing."""
    root: Any = text.roots[0].value
    node = root.get("extends") if isinstance(root, Mapping) else None
    found = extends_of(node) if node is not None else None
    return found if isinstance(found, Extended) else None
