"""Where a run is recorded: the options that say so, and the inputs of actions and templates."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from ci_guard.entrypoints.argv import input_of, values_of
from ci_guard.entrypoints.workspace import file_in_workspace
from ci_guard.errors import UsageError
from ci_guard.model.auditing import OnFailure
from ci_guard.records import dataclass

INPUTS: Final = ("AUDIT_LOG", "AUDIT_KNOWN_HOSTS", "AUDIT_ON_FAILURE", "AUDIT_SPOOL", "ARTIFACTS")
"""What actions and templates pass on. Keys and tokens come by variables of their own, never by an argument."""

PREFIX: Final = "git+"
"""In front of the address of a branch's repository."""

KEYLESS: Final = "sigstore"
"""In place of a key's file: `LOG,sigstore`, or `LOG,sigstore=FILE` with the configuration of an instance."""

MOST_ARTIFACTS: Final = 100
"""Of a run; a record is bounded."""


@dataclass(frozen=True, kw_only=True)
class AuditLog:
    """One place where a run is recorded, and how that is signed."""

    path: str
    """Of a file, or the address of a sink elsewhere."""
    key: str | None = None
    """
    A file with the key, `sigstore`, or `sigstore=` and a file; without it, and without the variable, a checkpoint is
    not signed.
    """

    @property
    def is_keyless(self) -> bool:
        """Whether the job's ID token signs instead of a key."""
        return self.key is not None and self.key.partition("=")[0] == KEYLESS

    @property
    def is_webhook(self) -> bool:
        """Whether records are sent there over HTTP."""
        return self.path.startswith(("https://", "http://", "cloudevents+"))

    @property
    def is_branch(self) -> bool:
        """Whether records are committed onto a branch."""
        return self.path.startswith(PREFIX)

    @property
    def is_file(self) -> bool:
        """Whether it is a path of this machine, and no address of a kind that takes no records."""
        return bool(self.path) and not (self.is_webhook or self.is_branch or "://" in self.path)

    @property
    def holds_key(self) -> bool:
        """Whether a key of ours stands where its file is expected."""
        return "whsec_" in (self.key or "") or "PRIVATE+KEY+" in (self.key or "")

    @property
    def kind(self) -> str:
        """The word for it in a record."""
        return "webhook" if self.is_webhook else "branch" if self.is_branch else "file"

    @property
    def place(self) -> str:
        """
        Its name for people, without what may be a secret, also where the address is refused.

        Of a webhook the host alone, because receivers keep secrets in paths.
        """
        if not (self.is_webhook or self.is_branch):
            return self.path
        text = self.path.removeprefix("cloudevents+").removeprefix(PREFIX)
        scheme, mark, rest = text.partition("://")
        rest = re.sub(r"\?[^#]*", "", (rest if mark else text).rpartition("@")[2])
        return rest.partition("/")[0] if self.is_webhook else f"{scheme}{mark}{rest}" if mark else rest


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Where a run is recorded, and what such places are reached by."""

    logs: tuple[AuditLog, ...]
    spool: str | None = None
    """The folder in which records wait for a sink that did not take them."""
    artifacts: tuple[str, ...] = ()
    """Files whose digests are recorded."""
    known_hosts: str = ""
    """By what servers of branches over SSH are known."""
    on_failure: OnFailure | None = None
    """`deny` where the caller asks for it, whatever the policy says: it can only tighten."""
    proxy: str | None = None
    ca_bundle: str | None = None


def add_audit_options(parser: argparse.ArgumentParser) -> None:
    """Add where a run is recorded."""
    parser.add_argument(
        "--audit-log",
        action="append",
        default=[],
        metavar="LOG",
        help="record the run: FILE, https://…, git+URL#BRANCH [,KEY]",
    )
    parser.add_argument("--known-hosts", metavar="LINES", help="of a git+ssh:// branch, as in known_hosts")
    parser.add_argument("--audit-spool", metavar="DIR", help="where records wait that a sink did not take")
    parser.add_argument("--artifact", action="append", default=[], metavar="FILE", help="record this file's digest")


def audit_of(argv: Sequence[str], environ: Mapping[str, str]) -> Audit | None:
    """Return where options and inputs ask a run to be recorded, if anywhere; what cannot be meant is left out."""

    def one(option: str, name: str) -> str | None:
        return next(iter(values_of(option, argv)), None) or input_of(name, argv, environ) or None

    logs = [log_of(text) for text in values_of("--audit-log", argv)]
    for text in logs_of(input_of("AUDIT_LOG", argv, environ)):
        with suppress(UsageError):
            logs.append(checked(text))
    named = (*values_of("--artifact", argv), *artifacts_of(input_of("ARTIFACTS", argv, environ)))
    logs = [log for log in logs if (log.is_webhook or log.is_branch or log.is_file) and not log.holds_key]
    if not logs:
        return None
    return Audit(
        logs=tuple(logs),
        spool=one("--audit-spool", "AUDIT_SPOOL"),
        known_hosts=one("--known-hosts", "AUDIT_KNOWN_HOSTS") or "",
        artifacts=tuple(sorted(set(named)))[:MOST_ARTIFACTS],
        on_failure=OnFailure.DENY if input_of("AUDIT_ON_FAILURE", argv, environ) else None,
        proxy=one("--proxy", "PROXY"),
        ca_bundle=one("--ca-bundle", "CA_BUNDLE"),
    )


def check_audit(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Raise `UsageError` for places that a run cannot be recorded in, of options and of inputs."""
    given = {name: environ.get(f"CI_GUARD_INPUT_{name}", "").strip() for name in INPUTS} if arguments.inputs else {}
    inputs = logs_of(given.get("AUDIT_LOG", ""))
    artifacts = (*arguments.artifact, *artifacts_of(given.get("ARTIFACTS", "")))
    on_failure = given.get("AUDIT_ON_FAILURE", "")
    said = {"audit-spool": arguments.audit_spool or given.get("AUDIT_SPOOL"), "artifact": artifacts}
    for name, value in {**said, "audit-on-failure": on_failure}.items():
        if value and not (arguments.audit_log or inputs):
            raise UsageError(f"{name} goes with audit-log.", hint="Name the log that it is for.")
    if len(artifacts) > MOST_ARTIFACTS:
        raise UsageError(
            f"{len(artifacts)} artifacts were named; a record takes {MOST_ARTIFACTS}.",
            hint="Name one file with the digests of all, such as sha256sum writes it.",
        )
    if on_failure not in ("", OnFailure.DENY.value):
        raise UsageError(
            f"audit-on-failure {on_failure[:80]!r} was refused: an input can only tighten, and expects 'deny'.",
            hint="To let a run go on without its record, say audit: {on-failure: warn} in the policy.",
        )
    known_hosts = arguments.known_hosts or given.get("AUDIT_KNOWN_HOSTS", "")
    for text in arguments.audit_log:
        check_place(log_of(text), known_hosts)
    for text in inputs:
        check_place(checked(text), known_hosts)


def check_place(log: AuditLog, known_hosts: str) -> None:
    """Raise `UsageError` for an address that no record may go to; it is never quoted, it may hold credentials."""
    if not log.path:
        raise UsageError("audit-log was refused: it names no log.", hint="For example audit.jsonl.")
    if log.holds_key:
        raise UsageError(
            "audit-log was refused: behind the comma stands a key, and its file is expected there.",
            hint="Whoever sees the command line can sign by that key now: make a new one, and name its file.",
        )
    if not (log.is_webhook or log.is_branch or log.is_file):
        hint = "Expected a path, https://…, cloudevents+https://… or git+URL#BRANCH, in small letters."
        raise UsageError("audit-log was refused: records cannot go to such an address.", hint=hint)
    if log.is_webhook and log.is_keyless:
        hint = "Sign by a key; an ID token signs the checkpoints of files and branches."
        raise UsageError("The audit webhook was refused: Sigstore signs no webhook.", hint=hint)
    if log.is_webhook:
        from ci_guard.audit.webhook import checked as check_webhook

        check_webhook(log.path)
    if log.is_branch:
        from ci_guard.audit.branch import parse

        parse(log.path, known_hosts)


def checked(text: str) -> AuditLog:
    """
    Return a log that an input names.

    Raises: `UsageError` for a file of the workspace that is there, or that a link would bring out of it: a checkout can
    hold a whole log of a stranger's.
    """
    log = log_of(text)
    if log.is_file and not os.path.isabs(log.path):
        hint = "Name one outside of the workspace, as in ${{ runner.temp }}/audit.jsonl."
        if os.path.lexists(file_in_workspace(log.path, "audit-log", hint=hint)):
            raise UsageError(
                f"audit-log {log.path[:200]!r} was refused: it is there, and the checkout may have brought it.",
                hint=hint,
            )
    return log


def log_of(text: str) -> AuditLog:
    """Return what `LOG[,KEY]` says."""
    path, _, key = text.partition(",")
    return AuditLog(path=path, key=key or None)


def logs_of(text: str) -> list[str]:
    """Return the logs that an input names, divided by blanks or line ends."""
    return text.split()


def artifacts_of(text: str) -> list[str]:
    """Return the files that an input names, divided by commas or line ends, because names have blanks in them."""
    return [part for each in re.split(r"[,\r\n]", text) if (part := each.strip())]
