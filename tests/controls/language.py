"""
A compact way to write facts down, for case files and unit tests: plain values are known, `?invisible` and
`?unavailable` are not.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from ci_guard.controls.interface import Control
from ci_guard.controls.registry import CONTROLS
from ci_guard.model.admission import Row, Table
from ci_guard.model.branch import (
    BranchRules,
    BranchSelection,
    Bypass,
    Enforced,
    Setting,
    StatusCheck,
    TagRule,
    TagRules,
)
from ci_guard.model.circumstances import Circumstances, Host, Runner, Visibility
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown
from ci_guard.model.facts import NOT_COLLECTED, Facts
from ci_guard.model.guard import Enforcement, Guard, Hold, HoldKind, Job, Parts, Pin, Program, Spot, Step, Wiring
from ci_guard.model.judgement import Judgement, Location, Severity
from ci_guard.model.kinds import Level
from ci_guard.model.origin import LayerKind, LayerOrigin
from ci_guard.model.review import (
    Change,
    ChangeState,
    Contribution,
    Origin,
    OwnedPath,
    Owner,
    Provenance,
    Review,
    ReviewState,
)
from ci_guard.model.roles import Membership, Role
from ci_guard.model.run import (
    Access,
    AccountType,
    ChangeReference,
    Claim,
    Event,
    Pages,
    Part,
    Participant,
    Person,
    Platform,
    Run,
    Seat,
)
from ci_guard.model.scan import Gap, GapKind, SecretFinding, SecretScan, Skipped, Suppressed, SuppressionKind
from ci_guard.model.settings import Bot, Settings
from ci_guard.records import replace

T = TypeVar("T")
Raw = Any
"""What a YAML file or a literal holds."""

SHA = "c0ffee00" * 5
"""The judged commit, unless a case says otherwise."""
START = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
"""Hour 0 of every case: reviews and merges say `at` in hours after it."""


def fact(raw: Raw, build: Callable[[Raw], T]) -> Fact[T]:
    """Return what `raw` says: an unknown for a question mark and its cause, else the known value that `build` makes."""
    if isinstance(raw, str) and raw.startswith("?"):
        return Unknown(reason="not shown", cause=Cause(raw[1:]), needs="administration: read", detail="GET it")
    return Known(value=build(raw), source=Source.API, detail="GET it")


def sourced(fact: Fact[T], source: str) -> Fact[T]:
    """Return a fact by somebody else's word than the server's."""
    return replace(fact, source=Source(source)) if isinstance(fact, Known) else fact


def same(raw: T) -> T:
    """Return a value as it is."""
    return raw


def optional(build: Callable[[Raw], T]) -> Callable[[Raw], T | None]:
    """Return a builder that lets None be None."""
    return lambda raw: None if raw is None else build(raw)


def control(name: str) -> Control:
    """Return a control by id."""
    return next(control for control in CONTROLS if name == control.META.id)


def settings(name: str, raw: Raw) -> Settings:
    """Return settings from their written form, as a policy would have them."""
    kinds = {requirement.id: requirement.kind for requirement in control(name).META.requirements}
    bots = tuple(Bot(login=bot["login"], id=bot["id"]) for bot in raw.get("bots", ()))
    return Settings(
        require={key: kinds[key].parse(value) for key, value in raw["require"].items()},
        branches=tuple(raw.get("branches", ["default"])),
        on=None if raw.get("events") is None else frozenset(Event(event) for event in raw["events"]),
        bots=dict.fromkeys(raw["require"], bots),
        roles={name: role(name, one) for name, one in raw.get("roles", {}).items()},
        admission=tuple(table(number, one) for number, one in enumerate(raw.get("tables", ()), 1)),
        origins=tuple(origin_of(one) for one in raw.get("origins", ())),
        files=tuple(raw.get("files", ())),
    )


def origin_of(raw: Raw) -> LayerOrigin:
    """Return where a layer was read: `repository`, or `{kind: remote, reference: …}`."""
    raw = {"kind": raw} if isinstance(raw, str) else raw
    places = {"repository": ".ci-guard.yml at c0ffee000000", "builtin": "builtin:strict", "file": "/etc/policy.yml"}
    return LayerOrigin(
        place=raw.get("place", places.get(raw["kind"], "the organisation's policy")),
        kind=LayerKind(raw["kind"]),
        reference=raw.get("reference", ""),
        floor=raw.get("floor", False),
        signer=raw.get("signer", ""),
    )


def table(number: int, rows: Raw) -> Table:
    """Return an admission table; a row is role, events, refs and environments."""

    def row(position: int, role: str, events: Raw, refs: Raw, environments: Raw) -> Row:
        return Row(
            role=role,
            events=frozenset(Event) if events == ["any"] else frozenset(Event(event) for event in events),
            any_event=events == ["any"],
            refs=tuple(refs),
            environments=tuple(environments),
            place=f"table-{number}:{position}",
        )

    return Table(rows=tuple(row(position, *one) for position, one in enumerate(rows, 1)), place=f"table-{number}")


def role(name: str, raw: Raw) -> Role:
    """Return a role; accounts are logins, with the ids that follow from them."""

    def accounts(key: str) -> tuple[Bot, ...]:
        return tuple(Bot(login=login, id=identity(login)) for login in raw.get(key, ()))

    return Role(
        name=name,
        users=accounts("users"),
        bots=accounts("bots"),
        teams=tuple(raw.get("teams", ())),
        groups=tuple(raw.get("groups", ())),
        levels=frozenset(Level[word.upper()] for word in raw.get("levels", ())),
    )


def judge(name: str, raw_settings: Raw, raw_facts: Raw) -> list[Judgement]:
    """Return what a control says to facts and settings in their written form."""
    return list(control(name).check(facts(raw_facts), settings(name, raw_settings)))


def outcomes(name: str, require: Raw, raw_facts: Raw, **more: Raw) -> dict[str, str]:
    """Return the outcomes as `requirement subject: outcome`."""
    return told(judge(name, {"require": require, **more}, raw_facts))


def told(judgements: list[Judgement]) -> dict[str, str]:
    """Return judgements as `requirement subject: outcome`, an unknown with its cause."""
    return {
        f"{one.requirement} {one.subject}": one.outcome.value + (f" {one.cause.value}" if one.cause else "")
        for one in judgements
    }


def facts(raw: Raw) -> Facts:
    """Return facts; what is left out was not collected."""

    def section(key: str, build: Callable[[Raw], T]) -> Fact[T]:
        return fact(raw[key], build) if key in raw else NOT_COLLECTED

    return Facts(
        run=run(raw.get("run", {})),
        branches=section("branches", lambda raw: tuple(selection(one) for one in raw)),
        tags=section("tags", tag_rules),
        people=section("people", lambda raw: tuple(seat(one) for one in raw)),
        memberships=section("memberships", lambda raw: tuple(membership(*one) for one in raw)),
        claims=section("claims", lambda raw: tuple(claim(*one) for one in raw)),
        provenance=section("provenance", provenance),
        scan=section("scan", scan),
        circumstances=circumstances(raw.get("around", {})),
        guard=guard(raw.get("guard", {})),
    )


def circumstances(raw: Raw) -> Circumstances:
    """Return what surrounds the run; what is left out nothing asked for."""
    wanted: dict[str, Callable[[Raw], Any]] = {
        "now": lambda raw: datetime.fromisoformat(raw).astimezone(timezone.utc),
        "visibility": Visibility,
        "signed_environment": optional(str),
        "labels": frozenset,
        "changed_paths": optional(frozenset),
        "runner": runner,
    }
    found: dict[str, Any] = {name: fact(raw[name], build) for name, build in wanted.items() if name in raw}
    if "environments" in raw:
        found["environments"] = tuple(fact(one, str) for one in raw["environments"])
    return Circumstances(**found)


def guard(raw: Raw) -> Guard:
    """Return what is known of the guard; `wiring` is a workflow or pipeline as its file has it."""
    found: dict[str, Any] = {}
    if "wiring" in raw:
        found["wiring"] = fact(raw["wiring"], wiring)
    if "parts" in raw:
        found["parts"] = fact(raw["parts"], parts)
    if "enforcement" in raw:
        found["enforcement"] = fact(raw["enforcement"], enforcement)
    if "program" in raw:
        found["program"] = fact(raw["program"], program)
    if "variables" in raw:
        found["variables"] = fact(raw["variables"], frozenset)
    return Guard(**found)


def program(raw: Raw) -> Program:
    """Return the ci-guard that judges: 1.0.0, a release that is no checkout, unless it says otherwise."""
    return Program(
        version=raw.get("version", "1.0.0"),
        commit=fact(raw.get("commit", "?unavailable"), str),
        released=raw.get("released", True),
        altered=raw.get("altered", False),
    )


def parts(raw: Raw) -> Parts:
    """Return what of the repository its pipelines are made of."""
    return Parts(
        names=frozenset(raw.get("names", ())),
        patterns=frozenset(raw.get("patterns", ())),
        doubts=(Unknown(reason=raw["doubt"], cause=Cause.UNAVAILABLE),) if "doubt" in raw else (),
    )


def enforcement(raw: Raw) -> Enforcement:
    """Return what makes sure that the guard runs on `main`."""

    def hold(one: Raw) -> Hold:
        said = {**one, "kind": HoldKind(one["kind"]), "name": one.get("name", "guard.yml")}
        return Hold(**{**said, "wiring": fact(one.get("wiring", "?invisible"), wiring)})

    holds = (hold(one) for one in raw["holds"])
    hidden = tuple(fact(one, same) for one in raw.get("hidden", ()))
    return Enforcement(
        where="main", holds=tuple(holds), hidden=tuple(one for one in hidden if isinstance(one, Unknown))
    )


def wiring(raw: Raw) -> Wiring:
    """Return what the adapters read in a file: a map of jobs, written as the platforms write them, in a short form."""
    return Wiring(
        path=raw.get("path", ".github/workflows/ci.yml"),
        commit=SHA,
        own=raw.get("own", ""),
        jobs=tuple(job(number, one) for number, one in enumerate(raw["jobs"], 1)),
        includes=tuple(included(one) for one in raw.get("includes", ())),
        stages=tuple(raw.get("stages", ())),
        namesakes=tuple(job(number, one) for number, one in enumerate(raw.get("namesakes", ()), 1)),
        doubts=(Unknown(reason=raw["doubt"], cause=Cause.UNAVAILABLE),) if "doubt" in raw else (),
    )


def job(number: int, raw: Raw) -> Job:
    """Return a job; the guard's is called `guard`, and lines follow from the order."""
    name = raw["name"]
    return Job(
        name=name,
        label=raw.get("label", name),
        path=raw.get("path", ".github/workflows/ci.yml"),
        line=number * 10,
        guard=raw.get("guard", name == "guard"),
        environment=raw.get("environment", name == "deploy"),
        needs=tuple(raw["needs"]) if "needs" in raw else None,
        condition=spot(raw.get("if"), number * 10 + 1),
        tolerated=tuple(Spot(text=one, line=number * 10 + 2) for one in raw.get("tolerated", ())),
        whens=tuple(Spot(text=one, line=number * 10 + 3) for one in raw.get("whens", ())),
        overrides=tuple(raw.get("overrides", ())),
        stage=raw.get("stage", ""),
        pin=pin(raw["pin"], number * 10 + 1) if "pin" in raw else None,
        calls=spot(raw.get("calls"), number * 10 + 1),
        steps=tuple(step(number * 10 + place, one) for place, one in enumerate(raw.get("steps", ()), 4)),
    )


def step(line: int, raw: Raw) -> Step:
    """Return a step."""
    return Step(
        line=line,
        guard=raw.get("guard", "pin" in raw),
        pin=pin(raw["pin"], line) if "pin" in raw else None,
        condition=spot(raw.get("if"), line),
        tolerated=tuple(Spot(text=one, line=line) for one in raw.get("tolerated", ())),
        swallowed=spot(raw.get("swallowed"), line),
        checkout=spot(raw.get("checkout"), line),
        acts=raw.get("acts", False),
    )


def pin(raw: str, line: int) -> Pin:
    """Return what names ci-guard: `name@ref`, where `sha` stands for a commit."""
    name, _, ref = raw.partition("@")
    return Pin(name=name, ref="c" * 40 if ref == "sha" else ref, line=line)


def included(raw: Raw) -> Pin:
    """Return an include of ci-guard: `name@ref`, or with its stage and what it depends on."""
    raw = {"pin": raw} if isinstance(raw, str) else raw
    return replace(pin(raw["pin"], 1), condition=spot(raw.get("if"), 2), stage=raw.get("stage", ""))


def spot(raw: str | None, line: int) -> Spot | None:
    """Return a text at a line."""
    return None if raw is None else Spot(text=raw, line=line)


def runner(raw: Raw) -> Runner:
    """Return a runner of the platform's own without labels, unless it says otherwise."""
    return Runner(host=fact(raw.get("host", "hosted"), Host), labels=fact(raw.get("labels", []), frozenset))


def run(raw: Raw) -> Run:
    """Return a run: a push to `main`, unless it says otherwise."""
    branch = raw.get("branch", "main")
    return Run(
        platform=Platform(raw.get("platform", "github")),
        event=fact(raw.get("event", "push"), Event),
        ref=fact(raw.get("ref", f"refs/heads/{branch}"), str),
        sha=fact(raw.get("sha", SHA), str),
        branch=fact(branch, optional(str)),
        tag=fact(raw.get("tag"), optional(str)),
        default_branch=fact(raw.get("default_branch", "main"), str),
        before=sourced(fact(raw.get("before", "b" * 40), optional(str)), raw.get("before_by", "api")),
        since_success=fact(raw.get("since_success", []), tuple),
        change=fact(
            raw.get("change"),
            optional(lambda raw: ChangeReference(number=raw["number"], head="head", target=raw["target"])),
        ),
        trusted=fact(raw.get("trusted", True), bool),
        run_url="https://hub.example/run/7",
        pages=Pages(
            access="https://hub.example/access",
            branches="https://hub.example/branches",
            rules="https://hub.example/rules",
            checkout="https://docs.example/checkout",
            token="https://docs.example/token",
        ),
    )


def selection(raw: Raw) -> BranchSelection:
    """Return one entry of `branches` with what it stands for."""
    return BranchSelection(
        entry=raw.get("entry", "default"), branches=fact(raw["rules"], lambda raw: tuple(rules(one) for one in raw))
    )


def rules(raw: Raw) -> BranchRules:
    """Return the rules of one branch: `main`, which exists, unless it says otherwise."""
    return BranchRules(
        name=raw.get("name", "main"),
        exists=fact(raw.get("exists", True), bool),
        flags={key: fact(value, bool) for key, value in raw.get("flags", {}).items()},
        approvals=fact(raw.get("approvals", 0), lambda raw: enforced(raw, int)),
        required_reviewers=fact(raw.get("required_reviewers", []), lambda raw: enforced(raw, frozenset)),
        status_checks=fact(
            raw.get("status_checks", []), lambda raw: enforced(raw, lambda raw: tuple(check(one) for one in raw))
        ),
        bypass=tuple(
            fact(one, lambda raw: tuple(bypass(somebody) for somebody in raw)) for one in raw.get("bypass", [])
        ),
        settings={"": Setting(name="Rulesets", url="https://hub.example/rules")},
    )


def enforced(raw: Raw, build: Callable[[Raw], T]) -> Enforced[T]:
    """Return what is enforced; `{value: …, hidden: ?invisible}` where more may be."""
    if not isinstance(raw, Mapping):
        return Enforced(value=build(raw))
    hidden = fact(raw["hidden"], same)
    assert isinstance(hidden, Unknown)
    return Enforced(value=build(raw["value"]), hidden=hidden)


def check(raw: str) -> StatusCheck:
    """Return a check: `build`, or `build@15368` where an app is bound."""
    context, _, app = raw.partition("@")
    return StatusCheck(context=context, app_id=int(app) if app else None)


def bypass(raw: str) -> Bypass:
    """Return somebody whom a rule does not bind."""
    return Bypass(name=raw, source="the ruleset main")


def tag_rules(raw: Raw) -> TagRules:
    """Return rules about tags, each `{include: […], exclude: […]}`."""
    return TagRules(
        rules=fact(raw, lambda raw: enforced(raw, lambda raw: tuple(tag_rule(one) for one in raw))),
        setting=Setting(name="Tag rulesets", url="https://hub.example/tags"),
    )


def tag_rule(raw: Raw) -> TagRule:
    """Return one rule about tags."""
    return TagRule(include=tuple(raw["include"]), exclude=tuple(raw.get("exclude", ())), source="the ruleset tags")


def person(raw: Raw) -> Person:
    """Return an account by login; `x[bot]` is a bot, and an id follows from the login unless it is given."""
    if isinstance(raw, str):
        raw = {"login": raw}
    kind = raw.get("type", "bot" if raw["login"].endswith("[bot]") else "user")
    return Person(login=raw["login"], id=raw.get("id", identity(raw["login"])), type=AccountType(kind))


def identity(login: str) -> int:
    """Return the numeric id that a login has here."""
    return zlib.crc32(login.encode())


def access(raw: str) -> Access:
    """Return access by its level; `write:deployer` for a custom role."""
    level, _, role = raw.partition(":")
    return Access(level=Level[level.upper()], role=role or level)


def seat(raw: Raw) -> Seat:
    """Return somebody's part in the run, who may write unless it says otherwise."""

    def participant(who: Raw) -> Participant:
        return Participant(
            person=person(who),
            access=fact(raw.get("access", "write"), access),
            automation_of_platform=raw.get("automation", False),
        )

    return Seat(part=Part(raw["part"]), who=fact(raw["who"], participant))


def membership(circle: str, login: str, member: Raw) -> Membership:
    """Return whether somebody is in a team or group."""
    return Membership(circle=circle, person=identity(login), member=fact(member, bool))


def claim(name: str, claimed: str, truth: Raw) -> Claim:
    """Return what a variable says beside the server's word."""
    return Claim(name=name, claimed=claimed, truth=fact(truth, str))


def provenance(raw: Raw) -> Provenance:
    """Return where the judged commit came from."""
    return Provenance(
        commit=fact(raw.get("commit", raw), origin),
        history=fact(raw.get("history", "?unavailable"), lambda raw: tuple(origin(one) for one in raw)),
        standing_in=raw.get("standing_in", False),
    )


def origin(raw: Raw) -> Origin:
    """Return how a commit came."""
    return Origin(
        sha=raw.get("sha", SHA),
        changes=fact(raw.get("changes", []), lambda raw: tuple(change(one) for one in raw)),
        pusher=fact(raw.get("pusher"), optional(person)),
    )


def change(raw: Raw) -> Change:
    """Return a change: #12 by alice, merged into `main` at hour 10 as the judged commit, unless it says otherwise."""
    state = ChangeState(raw.get("state", "merged"))
    number = raw.get("number", 12)
    merged_at = raw.get("at", 10) if state is ChangeState.MERGED else None
    return Change(
        number=number,
        reference=f"#{number}",
        url=f"https://hub.example/pull/{number}",
        author=person(raw.get("author", "alice")),
        target=raw.get("target", "main"),
        state=state,
        head="head",
        merged_at=None if merged_at is None else START + timedelta(hours=merged_at),
        results=fact(raw.get("results", [SHA]), frozenset),
        pushed_by=fact(raw.get("pushed_by"), optional(person)),
        reviews=fact(raw.get("reviews", []), lambda raw: tuple(review(one) for one in raw)),
        contributions=fact(raw.get("contributions", ["alice"]), lambda raw: tuple(contribution(one) for one in raw)),
        owned_paths=fact(raw.get("owned", {}), owned_paths),
        memberships=fact(raw.get("members", "?unavailable"), lambda raw: tuple(membership(*one) for one in raw)),
    )


def review(raw: Raw) -> Review:
    """Return a review: an approval of the final head by somebody who may write, unless it says otherwise."""
    if isinstance(raw, str):
        raw = {"by": raw}
    return Review(
        reviewer=person(raw["by"]),
        access=fact(raw.get("access", "write"), access),
        state=ReviewState(raw.get("state", "approved")),
        covers_head=fact(raw.get("head", True), bool),
        covers_target=fact(raw.get("target", True), bool),
        submitted_at=START + timedelta(hours=raw.get("at", 1)),
    )


def contribution(raw: Raw) -> Contribution:
    """Return a contributor by login, or an unknown one; `{who: …, how: …}` says how."""
    if not isinstance(raw, Mapping):
        raw = {"who": raw}
    return Contribution(who=fact(raw["who"], person), how=raw.get("how", "author of 1a2b3c4d"))


def owned_paths(raw: Raw) -> tuple[OwnedPath, ...]:
    """Return owned paths from `{path: {owner: [members]}}`."""

    def members(logins: Raw) -> frozenset[int]:
        return frozenset(identity(login) for login in logins)

    return tuple(
        OwnedPath(path=path, owners=tuple(Owner(name=name, members=fact(who, members)) for name, who in owners.items()))
        for path, owners in raw.items()
    )


def scan(raw: Raw) -> SecretScan:
    """Return a scan of the tree, which read ten contents, unless it says otherwise."""
    return SecretScan(
        findings=tuple(finding(one) for one in raw.get("findings", ())),
        key_files=tuple(finding(one) for one in raw.get("key_files", ())),
        sources=tuple(raw.get("sources", ["tree of c0ffee00"])),
        blobs=raw.get("blobs", 10),
        bytes=1000,
        skipped=tuple(Skipped(path=path, reason=reason) for path, reason in raw.get("skipped", {}).items()),
        gaps=tuple(
            Gap(kind=GapKind(kind), code="a-gap", message=message, remedy="Fetch all.")
            for kind, message in raw.get("gaps", {}).items()
        ),
        suppressed=tuple(suppressed(one) for one in raw.get("suppressed", ())),
        unreviewed=tuple(suppressed(one) for one in raw.get("unreviewed", ())),
        review_doubt=raw.get("review_doubt", ""),
        reviewable=raw.get("reviewable", True),
    )


def suppressed(raw: Raw) -> Suppressed:
    """Return a suppression of a finding."""
    return Suppressed(
        finding=finding(raw),
        kind=SuppressionKind(raw.get("kind", "baseline")),
        place=raw.get("place", ".gitleaksignore:1"),
    )


def finding(raw: Raw) -> SecretFinding:
    """Return a finding in a file."""
    return SecretFinding(
        rule=raw["rule"],
        title="A token",
        severity=Severity.HIGH,
        location=Location(path=raw["path"], line=raw.get("line", 1), commit=raw.get("commit")),
        preview="…",
        fingerprint="f" * 64,
        remedy="Revoke it.",
        remedy_url="https://vendor.example/revoke",
    )
