"""The words of `admission`: the one requirement, its reason and how each platform satisfies it."""

from __future__ import annotations

from typing import Final

from ci_guard.controls.cited import CIS, OWASP
from ci_guard.model.judgement import Severity
from ci_guard.model.kinds import Flag
from ci_guard.model.meta import Meta, Requirement

META: Final = Meta(
    id="admission",
    title="Admission",
    summary="May whoever started this run start such an event, on this ref and for this environment?",
    requirements=(
        Requirement(
            id="admitted",
            kind=Flag(),
            beside="admission: [{role: everybody, events: [change], refs: [any], environments: [none]}]",
            title="a row of each admission table admits whoever started the run",
            why=(
                "What nobody thought of is open: a dispatch on an old branch, a schedule that deploys, a tag by "
                "somebody who left. A table that names what may run closes all the rest."
            ),
            notes=(
                "It is judged for the actor and for whoever pressed re-run; each needs a row. Nearer layers can only "
                "narrow, because the table of every layer has to admit the run. The environment is what the caller "
                "names, and nothing vouches for that but an ID token: without one, a run that names none is admitted "
                "as one without environment, so keep a deployment's secrets in the platform's own environment too. "
                "Changes from forks are judged like all others: admit them by a row for `everybody`."
            ),
            severity=Severity.HIGH,
            github=(
                "Add a row to `admission` of the policy, or put the person into a role of one. Levels are shown to "
                "every token, teams to one with `members: read` of the organisation."
            ),
            gitlab=(
                "Add a row to `admission` of the policy, or put the person into a role of one. Levels and groups take "
                "`read_api` in `CI_GUARD_TOKEN`, or for the job's own user the signed ID token."
            ),
            source="https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows",
            references=CIS.supports("2.3.5") + OWASP.supports("CICD-SEC-1"),
        ),
    ),
)
