"""The words of `required-reviews`: every requirement with its kind, its reason and how each platform satisfies it."""

from __future__ import annotations

from typing import Final

from ci_guard.controls.frameworks import CIS, OSPS, OWASP, SLSA
from ci_guard.model.judgement import Severity
from ci_guard.model.kinds import AtLeast, AtLevel, Flag
from ci_guard.model.meta import Meta, Requirement

REVIEWS: Final = "https://docs.github.com/rest/pulls/reviews#list-reviews-for-a-pull-request"
PULLS: Final = "https://docs.github.com/rest/commits/commits#list-pull-requests-associated-with-a-commit"
READ: Final = "`pull-requests: read` shows it."
NOTES: Final = (
    "The job token shows it from GitLab 18.3 on, by the notes of the merge request; a token with `read_api` exactly."
)

META: Final = Meta(
    id="required-reviews",
    title="Required reviews",
    summary="Was the very commit that is built reviewed, by people who may and who had no part in it?",
    options=frozenset({"branches", "on"}),
    requirements=(
        Requirement(
            id="reviewed-change",
            kind=Flag(),
            title="the commit came through a change that was merged into a listed branch",
            why="A direct push has no review to look at: that is the finding, not the lack of one.",
            severity=Severity.CRITICAL,
            github=(
                "Merge by pull request, with the button or the queue, and block direct pushes by a rule: a merge that "
                f"somebody pushes is one. {READ} `contents: read` shows who merged or pushed."
            ),
            gitlab=f"Merge by merge request, with `Allowed to push and merge` set to `No one`. {NOTES}",
            source=PULLS,
            references=(
                *SLSA.supports("two-party-review"),
                *OSPS.supports("OSPS-AC-03.01", "OSPS-QA-07.01"),
                *CIS.supports("1.1.3", "2.3.4"),
                *OWASP.supports("CICD-SEC-1"),
            ),
        ),
        Requirement(
            id="reviewed-history",
            kind=Flag(),
            title="every commit that the push brought came through such a change",
            why="A commit that is pushed directly would otherwise ship under the reviewed one that lands on top of it.",
            severity=Severity.HIGH,
            github=f"As for `reviewed-change`. A push of more than 100 commits cannot be decided. {READ}",
            gitlab=f"As for `reviewed-change`. A push of more than 100 commits cannot be decided. {NOTES}",
            source="https://docs.github.com/rest/commits/commits#compare-two-commits",
            references=(
                *SLSA.supports("continuity", "two-party-review"),
                *OSPS.supports("OSPS-AC-03.01"),
                *CIS.supports("1.1.3", "2.3.4"),
                *OWASP.supports("CICD-SEC-1"),
            ),
        ),
        Requirement(
            id="approvals",
            kind=AtLeast(),
            title="enough people approved the change",
            why=(
                "What protection asks today says nothing of what a merged change had: rules are switched off for a "
                "merge and on again."
            ),
            severity=Severity.HIGH,
            github=f"Ask for reviews before merging; apps and the author never count. {READ}",
            gitlab=f"Ask for approvals before merging; bots and the author never count. {NOTES}",
            source=REVIEWS,
            references=(
                *SLSA.supports("two-party-review"),
                *OSPS.supports("OSPS-QA-07.01"),
                *CIS.supports("1.1.3", "2.3.4"),
                *OWASP.supports("CICD-SEC-1"),
            ),
        ),
        Requirement(
            id="independence",
            kind=Flag(),
            title="those who approved contributed nothing to the change",
            why=(
                "Somebody who lets a bot open the change, pushes to it and approves it has reviewed nothing but their "
                "own work."
            ),
            severity=Severity.HIGH,
            github=(
                f"Commit with an e-mail that is linked to an account: an unlinked one could be anybody's. {READ} "
                "`contents: read` shows the pushes."
            ),
            gitlab=f"`Prevent approvals by users who add commits` (Premium) keeps them out beforehand. {NOTES}",
            source=(
                ""
                "https://docs.github.com/pull-requests/committing-changes-to-your-project/creating-and-editing-commits/creating-a-commit-with-multiple-authors"
            ),
            references=(
                *SLSA.supports("two-party-review"),
                *OSPS.supports("OSPS-QA-07.01"),
                *CIS.supports("1.1.3"),
                *OWASP.supports("CICD-SEC-1"),
            ),
        ),
        Requirement(
            id="freshness",
            kind=Flag(),
            title="approvals cover the final head and were given before the merge",
            why=(
                "What is pushed after an approval, or shows only against another target branch, was seen by nobody; an "
                "approval after the merge stopped nothing."
            ),
            severity=Severity.HIGH,
            github=f"Switch on `Dismiss stale pull request approvals when new commits are pushed`. {READ}",
            gitlab=f"Switch on `Remove all approvals` when a commit is added (Premium). {NOTES}",
            source=REVIEWS,
            references=(*SLSA.supports("two-party-review"),),
        ),
        Requirement(
            id="authority",
            kind=AtLevel(),
            title="those who approved hold the level now, and none is an app",
            why="On a public repository anybody can approve, and a workflow's own token can too.",
            severity=Severity.HIGH,
            github="Ask somebody with write access for a review. Every token shows the level (`metadata: read`).",
            gitlab="Ask a Developer or above. A token with `read_api` shows the level.",
            source="https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user",
            references=(*SLSA.supports("two-party-review"), *CIS.supports("1.1.3")),
        ),
        Requirement(
            id="no-rejection",
            kind=Flag(),
            title="nobody with the authority asks for changes",
            why="One approval more does not answer the objection of another reviewer.",
            severity=Severity.MEDIUM,
            github=f"The reviewer approves, or somebody who may dismisses the review. {READ}",
            gitlab=f"The reviewer approves or withdraws the request for changes. {NOTES}",
            source=REVIEWS,
            references=(*OWASP.supports("CICD-SEC-1"),),
        ),
        Requirement(
            id="code-owner-review",
            kind=Flag(),
            title="an owner of each changed path approved, by the CODEOWNERS of the target branch",
            why=(
                "The change could give its paths to other owners; those who own them on the target branch answer for "
                "them."
            ),
            severity=Severity.MEDIUM,
            github=(
                f"{READ} `contents: read` shows CODEOWNERS. Members of a team need an app's token with `members: "
                "read` on the organisation."
            ),
            gitlab=(
                f"CODEOWNERS on the target branch (Premium enforces it). Members of a group need `read_api`. {NOTES}"
            ),
            source=(
                ""
                "https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners"
            ),
            references=(*CIS.supports("1.1.7"),),
        ),
    ),
)
