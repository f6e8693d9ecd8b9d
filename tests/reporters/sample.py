"""Results to be told: one of each verdict, and a rich one with a ruling of every standing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timezone
from typing import Any, Final

from ci_guard.controls.cited import CIS, OSPS, OWASP, SLSA
from ci_guard.model.decision import Decision, Effort, Failure, PolicySummary, Result, Ruling, Verdict, Waived, Weight
from ci_guard.model.fact import Cause, Known, Source, unavailable
from ci_guard.model.judgement import Judgement, Location, Outcome, Severity
from ci_guard.model.kinds import AtLeast, Flag, Kind
from ci_guard.model.meta import Meta, Requirement
from ci_guard.model.run import ChangeReference, Event, Platform, Run
from ci_guard.model.scan import Gap, GapKind, SecretFinding, SecretScan, Skipped, Suppressed, SuppressionKind
from ci_guard.model.settings import Mode

TIME: Final = datetime(2026, 11, 21, 20, 0, tzinfo=timezone.utc)
HEAD: Final = "1a2b3c4d" * 5
SETTINGS: Final = "https://github.com/acme/app/settings/rules/42"
POLICY: Final = PolicySummary(
    source=".ci-guard.yml at refs/heads/main",
    sha256="5d" * 32,
    mode=Mode.ENFORCE,
    layers=("builtin:baseline", ".ci-guard.yml"),
)

REFERENCES: Final = {
    "protected": (*SLSA.supports("protected-refs"),),
    "no-force-push": (*CIS.satisfies("1.1.16"),),
    "approvals": (*OSPS.supports("OSPS-QA-07.01"), *CIS.supports("1.1.3")),
    "include-admins": (*CIS.satisfies("1.1.14"),),
    "signed-commits": (*CIS.satisfies("1.1.12"),),
    "actor": (*CIS.supports("2.3.5"),),
    "no-secrets": (*OSPS.supports("OSPS-BR-07.01"), *OWASP.supports("CICD-SEC-6")),
    "no-key-files": (*OWASP.supports("CICD-SEC-6"),),
}


def requirement(name: str, title: str, severity: Severity, why: str, *, finds: bool = False) -> Requirement:
    """Return a declared requirement."""
    kind: Kind = AtLeast() if name == "approvals" else Flag()
    return Requirement(
        id=name,
        kind=kind,
        title=title,
        why=why,
        severity=severity,
        finds=finds,
        github="Settings, Rules, Rulesets.",
        gitlab="Settings, Repository, Protected branches.",
        source="GitHub Docs, Available rules for rulesets.",
        references=REFERENCES.get(name, ()),
    )


BRANCHES: Final = Meta(
    id="branch-protection",
    title="Branch protection",
    summary="Does the platform guard the branches that matter?",
    requirements=(
        requirement(
            "protected", "the branch is protected", Severity.HIGH, "Anybody with write access could push to it."
        ),
        requirement("no-force-push", "force pushes are blocked", Severity.CRITICAL, "History could be rewritten."),
        requirement(
            "approvals", "changes need approvals", Severity.HIGH, "One person alone could change what is deployed."
        ),
        requirement(
            "include-admins", "administrators are bound", Severity.MEDIUM, "An administrator could pass every rule."
        ),
        requirement("signed-commits", "commits are signed", Severity.LOW, "An author's name is a claim."),
    ),
    options=frozenset({"branches"}),
)
PEOPLE: Final = Meta(
    id="actor-permissions",
    title="Actor permissions",
    summary="May the people behind this run start it?",
    requirements=(
        requirement(
            "actor", "the actor holds the level", Severity.HIGH, "A run acts with more rights than a stranger has."
        ),
        requirement(
            "sender", "the sender holds the level", Severity.HIGH, "A run acts with more rights than a stranger has."
        ),
    ),
)
SECRETS: Final = Meta(
    id="secret-free",
    title="Secret-free repository",
    summary="Is the repository free of secrets?",
    requirements=(
        requirement(
            "no-secrets",
            "no secrets are found",
            Severity.CRITICAL,
            "Whoever reads the repository holds the secret.",
            finds=True,
        ),
        requirement(
            "no-key-files", "no key files are found", Severity.HIGH, "A key file is a secret by its name.", finds=True
        ),
        requirement(
            "complete-scan", "everything was read", Severity.MEDIUM, "What was not read is not known to be free."
        ),
    ),
    local=True,
)
CONTROLS: Final = (BRANCHES, PEOPLE, SECRETS)

RUN: Final = Run(
    platform=Platform.GITHUB,
    repository="acme/app",
    repository_id="101",
    server_url="https://github.com",
    run_url="https://github.com/acme/app/actions/runs/7",
    platform_event="pull_request",
    event=Known(value=Event.CHANGE, source=Source.EVENT),
    ref=Known(value="refs/pull/12/merge", source=Source.API),
    sha=Known(value=HEAD, source=Source.API),
    branch=Known(value=None, source=Source.EVENT),
    tag=Known(value=None, source=Source.EVENT),
    default_branch=Known(value="main", source=Source.API),
    before=Known(value=None, source=Source.EVENT),
    change=Known(value=ChangeReference(number=12, head=HEAD, target="main"), source=Source.EVENT),
    trusted=Known(value=True, source=Source.API),
    actor="alice",
    triggering_actor="bob",
    notes=("The event file names another sender than the server.",),
)
NOWHERE: Final = Run(
    platform=Platform.LOCAL,
    event=unavailable("outside CI there is no event"),
    ref=unavailable("HEAD is detached"),
    sha=unavailable("there is no commit"),
    branch=unavailable("HEAD is detached"),
    tag=unavailable("outside CI there is no event"),
    default_branch=unavailable("no remote says so"),
    before=unavailable("outside CI there is no event"),
    change=unavailable("outside CI there is no event"),
    trusted=unavailable("outside CI there is no event"),
)


def ruling(
    control: str = "branch-protection",
    requirement: str = "approvals",
    subject: str = "main",
    *,
    outcome: Outcome = Outcome.PASS,
    weight: Weight = Weight.NONE,
    severity: Severity = Severity.HIGH,
    message: str = "2 approvals are required on main.",
    observed: str = "2 approvals",
    source: Source = Source.API,
    cause: Cause | None = None,
    remedy: str = "",
    remedy_url: str = "",
    location: Location | None = None,
    waived: Waived | None = None,
) -> Ruling:
    """Return a ruling; one that passes unless said otherwise."""
    where = location or Location()
    identity = "\0".join((control, requirement, subject, message, str(where.path), str(where.line)))
    return Ruling(
        judgement=Judgement(
            control=control,
            requirement=requirement,
            subject=subject,
            outcome=outcome,
            severity=severity,
            message=message,
            observed=observed,
            expected={"approvals": "at least 2", "actor": "write or more"}.get(requirement, "required"),
            source=source,
            detail={Source.API: "GET rules/branches/main", Source.GIT: f"tree of {HEAD[:7]}"}.get(source, ""),
            cause=cause or (Cause.INVISIBLE if outcome is Outcome.UNKNOWN else None),
            remedy=remedy,
            remedy_url=remedy_url,
            location=location,
            fingerprint=hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest(),
        ),
        weight=weight,
        said_by=".ci-guard.yml:9" if control == "branch-protection" else "builtin:baseline",
        waived=waived,
    )


def secret(number: int, *, weight: Weight = Weight.DENIES) -> Ruling:
    """Return the ruling on one found secret."""
    return ruling(
        "secret-free",
        "no-secrets",
        "github-token",
        outcome=Outcome.FAIL,
        weight=weight,
        severity=Severity.CRITICAL,
        message="A GitHub personal access token stands in the repository.",
        observed="ghp_…",
        source=Source.GIT,
        remedy="Revoke the token, then take it out of the files.",
        remedy_url="https://github.com/settings/tokens",
        location=Location(path=f"src/config_{number:03}.py", line=number + 1, end_line=number + 1, column=9),
    )


DENIED: Final = ruling(
    outcome=Outcome.FAIL,
    weight=Weight.DENIES,
    message="Changes of main need too few approvals.",
    observed="1 approval",
    remedy='Set "Required approvals" to 2 in the ruleset "main".',
    remedy_url=SETTINGS,
)
UNDECIDED: Final = ruling(
    "actor-permissions",
    "actor",
    "alice",
    outcome=Outcome.UNKNOWN,
    weight=Weight.UNDECIDED,
    cause=Cause.UNAVAILABLE,
    source=Source.NONE,
    message="It is unknown whether alice holds write: the server answered 502.",
    observed="",
    remedy="Run the job again.",
)
BROKEN: Final = ruling(
    "actor-permissions",
    "sender",
    "",
    outcome=Outcome.ERROR,
    weight=Weight.ERROR,
    source=Source.NONE,
    message="Not judged: the control broke with ValueError. This is a fault of ci-guard.",
    observed="",
)
TOLERATED: Final = ruling(
    requirement="include-admins",
    outcome=Outcome.UNKNOWN,
    weight=Weight.TOLERATED,
    severity=Severity.MEDIUM,
    source=Source.NONE,
    message="It is unknown whether administrators are bound: the bypass list is not shown to this token.",
    observed="",
    remedy="Give CI_GUARD_TOKEN the permission administration: read.",
)
WAIVED: Final = ruling(
    requirement="signed-commits",
    outcome=Outcome.FAIL,
    weight=Weight.WAIVED,
    severity=Severity.LOW,
    message="Unsigned commits can be pushed to main.",
    observed="no rule",
    remedy='Turn on "Require signed commits".',
    remedy_url=SETTINGS,
    waived=Waived(reason="keys are being rolled out, TICKET-1", until=date(2027, 1, 31)),
)
ENDING: Final = replace(
    WAIVED,
    judgement=replace(WAIVED.judgement, subject="release/1", fingerprint="ab" * 32),
    waived=Waived(
        reason="the branch is retired soon",
        until=date(2026, 11, 30),
        owner="@acme/platform",
        ticket="PLAT-17",
        approved_by="bob",
    ),
)
NOT_JUDGED: Final = replace(
    TOLERATED, judgement=replace(TOLERATED.judgement, requirement="protected"), weight=Weight.NOT_JUDGED
)
PASSED: Final = (
    ruling(requirement="protected", message="main is protected.", observed="a ruleset"),
    ruling(requirement="protected", subject="release/1", message="release/1 is protected.", observed="a ruleset"),
    ruling(requirement="no-force-push", message="Force pushes to main are blocked.", observed="blocked"),
    ruling("secret-free", "complete-scan", "", message="Everything was read.", observed="all", source=Source.GIT),
)
NOT_APPLICABLE: Final = ruling(
    "secret-free",
    "no-key-files",
    "",
    outcome=Outcome.NOT_APPLICABLE,
    source=Source.GIT,
    message="There are no files.",
    observed="0 files",
)


def result(verdict: Verdict, exit_code: int, rulings: Sequence[Ruling], reason: str) -> Result:
    """Return a finished run on GitHub."""
    order = [(meta.id, each.id) for meta in CONTROLS for each in meta.requirements]
    return Result(
        version="1.2.3",
        time=TIME,
        decision=Decision(
            verdict=verdict,
            exit_code=exit_code,
            rulings=tuple(
                sorted(rulings, key=lambda each: order.index((each.judgement.control, each.judgement.requirement)))
            ),
            reason=reason,
        ),
        advisory=False,
        controls=CONTROLS,
        not_judged={
            "required-reviews": "no layer of the policy enables it",
            "branch-protection/linear-history": "no layer of the policy requires it",
        },
        run=RUN,
        policy=POLICY,
        scan=SecretScan(sources=(f"tree of {HEAD[:7]}", "work tree"), commits=3, blobs=1204, bytes=8_400_000),
        effort=Effort(requests=11, seconds=0.8421),
    )


def covered(path: str, line: int, kind: SuppressionKind, place: str, **said: Any) -> Suppressed:
    """Return a finding that a suppression covers."""
    finding = SecretFinding(
        rule="github-pat",
        title="GitHub personal access token (classic)",
        severity=Severity.CRITICAL,
        location=Location(path=path, line=line, column=9),
        preview="ghp" + "_…",
        fingerprint=f"{line:064x}",
    )
    return Suppressed(finding=finding, kind=kind, place=place, **said)


SUPPRESSED: Final = (
    covered(
        "tests/data/token.txt",
        1,
        SuppressionKind.ALLOW_LIST,
        ".ci-guard-secrets.yml:3 at 5d6e7f8a9b0c",
        reason="made up for a test",
        until=date(2027, 1, 31),
    ),
    covered("docs/example.md", 7, SuppressionKind.COMMENT, "docs/example.md:7"),
    covered("docs/example.md", 9, SuppressionKind.COMMENT, "docs/example.md:8"),
)


def denied(findings: int = 3) -> Result:
    """Return a denial with a ruling of every standing that an enforcing run in CI can have."""
    rulings = (*PASSED, DENIED, UNDECIDED, BROKEN, TOLERATED, WAIVED, ENDING, NOT_APPLICABLE)
    whole = result(
        Verdict.DENY,
        1,
        [*rulings, *(secret(number) for number in range(findings))],
        f"{findings + 1} requirements are not met.",
    )
    return replace(
        whole,
        decision=replace(whole.decision, notes=("Waiver at .ci-guard.yml:30 ends on 2026-11-30.",)),
        scan=SecretScan(
            sources=(f"tree of {HEAD[:7]}", "range 5d6e7f8..1a2b3c4"),
            commits=3,
            blobs=1204,
            bytes=8_400_000,
            skipped=(Skipped(path="data/big.bin", reason="larger than 100 MB"),),
            gaps=(Gap(kind=GapKind.NOTE, code="media", message="12 media files were recognised and left out."),),
            suppressed=SUPPRESSED,
            remarks=(".gitleaks.toml:4: a pattern is not read: it matches almost everything.",),
        ),
        transport=("proxy http://proxy.acme.example:3128",),
    )


def allowed() -> Result:
    """Return an allow that rests on plain passes."""
    return result(Verdict.ALLOW, 0, [*PASSED, NOT_APPLICABLE], "4 requirements are met.")


def undecided() -> Result:
    """Return a run whose verdict one unanswered question keeps open."""
    return result(
        Verdict.UNDECIDED, 3, [*PASSED, UNDECIDED], "1 requirement could not be decided, and unknown is not a pass."
    )


def alone() -> Result:
    """Return the denial of a project that has nobody else to approve."""
    judgement = replace(
        DENIED.judgement,
        subject="#12",
        message="#12 was refused: 0 of 1 approvals; expected: at least 2.",
        observed="0 of 1 approvals",
        remedy="Ask somebody for a review.",
        remedy_url="https://github.com/acme/app/pull/12",
        alone=True,
    )
    return result(Verdict.DENY, 1, [*PASSED, replace(DENIED, judgement=judgement)], "1 requirement is not met.")


def broken() -> Result:
    """Return a run in which a control broke."""
    return result(Verdict.ERROR, 4, [*PASSED, BROKEN], "1 requirement could not be judged because a control broke.")


def reported() -> Result:
    """Return a denial that the policy wants told only."""
    whole = result(Verdict.DENY, 0, [*PASSED, DENIED, UNDECIDED], "1 requirement is not met.")
    return replace(whole, policy=replace(POLICY, mode=Mode.REPORT))


def advisory() -> Result:
    """Return a run outside CI."""
    whole = result(Verdict.ALLOW, 0, [PASSED[3], NOT_JUDGED], "1 requirement is met, 1 not judged here.")
    return replace(whole, advisory=True, run=NOWHERE)


def failed(failure: Failure, exit_code: int) -> Result:
    """Return a run that an error ended before anything was judged."""
    return Result(
        version="1.2.3",
        time=TIME,
        decision=Decision(verdict=Verdict.ERROR, exit_code=exit_code, rulings=(), reason=failure.message),
        advisory=False,
        controls=(),
        not_judged={},
        run=NOWHERE,
        policy=None,
        scan=None,
        effort=Effort(),
        failure=failure,
    )


def policy_error() -> Result:
    """Return a run with a policy that cannot be accepted."""
    message = ".ci-guard.yml:4:3: unknown key 'requires'.\nPerhaps you meant 'require'?"
    return failed(Failure(message=message, hint="Correct the policy.", fault_of_ci_guard=False), 2)


def fault() -> Result:
    """Return a run in which ci-guard itself broke."""
    message = "ci-guard broke with KeyError at decide.py:12."
    return failed(Failure(message=message, hint="This is a fault of ci-guard and denies.", fault_of_ci_guard=True), 4)


SAMPLES: Final = {
    "denied": denied,
    "allowed": allowed,
    "undecided": undecided,
    "alone": alone,
    "broken": broken,
    "reported": reported,
    "advisory": advisory,
    "policy-error": policy_error,
    "fault": fault,
}
