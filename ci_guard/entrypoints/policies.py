"""Which policies judge a run: the named one, that of the trusted ref, and one that a change proposes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ci_guard.controls.registry import METAS
from ci_guard.entrypoints import ratchet
from ci_guard.entrypoints.check_options import CheckOptions
from ci_guard.entrypoints.layers import Layers, Vendored, copy_here, file_text
from ci_guard.errors import PolicyError, PolicyUnreadable, UsageError
from ci_guard.evidence.checkout import MAXIMUM_POLICY_BYTES, Checkout, read_plain_file
from ci_guard.evidence.interface import Forge, PolicyFile
from ci_guard.model.fact import Known, Unknown
from ci_guard.model.origin import LayerKind
from ci_guard.model.run import Event, Platform, Run
from ci_guard.model.settings import Policy
from ci_guard.policy.load import policy_of
from ci_guard.policy.place import BUILTIN
from ci_guard.policy.stack import Stack, join
from ci_guard.policy.text import PolicyText
from ci_guard.records import replace

DEFAULT_POLICY: Final = ".ci-guard.yml"
PROPOSALS: Final = frozenset({Event.CHANGE, Event.QUEUE})
"""Events whose commit is what the target would become."""


def read_policy(options: CheckOptions, forge: Forge, layers: Layers | None = None) -> Policy:
    """
    Return the policy: the named file, else the default one of the trusted ref, else the baseline profile.

    Raises: `PolicyError` for a bad or missing named one, `PolicyUnreadable` where a policy may exist and cannot be
    read.
    """
    layers = layers or Layers(forge, options.floor, options.floor_signature)
    if options.policy_file and options.policy_path:
        raise UsageError("A policy was named twice, by --policy and by the input.", hint="Name it once.")
    if options.policy_file:
        return named_policy(options.policy_file, layers)
    path = trusted_path(options.policy_path) if options.policy_path else DEFAULT_POLICY
    file = forge.policy_file(path)
    if isinstance(file, Unknown):
        raise PolicyUnreadable(
            f"The policy of this repository could not be read, so nothing was judged: {file.reason}.",
            hint=f"Needed: {file.needs}."
            if file.needs
            else "A policy that may exist is never replaced by the baseline profile.",
        )
    if file.value is not None:
        return loaded(file.value, layers, forge.policy_file)
    if options.policy_path:
        raise PolicyError(
            f"The policy {path!r} does not exist in the trusted ref.",
            hint="Commit it to the target branch first, or correct the path.",
        )
    return loaded(None, layers, forge.policy_file)


def loaded(file: PolicyFile | None, layers: Layers, vendored: Vendored) -> Policy:
    """Return the policy in a file of the trusted ref; the floor, else the baseline profile, where there is none."""
    if file is None:
        return ratchet.with_baseline(layers.policy(None, vendored), vendored)
    if file.content is None:
        raise PolicyError(
            f"{file.place} is larger than a policy may be ({MAXIMUM_POLICY_BYTES} bytes).",
            hint="A policy is read by people; split off what is none.",
        )
    text = PolicyText(content=file.content, place=file.place, kind=LayerKind.REPOSITORY)
    return ratchet.with_baseline(layers.policy(text, vendored), vendored)


def named_policy(file: str, layers: Layers | None = None) -> Policy:
    """
    Return the policy in a file that the caller trusts. Without `layers` nothing is asked: copies alone are read.

    Raises: `PolicyError` for a bad or missing one.
    """
    return policy_of_named(file, named_stack(file, layers))


def policy_of_named(file: str, stack: Stack) -> Policy:
    """Return the policy that the layers of a named file make, with the baseline that lies beside it."""
    return ratchet.with_baseline(policy_of(stack, METAS), lambda path: ratchet.beside(Path(file), path))


def named_stack(file: str, layers: Layers | None = None, kind: LayerKind = LayerKind.FILE) -> Stack:
    """Return all layers of a policy in a file that the caller trusts, or reads as one of a repository."""
    try:
        text = replace(file_text(file), kind=kind)
    except OSError as error:
        raise PolicyError(
            f"The policy {file!r} could not be read: {error.strerror}.", hint="Name a file that exists and may be read."
        ) from None
    return join((layers or Layers(None)).texts(text, copy_here), METAS)


def same(one: Policy, other: Policy) -> bool:
    """Tell whether two policies ask and waive the same: the file of a baseline is not part of a policy's own digest."""
    known = [policy.baseline.sha256 if policy.baseline else None for policy in (one, other)]
    return one.sha256 == other.sha256 and known[0] == known[1]


def unused(options: CheckOptions, run: Run, checkout: Checkout) -> Iterator[str]:
    """Say outside CI that a policy which somebody is editing was not used: the committed one judges."""
    if run.platform is not Platform.LOCAL or options.policy_file or isinstance(run.sha, Unknown):
        return
    committed = checkout.policy_file(run.sha.value, DEFAULT_POLICY, ref="HEAD")
    here = Path(checkout.repository.work_tree or checkout.folder, DEFAULT_POLICY)
    try:
        edited: bytes | None = read_plain_file(here)
    except OSError:
        edited = None
    if isinstance(committed, Known) and edited != (committed.value.content if committed.value else None):
        yield f"{DEFAULT_POLICY} of the work tree is not as it is committed and was not used: --policy {here} tries it."


def proposal(options: CheckOptions, run: Run, checkout: Checkout, layers: Layers) -> Policy | None:
    """
    Return the policy that a change brings, or the one that is left where it takes it away; it judges nothing yet.

    Raises: `PolicyError` for one that would be refused: otherwise every run after the merge would be, that of the
    change which mends it too.
    """
    event, sha = run.event, run.sha
    if options.policy_file or isinstance(event, Unknown) or isinstance(sha, Unknown) or event.value not in PROPOSALS:
        return None
    file = checkout.policy_file(sha.value, options.policy_path or DEFAULT_POLICY, ref="with this change")
    if isinstance(file, Unknown) or (file.value is not None and file.value.content is None):
        return None
    try:
        return loaded(file.value, layers, lambda copy: checkout.policy_file(sha.value, copy, ref="with this change"))
    except PolicyError as error:
        message = f"The policy that this change brings would be refused in every run after its merge.\n{error.message}"
        raise PolicyError(message, hint=error.hint) from None


def trusted_path(path: str) -> str:
    """Return a path inside the repository, or raise: the input may name nothing outside the trusted ref."""
    parts = path.split("/")
    if (
        path.startswith(("/", BUILTIN))  # places that begin so are taken for ci-guard's own profiles
        or "\\" in path
        or any(part in ("", ".", "..") for part in parts)
        or any(ord(sign) < 32 for sign in path)
    ):
        raise UsageError(
            f"The policy path {path[:200]!r} was refused: expected a path inside the repository.",
            hint="For example security/ci-guard.yml.",
        )
    return path
