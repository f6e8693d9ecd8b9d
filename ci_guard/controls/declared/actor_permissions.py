"""The words of `actor-permissions`: every requirement with its kind, its reason and how each platform satisfies it."""

from __future__ import annotations

from typing import Final

from ci_guard.controls.cited import CIS, OSPS, OWASP
from ci_guard.model.judgement import Severity
from ci_guard.model.kinds import AtLevel, Flag, Names, NoneBut
from ci_guard.model.meta import Meta, Requirement

COLLABORATORS: Final = "https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user"
ROLE: Final = "Grant the role under Settings, Collaborators and teams. Every token shows it (`metadata: read`)."
RUN: Final = "`actions: read` shows it, because no variable names it reliably."
MEMBER: Final = "Grant the role under Manage, Members. A token with `read_api` shows it, or the signed ID token."

META: Final = Meta(
    id="actor-permissions",
    title="Actor permissions",
    summary="Does everybody who set this run in motion hold the rights that it takes?",
    options=frozenset({"bots"}),
    requirements=(
        Requirement(
            id="actor",
            kind=AtLevel(),
            title="whoever caused the run holds the level",
            why="A run has the rights of whoever caused it first, also when somebody else starts it again later.",
            notes=(
                "On `schedule` it is whoever changed the schedule last, perhaps somebody who has left since. What"
                " a merge queue pushes is pushed by the queue's account, which has to be listed under `bots`. A "
                "custom role counts as the base role that it extends."
            ),
            severity=Severity.HIGH,
            github=f"{ROLE} Bots and apps count only if the policy lists them under `bots` by login and id.",
            gitlab=f"{MEMBER} Tokens of projects and groups act as bots; list them under `bots`.",
            source=COLLABORATORS,
            references=CIS.supports("2.3.5") + OWASP.supports("CICD-SEC-1"),
        ),
        Requirement(
            id="triggering-actor",
            kind=AtLevel(),
            title="whoever started or re-ran the run holds the level",
            why=(
                "Pressing re-run ships an old commit with the rights of its first actor; the presser may be somebody "
                "else."
            ),
            notes=(
                "On a first attempt it is the actor once more. Whoever presses re-run needs the level, although "
                "the run keeps the rights of its first actor."
            ),
            severity=Severity.HIGH,
            github=f"{ROLE} Who pressed re-run is a fact of the run: {RUN}",
            gitlab=f"{MEMBER} For a manual job it is whoever pressed play; the job's own token shows who that is.",
            source="https://docs.github.com/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs",
            references=CIS.supports("2.3.5") + OWASP.supports("CICD-SEC-1"),
        ),
        Requirement(
            id="sender",
            kind=AtLevel(),
            title="whoever sent the event holds the level",
            why="A comment, a label or a dispatch can start a run on somebody else's change.",
            notes=(
                "Mostly it is the actor once more. A schedule has none. Where only the event file says who it is "
                "and the server does not confirm it, it is unknown."
            ),
            severity=Severity.MEDIUM,
            github=f"{ROLE} The sender is the account of the event itself.",
            gitlab=f"{MEMBER} The sender is whoever created the pipeline.",
            source="https://docs.github.com/webhooks/webhook-events-and-payloads",
            references=CIS.supports("2.3.5") + OWASP.supports("CICD-SEC-4"),
        ),
        Requirement(
            id="author",
            kind=AtLevel(),
            title="the author of each change holds the level",
            gitlab_title="the author of each merge request holds the level",
            why="On `target-change` and in a queue a stranger's code runs with the repository's trust and secrets.",
            notes=(
                "The change of an outside contributor fails on `target-change` and in a queue, because strangers'"
                " code has the repository's trust there. On `change` from a fork it has none, and nothing is "
                "judged."
            ),
            severity=Severity.HIGH,
            github=(
                f"{ROLE} `pull-requests: read` shows the author of the change; in a queue every change of the group "
                "counts."
            ),
            gitlab=f"{MEMBER} The job token shows the author of a merge request from GitLab 18.3 on.",
            source="https://docs.github.com/actions/reference/security/securely-using-pull_request_target",
            references=OSPS.supports("OSPS-BR-01.03") + OWASP.supports("CICD-SEC-4"),
        ),
        Requirement(
            id="upstream-actor",
            kind=AtLevel(),
            title="whoever caused the run that started this one holds the level",
            why="A run on `workflow_run` has the repository's secrets, whoever started the run before it.",
            notes=(
                "After the pull request of a fork it is a stranger, and fails: that is the attack that it is "
                "about. A run that follows no other has none."
            ),
            severity=Severity.HIGH,
            github=f"{ROLE} The upstream run is read from the API: {RUN}",
            gitlab=f"{MEMBER} The upstream pipeline is read with `read_api`.",
            source=(
                ""
                "https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#workflow_run"
            ),
            references=OSPS.supports("OSPS-BR-01.03") + CIS.supports("2.3.5") + OWASP.supports("CICD-SEC-4"),
        ),
        Requirement(
            id="role",
            kind=NoneBut(example=Names(frozenset({"operators"}))),
            beside="roles: [{name: operators, levels: [admin]}]",
            title="whoever started or re-ran the run holds one of the named roles",
            why=(
                "Everybody who may push can start a deployment, and many more than ought to may push: a level does not "
                "tell them apart."
            ),
            notes=(
                "The names are those under `roles` of the policy; `true` lets nobody start anything, as in a freeze. "
                "It is judged of the actor and of whoever pressed re-run. In a context it says who may start which "
                "event, on which ref, for which environment; a table of all that is `admission`. A bot holds a role "
                "only if that lists it under `bots`. On `change` from a fork nothing is judged."
            ),
            severity=Severity.HIGH,
            github=(
                "Put the person into the role: by id, by a level, or by a team. Teams take `members: read` of the "
                "organisation, which no job's token can have; without it whether somebody is in one is unknown."
            ),
            gitlab=(
                "Put the person into the role: by id, by a level, or by a group. Groups take `read_api` in "
                "`CI_GUARD_TOKEN`, of a member of the group; without it whether somebody is in one is unknown."
            ),
            source="https://docs.github.com/rest/teams/members#get-team-membership-for-a-user",
            references=CIS.supports("2.3.5") + OWASP.supports("CICD-SEC-1"),
        ),
        Requirement(
            id="consistent-identity",
            kind=Flag(),
            title="every variable and event field that says who, what or where agrees with the server",
            why=(
                "On GitLab a pipeline variable overrides predefined ones, and on GitHub an earlier step can rewrite "
                "the event file: a difference is somebody's lie."
            ),
            notes=(
                "A step before the guard that sets `GITHUB_*` for its own purposes, or writes into the event file, "
                "looks like an attack and fails: run the guard first, in a job of its own."
            ),
            severity=Severity.CRITICAL,
            github=f"Run the guard in a job of its own, first. Run and attempt are compared with the API: {RUN}",
            gitlab=(
                "Restrict who may set pipeline variables (Settings, CI/CD, Variables). The job token and the ID token "
                "show the truth."
            ),
            source="https://docs.gitlab.com/ci/variables/#cicd-variable-precedence",
            references=OSPS.supports("OSPS-BR-01.01"),
        ),
    ),
)
