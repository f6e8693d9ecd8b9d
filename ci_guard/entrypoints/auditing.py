"""The options of `ci-guard audit`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Final

from ci_guard.entrypoints.commands import Parser
from ci_guard.entrypoints.options import PLATFORMS
from ci_guard.errors import UsageError
from ci_guard.records import dataclass, field

WHERE: Final = ("repository", "ref", "sha", "event", "outcome", "artifact")
"""What else a record can be asked for."""

VERDICTS: Final = ("allow", "deny", "undecided", "error")
FORMS: Final = {
    "query": ("table", "json", "csv"),
    "report": ("markdown", "html"),
    "reconcile": ("table", "json"),
}
"""The first of each is the default."""


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """What `ci-guard audit` was asked."""

    action: str
    subject: str
    """The log; of `keygen` the name of the key."""
    checkpoint: str | None = None
    earlier: tuple[str, ...] = ()
    key: str | None = None
    origin: str = ""
    """The name that the log must have by its checkpoints."""
    question: Mapping[str, str] = field(default_factory=dict)
    form: str = "table"
    out: str = "-"
    proxy: str | None = None
    ca_bundle: str | None = None
    platform: str = ""
    repository: str | None = None
    known_hosts: str = ""
    signed_by: Mapping[str, str] = field(default_factory=dict)
    """`identity`, `issuer` and `trusted_root`, those that were said."""


def add_actions(parser: argparse.ArgumentParser, summaries: Mapping[str, str]) -> None:
    """Add the actions, each with options of its own."""
    parser.usage = "ci-guard audit ACTION ..."
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", required=True, parser_class=Parser, prog="ci-guard audit"
    )
    subjects = {"keygen": ("NAME", "the key's name, a host and a path"), "export": ("BRANCH", "git+URL#BRANCH")}
    for name, summary in summaries.items():
        part = actions.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        metavar, told = subjects.get(name, ("LOG", "the log, a file"))
        part.add_argument("subject", metavar=metavar, help=told)
        ADD[name](part)


def add_verifying(part: argparse.ArgumentParser) -> None:
    """Add what a log is held against."""
    part.add_argument("--checkpoint", metavar="FILE", help="instead of the one beside the log")
    part.add_argument("--earlier", action="append", metavar="FILE", help="one that the log must continue")
    part.add_argument("--origin", metavar="NAME", help="which log it has to be, as its checkpoints name it")
    part.add_argument("--key", metavar="FILE", help="the public key of the checkpoints")
    part.add_argument("--identity", metavar="TEXT", help="who signed them by an ID token, exactly")
    part.add_argument("--issuer", metavar="URL", help="the OpenID provider of that token")
    part.add_argument("--trusted-root", metavar="FILE", help="of a Sigstore of your own, as JSON")


def add_question(part: argparse.ArgumentParser) -> None:
    """Add what says which records are wanted."""
    part.add_argument("--since", metavar="WHEN", help="yesterday, 24h, 7d, a date or time, in UTC")
    part.add_argument("--until", metavar="WHEN", help="exclusive")
    part.add_argument("--actor", metavar="LOGIN", help="who acted, or pressed re-run")
    part.add_argument("--environment", metavar="NAME", help="where it was deployed")
    part.add_argument("--verdict", choices=VERDICTS, metavar="WORD", help=", ".join(VERDICTS))
    part.add_argument("--where", action="append", metavar="KEY=VALUE", help=", ".join(WHERE))


def add_query(part: argparse.ArgumentParser) -> None:
    """Add the options of `query`."""
    add_question(part)
    part.add_argument("--format", dest="form", choices=FORMS["query"], metavar="FORM", help=", ".join(FORMS["query"]))


def add_report(part: argparse.ArgumentParser) -> None:
    """Add the options of `report`."""
    add_question(part)
    part.add_argument(
        "--format", dest="form", choices=FORMS["report"], metavar="FORM", help=" or ".join(FORMS["report"])
    )
    part.add_argument("--out", metavar="FILE", help="the file to write; else it is printed")


def add_reconcile(part: argparse.ArgumentParser) -> None:
    """Add whom to ask, and since when."""
    platforms, forms = " or ".join(PLATFORMS), FORMS["reconcile"]
    part.add_argument("--platform", choices=PLATFORMS, required=True, metavar="NAME", help=platforms)
    part.add_argument("--repository", metavar="NAME", help="owner/name, or GitLab's project; else the job's")
    part.add_argument("--since", metavar="WHEN", help="yesterday, 7d, a date or time (default: the first record's)")
    part.add_argument("--format", dest="form", choices=forms, metavar="FORM", help=" or ".join(forms))
    add_reaching(part)


def add_keygen(part: argparse.ArgumentParser) -> None:
    """Add where the keys go."""
    part.add_argument("--out", metavar="FILE", required=True, help="the private key; the public one is FILE.pub")


def add_export(part: argparse.ArgumentParser) -> None:
    """Add where the log goes, and what its server is reached by."""
    part.add_argument("--out", metavar="FILE", required=True, help="the log to write, with FILE.checkpoint")
    part.add_argument("--known-hosts", metavar="LINES", help="of a git+ssh:// branch, as in known_hosts")
    add_reaching(part)


def add_reaching(part: argparse.ArgumentParser) -> None:
    """Add what a server is reached by."""
    part.add_argument("--proxy", metavar="URL", help="the proxy to ask through; variables are not heard")
    part.add_argument("--ca-bundle", metavar="FILE", help="the authorities to trust, instead of the public ones")


def options_of(arguments: argparse.Namespace) -> AuditOptions:
    """Return the options of `audit`."""
    said = {name: value for name, value in vars(arguments).items() if value is not None}
    action = said["action"]
    asked: dict[str, str] = {
        name: said[name] for name in ("since", "until", "actor", "environment", "verdict") if name in said
    }
    for text in said.get("where", ()):
        key, separator, value = text.partition("=")
        if key not in WHERE or not separator or not value:
            raise UsageError(
                f"--where {text[:80]!r} was refused.", hint=f"Expected KEY=VALUE; keys: {', '.join(WHERE)}."
            )
        if key in asked:
            raise UsageError(f"--where {key}= was said twice, and a record has one.", hint="Ask one after the other.")
        asked[key] = value
    if empty := next((name for name, value in asked.items() if not value), None):
        raise UsageError(f"--{empty} says nothing, which would ask for every record.", hint="Leave it out for that.")
    signed_by: dict[str, str] = {name: said[name] for name in ("identity", "issuer", "trusted_root") if name in said}
    if signed_by and not {"identity", "issuer"} <= signed_by.keys():
        raise UsageError(
            "--identity and --issuer belong together.",
            hint="Anybody can have an identity that some issuer vouches for.",
        )
    return AuditOptions(
        action=action,
        subject=said["subject"],
        checkpoint=said.get("checkpoint"),
        earlier=tuple(said.get("earlier", ())),
        key=said.get("key"),
        origin=said.get("origin", ""),
        question=asked,
        form=said.get("form", FORMS.get(action, ("",))[0]),
        out=said.get("out", "-"),
        proxy=said.get("proxy"),
        ca_bundle=said.get("ca_bundle"),
        platform=said.get("platform", ""),
        repository=said.get("repository"),
        known_hosts=said.get("known_hosts", ""),
        signed_by=signed_by,
    )


ADD: Final[Mapping[str, Callable[[argparse.ArgumentParser], None]]] = {
    "verify": add_verifying,
    "query": add_query,
    "report": add_report,
    "reconcile": add_reconcile,
    "export": add_export,
    "keygen": add_keygen,
}
