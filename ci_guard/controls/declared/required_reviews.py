"""The words of `required-reviews`: every requirement with its kind, its reason and how each platform satisfies it."""

from __future__ import annotations

from typing import Final

from ci_guard.controls.cited import CIS, OSPS, OWASP, SLSA
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
            gitlab_title="the commit came through a merge request that was merged into a listed branch",
            why="A direct push has no review to look at: that is the finding, not the lack of one.",
            notes=(
                "A merge that was made on the command line and pushed is a direct push, also where each of its "
                "commits was reviewed. So is the first push of a new repository, and a release commit that a bot "
                "pushes."
            ),
            severity=Severity.CRITICAL,
            github=(
                "Merge by pull request, with the button or the queue, and block direct pushes by a rule: a merge that "
                f"somebody pushes is one. {READ} `contents: read` shows who merged or pushed."
            ),
            gitlab=(
                "Merge by merge request, with `Allowed to push and merge` set to `No one`. Whether somebody pushed a "
                f"merge commit that holds more, git shows: `GIT_DEPTH: 0`. {NOTES}"
            ),
            source=PULLS,
            references=SLSA.supports("two-party-review")
            + OSPS.supports("OSPS-AC-03.01", "OSPS-QA-07.01")
            + CIS.supports("1.1.3", "2.3.4")
            + OWASP.supports("CICD-SEC-1"),
        ),
        Requirement(
            id="reviewed-history",
            kind=Flag(),
            title="every commit that the push brought came through such a change",
            gitlab_title="every commit that the push brought came through such a merge request",
            why="A commit that is pushed directly would otherwise ship under the reviewed one that lands on top of it.",
            notes=(
                "Judged on `push` alone. A push that created the branch, that brought more than 100 commits, or "
                "whose start the server does not confirm is unknown."
            ),
            severity=Severity.HIGH,
            github=f"As for `reviewed-change`. A push of more than 100 commits cannot be decided. {READ}",
            gitlab=f"As for `reviewed-change`. A push of more than 100 commits cannot be decided. {NOTES}",
            source="https://docs.github.com/rest/commits/commits#compare-two-commits",
            references=SLSA.supports("continuity", "two-party-review")
            + OSPS.supports("OSPS-AC-03.01")
            + CIS.supports("1.1.3", "2.3.4")
            + OWASP.supports("CICD-SEC-1"),
        ),
        Requirement(
            id="approvals",
            kind=AtLeast(),
            title="enough people approved the change",
            gitlab_title="enough people approved the merge request",
            why=(
                "What protection asks today says nothing of what a merged change had: rules are switched off for a "
                "merge and on again."
            ),
            notes=(
                "Each person counts once, by the latest verdict: a comment takes nothing back, a later request "
                "for changes or a dismissal does. A solo maintainer cannot meet it: a waiver with an end date "
                "says so, and the report keeps showing it."
            ),
            severity=Severity.HIGH,
            github=f"Ask for reviews before merging; apps and the author never count. {READ}",
            gitlab=f"Ask for approvals before merging; bots and the author never count. {NOTES}",
            source=REVIEWS,
            references=SLSA.supports("two-party-review")
            + OSPS.supports("OSPS-QA-07.01")
            + CIS.supports("1.1.3", "2.3.4")
            + OWASP.supports("CICD-SEC-1"),
        ),
        Requirement(
            id="independence",
            kind=Flag(),
            title="those who approved contributed nothing to the change",
            gitlab_title="those who approved contributed nothing to the merge request",
            why=(
                "Somebody who lets a bot open the change, pushes to it and approves it has reviewed nothing but their "
                "own work."
            ),
            notes=(
                "Committing a suggestion, pressing `Update branch` or being named as co-author makes a reviewer a"
                " contributor. An e-mail that belongs to no account could be anybody's, so the approvals are "
                "undecided then."
            ),
            severity=Severity.HIGH,
            github=(
                f"Commit with an e-mail that is linked to an account: an unlinked one could be anybody's. {READ} "
                "`contents: read` shows the pushes."
            ),
            gitlab=(
                "`Prevent approvals by users who add commits` (Premium) keeps them out beforehand. Whoever pressed "
                "rebase contributed. The job token shows the commits by git (`GIT_DEPTH: 0`), or one by one up to "
                f"three. {NOTES}"
            ),
            source=(
                ""
                "https://docs.github.com/pull-requests/committing-changes-to-your-project/creating-and-editing-commits/creating-a-commit-with-multiple-authors"
            ),
            references=SLSA.supports("two-party-review")
            + OSPS.supports("OSPS-QA-07.01")
            + CIS.supports("1.1.3")
            + OWASP.supports("CICD-SEC-1"),
        ),
        Requirement(
            id="freshness",
            kind=Flag(),
            title="approvals cover the final head and were given before the merge",
            why=(
                "What is pushed after an approval, or shows only against another target branch, was seen by nobody; an "
                "approval after the merge stopped nothing."
            ),
            notes=(
                "A rebase makes another head, so approvals of the one before do not count, even where no line "
                "differs. Nor do those that were given after the merge."
            ),
            severity=Severity.HIGH,
            github=f"Switch on `Dismiss stale pull request approvals when new commits are pushed`. {READ}",
            gitlab=(
                "Switch on `Remove all approvals` when a commit is added (Premium). For the job token a pipeline of "
                f"the final head has to be older than the approval: retry the job, and run no new pipeline. {NOTES}"
            ),
            source=REVIEWS,
            references=SLSA.supports("two-party-review"),
        ),
        Requirement(
            id="authority",
            kind=AtLevel(),
            title="those who approved hold the level now, and none is an app",
            why="On a public repository anybody can approve, and a workflow's own token can too.",
            notes=(
                "It is what the reviewer holds now, not on the day of the review: the approval of somebody who "
                "has left does not count any more when an old commit is built again."
            ),
            severity=Severity.HIGH,
            github="Ask somebody with write access for a review. Every token shows the level (`metadata: read`).",
            gitlab="Ask a Developer or above. A token with `read_api` shows the level.",
            source="https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user",
            references=SLSA.supports("two-party-review") + CIS.supports("1.1.3"),
        ),
        Requirement(
            id="no-rejection",
            kind=Flag(),
            title="nobody with the authority asks for changes",
            why="One approval more does not answer the objection of another reviewer.",
            notes=(
                "Only the latest verdict of each reviewer counts, and only of those who hold the level of "
                "`authority` (`write` where the policy names none): a stranger's request for changes is told and "
                "denies nothing."
            ),
            severity=Severity.MEDIUM,
            github=f"The reviewer approves, or somebody who may dismisses the review. {READ}",
            gitlab=f"The reviewer who asked for changes approves; a bypass by others does not count. {NOTES}",
            source=REVIEWS,
            references=OWASP.supports("CICD-SEC-1"),
        ),
        Requirement(
            id="code-owner-review",
            kind=Flag(),
            title="an owner of each changed path approved, by the CODEOWNERS of the target branch",
            why=(
                "The change could give its paths to other owners; those who own them on the target branch answer for "
                "them."
            ),
            notes=(
                "The CODEOWNERS of the target branch count, not those in the change. A job's token does not show "
                "the members of a team, so only owners who are named themselves decide then. A path that nobody "
                "owns passes."
            ),
            severity=Severity.MEDIUM,
            github=(
                f"{READ} `contents: read` shows CODEOWNERS. Members of a team need an app's token with `members: "
                "read` on the organisation."
            ),
            gitlab=(
                "CODEOWNERS on the target branch (Premium enforces it), each section for itself, optional ones left "
                f"out, with the number of approvals that it asks for. Members of a group need `read_api`. {NOTES}"
            ),
            source=(
                ""
                "https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners"
            ),
            references=CIS.supports("1.1.7"),
        ),
    ),
)
