"""All layers of a policy: the floor, what the organisation asks, what the repository asks; from texts to one policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ci_guard.controls.registry import METAS
from ci_guard.errors import PolicyError, PolicyUnreadable, UsageError, unrevealing
from ci_guard.evidence.checkout import MAXIMUM_POLICY_BYTES, read_plain_file
from ci_guard.evidence.interface import Forge, PolicyFile
from ci_guard.model import layer_reference
from ci_guard.model.fact import Fact, Known, Unknown, unavailable
from ci_guard.model.layer_reference import LayerReference
from ci_guard.model.settings import Policy
from ci_guard.model.signature import Signature
from ci_guard.policy.document import read_document
from ci_guard.policy.extending import Extended, chain, fetched
from ci_guard.policy.load import load
from ci_guard.policy.place import BUILTIN, Place
from ci_guard.policy.signatures import read_signature
from ci_guard.policy.text import PolicyText, profile_text

FLOOR = "--floor"
FLOOR_SIGNATURE = "--floor-signature"
AGAIN = "It is never left out: run the job again, or keep a copy in the repository (vendored)."
HERE = "--fetch, where anybody may read it, or a copy in the repository (vendored)"

Vendored = Callable[[str], Fact[PolicyFile | None]]
"""Reads a copy that lies in the repository, where the text that names it was read."""


class Layers:
    """Loads policies; organisation policies are fetched once, and the floor lies below every policy."""

    def __init__(self, forge: Forge | None, floor: str | None = None, floor_signature: str | None = None) -> None:
        """
        Prepare; nothing is fetched yet. Without a forge only copies in the repository can be read.

        Raises: `UsageError` for a floor that is no immutable reference, `PolicyError` for a signature that is none.
        """
        self._forge = forge
        self._texts: dict[str, str] = {}
        self._signers: dict[tuple[str, Signature, bytes], str] = {}
        self._floor = floor_of(floor, floor_signature)

    def policy(self, text: PolicyText | None, vendored: Vendored) -> Policy:
        """
        Return the policy of a text with all that lies below it; of no text the floor, else the baseline profile.

        Raises: `PolicyError` for what cannot be accepted, `PolicyUnreadable` for a layer that could not be read: it is
        never left out.
        """
        return load(self.texts(text, vendored), METAS)

    def texts(self, text: PolicyText | None, vendored: Vendored) -> list[PolicyText]:
        """Return the layers of `policy`, the one nearest the organisation first; raise the same, save by merging."""

        def fetch(extended: Extended) -> str:
            return self._text(extended, vendored)

        def verify(extended: Extended, content: bytes) -> str:
            signers = (self._signer(extended, signature, content, vendored) for signature in extended.signatures)
            return " and ".join(signers)

        below = []
        if self._floor is not None:
            below = chain(fetched(self._floor, fetch, verify, floor=True), fetch, verify)
        if text is None:
            return below or [profile_text("baseline")]
        known = {each.reference for each in below}
        own = chain(text, fetch, verify)
        return [*below, *(each for each in own if not each.reference or each.reference not in known)]

    def _text(self, extended: Extended, vendored: Vendored) -> str:
        """
        Return an organisation policy's text: the copy where there is one, else what the server has.

        A copy counts for the text that names it, and is read each time: it is held against a digest which that text
        says, and another policy may name the same commit without one.
        """
        reference = extended.reference
        if not extended.vendored and reference.text in self._texts:
            return self._texts[reference.text]
        found = self._read(reference, extended.vendored, vendored)
        if isinstance(found, Unknown):
            what = f"{extended.place}: the policy {reference.text} could not be read, so nothing was judged"
            raise PolicyUnreadable(f"{what}: {found.reason}.", hint=f"Needed: {found.needs}." if found.needs else AGAIN)
        if not extended.vendored:
            self._texts[reference.text] = found.value
        return found.value

    def _signer(self, extended: Extended, signature: Signature, content: bytes, vendored: Vendored) -> str:
        """Return whose signature a text has. It lies beside the text: on the server, or beside the copy."""
        from ci_guard.evidence.signatures import verify

        reference = extended.reference
        key = (reference.text, signature, content)
        if key not in self._signers:
            copy = extended.vendored and extended.vendored + signature.suffix
            beside = reference.beside(signature.suffix)
            found = self._read(beside, copy, vendored)
            what = f"{extended.place}: the signature of {reference.text}"
            if isinstance(found, Unknown):
                where = f"expected it at {copy or beside.text}"
                raise PolicyUnreadable(
                    f"{what} could not be read, so nothing was judged: {found.reason}; {where}.", hint=signature.how
                )
            verified = verify(content, found.value, signature, Path.cwd())
            if isinstance(verified, Unknown):
                raise PolicyUnreadable(
                    f"{what} could not be verified, so nothing was judged: {verified.reason}.",
                    hint=f"Needed: {verified.needs}." if verified.needs else AGAIN,
                )
            if verified.value.refusal:
                raise PolicyError(
                    f"{what} was refused; saw that {verified.value.refusal}, expected {signature.expected}.",
                    hint="Ask who keeps that policy, and name a commit whose text they signed.",
                )
            self._signers[key] = verified.value.signer
        return self._signers[key]

    def _read(self, reference: LayerReference, copy: str, vendored: Vendored) -> Fact[str]:
        return _copy(vendored(copy)) if copy else self._ask(reference)

    def _ask(self, reference: LayerReference) -> Fact[str]:
        if self._forge is None:
            return unavailable("nothing is asked here", needs=HERE)
        found = self._forge.organisation_policy(reference)
        if isinstance(found, Known) and len(found.value.encode("utf-8")) > MAXIMUM_POLICY_BYTES:
            return unavailable(f"it is larger than a policy may be ({MAXIMUM_POLICY_BYTES} bytes)")
        return found


def floor_of(floor: str | None, signature: str | None) -> Extended | None:
    """
    Return the floor that a caller names, with the signature that the caller asks for, written as in a policy.

    Raises: `UsageError`, `PolicyError`.
    """
    if floor is None:
        if signature is not None:
            raise UsageError("A signature of the floor was asked for without a floor.", hint="Name it by --floor.")
        return None
    try:
        reference = layer_reference.parse(floor)
    except ValueError as error:
        raise UsageError(
            f"The floor {unrevealing(floor)[:200]!r} was refused: expected {error}.", hint=layer_reference.HINT
        ) from None
    signatures = read_signature(read_document(signature.encode("utf-8"), FLOOR_SIGNATURE)) if signature else ()
    return Extended(reference=reference, signatures=signatures, place=Place(file=FLOOR, line=1, column=1))


def _copy(found: Fact[PolicyFile | None]) -> Fact[str]:
    """Return the text of a copy in the repository."""
    if isinstance(found, Unknown):
        return found
    if found.value is None or found.value.content is None:
        return unavailable(
            "the copy that vendored names does not exist" if found.value is None else "the copy is too large"
        )
    try:
        return Known(value=found.value.content.decode("utf-8"), source=found.source, detail=found.value.place)
    except UnicodeDecodeError:
        return unavailable("the copy is not UTF-8")


def copy_here(path: str) -> Fact[PolicyFile | None]:
    """Read a copy for a policy in a plain file: below the folder that the command was started in."""
    from ci_guard.evidence.local import plain_policy_file

    return plain_policy_file(Path(path))


def file_text(file: str) -> PolicyText:
    """
    Return the text of a policy that the caller trusts.

    Raises: `OSError`.
    """
    place = f"./{file}" if file.startswith(BUILTIN) else file  # only a profile's place begins so
    return PolicyText(content=read_plain_file(Path(file)), place=place)
