"""The words of `branch-protection`: every requirement with its kind, its reason and how each platform satisfies it."""

from __future__ import annotations

from typing import Final

from ci_guard.controls.cited import CIS, OSPS, OWASP, SLSA
from ci_guard.model.judgement import Severity
from ci_guard.model.kinds import AllOf, AtLeast, Flag, Names, NoneBut
from ci_guard.model.meta import Meta, Requirement

GITHUB: Final = "https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository"
RULES: Final = f"{GITHUB}/managing-rulesets/available-rules-for-rulesets"
RULESETS: Final = f"{GITHUB}/managing-rulesets/about-rulesets"
CLASSIC: Final = f"{GITHUB}/managing-protected-branches/about-protected-branches"
GITLAB: Final = "https://docs.gitlab.com/user/project"
PROTECTED: Final = f"{GITLAB}/repository/branches/protected/"

SEEN: Final = (
    "A ruleset is visible to every token; the details of a classic protection rule need `administration: read`, which "
    "a job's own token never has."
)
"""Which token shows a rule on GitHub (https://docs.github.com/rest/repos/rules#get-rules-for-a-branch)."""
SEEN_BYPASS: Final = (
    "Bypass lists are visible only to those who may edit the ruleset: `administration: write` on the repository."
)
"""`bypass_actors` is left out for everybody else (https://docs.github.com/rest/repos/rules#get-a-repository-ruleset)."""
READ_API: Final = "Needs a token with `read_api`; the job token does not show it."
FROM_18_3: Final = "The job token shows it from GitLab 18.3 on; before that a token with `read_api` is needed."

META: Final = Meta(
    id="branch-protection",
    title="Branch protection",
    summary="Do the platform's own rules protect each listed branch, whichever branch is being built?",
    options=frozenset({"branches"}),
    requirements=(
        Requirement(
            id="protected",
            kind=Flag(),
            title="some rule protects the branch",
            why=(
                "Without any rule everybody with write access can rewrite or delete the branch. It is only a "
                "beginning: it says nothing about what the rules are."
            ),
            notes=(
                "Any rule at all makes it true, also one that only asks for signatures. A ruleset in `evaluate` "
                "mode looks active in the settings, enforces nothing and does not count."
            ),
            severity=Severity.CRITICAL,
            github=(
                "Add a branch ruleset (Settings, Rules, Rulesets) or a classic protection rule. `contents: read` "
                "shows it."
            ),
            gitlab=f"Protect the branch under Settings, Repository, Protected branches. {FROM_18_3}",
            source=CLASSIC,
            references=SLSA.supports("access-and-history", "protected-refs")
            + OWASP.supports("CICD-SEC-1", "CICD-SEC-4"),
        ),
        Requirement(
            id="no-force-push",
            kind=Flag(),
            title="force pushes are blocked",
            why="A force push replaces reviewed history by any other, and the old commits vanish from the branch.",
            notes=(
                "Whoever is on a bypass list may force-push all the same; `no-bypass` judges that. Of several "
                "rules on GitHub the strictest holds, so a laxer one beside it does no harm."
            ),
            severity=Severity.CRITICAL,
            github=f"Rule `Block force pushes`, which rulesets switch on by default. {SEEN}",
            gitlab=(
                "Protected branch with `Allowed to force push` off in every rule that matches, because the most "
                f"permissive one wins. {READ_API}"
            ),
            source=RULES,
            references=SLSA.supports("access-and-history", "history") + CIS.satisfies("1.1.16"),
        ),
        Requirement(
            id="no-deletion",
            kind=Flag(),
            title="deleting the branch is blocked",
            why="Whoever deletes the branch and pushes it again has replaced its history without a force push.",
            notes=(
                "Whoever is on a bypass list may delete the branch all the same. A branch that the policy lists "
                "by name and that does not exist fails: whoever may push could create it."
            ),
            severity=Severity.HIGH,
            github=f"Rule `Restrict deletions`. {SEEN}",
            gitlab=(
                "Protected branch: Git clients cannot delete it then. Maintainers still can in the web interface. "
                f"{FROM_18_3}"
            ),
            source=RULES,
            references=SLSA.supports("access-and-history", "history")
            + OSPS.satisfies("OSPS-AC-03.02")
            + CIS.satisfies("1.1.17"),
        ),
        Requirement(
            id="pull-request",
            kind=Flag(),
            title="changes come in only through a pull or merge request",
            gitlab_title="changes come in only through a merge request",
            why="A direct push skips reviews and checks altogether.",
            notes=(
                "A merge queue alone does not count: the rule that asks for pull requests has to be there. "
                "Classic protection asks them of administrators only where `include-admins` holds."
            ),
            severity=Severity.CRITICAL,
            github=f"Rule `Require a pull request before merging`. {SEEN}",
            gitlab=f"Protected branch with `Allowed to push and merge` set to `No one`. {READ_API}",
            source=RULES,
            references=SLSA.supports("two-party-review")
            + OSPS.satisfies("OSPS-AC-03.01")
            + CIS.supports("1.1.3", "2.3.4")
            + OWASP.supports("CICD-SEC-1"),
        ),
        Requirement(
            id="approvals",
            kind=AtLeast(),
            title="enough approvals are required before a merge",
            why="Code that nobody but its author has seen is the easiest way in for one stolen account.",
            notes=(
                "It is about the rule and not about what a change got, which `required-reviews` judges. A solo "
                "maintainer cannot meet it: a waiver with an end date says so, and the report keeps showing it."
            ),
            severity=Severity.HIGH,
            github=f"`Required approvals` of the rule `Require a pull request before merging`. {SEEN}",
            gitlab=(
                "An approval rule for the branch, and `Prevent editing approval rules in merge requests` (Premium; on "
                f"Free approvals are optional and enforce nothing). {READ_API}"
            ),
            source=RULES,
            references=SLSA.supports("two-party-review")
            + OSPS.supports("OSPS-QA-07.01")
            + CIS.supports("1.1.3", "2.3.4")
            + OWASP.supports("CICD-SEC-1"),
        ),
        Requirement(
            id="dismiss-stale-approvals",
            kind=Flag(),
            title="new commits withdraw earlier approvals",
            why="Otherwise a harmless change is approved first and something else is pushed to it afterwards.",
            notes=(
                "It is about the setting alone. Whether an approval covered the final head of what is built is "
                "`required-reviews/freshness`, which also holds where the setting is off."
            ),
            severity=Severity.HIGH,
            github=f"`Dismiss stale pull request approvals when new commits are pushed`. {SEEN}",
            gitlab=(
                "`Remove all approvals` when a commit is added, in the merge request approval settings (Premium). "
                f"{READ_API}"
            ),
            source=RULES,
            references=SLSA.supports("two-party-review") + CIS.satisfies("1.1.4"),
        ),
        Requirement(
            id="last-push-approval",
            kind=Flag(),
            title="whoever pushed last cannot be the one whose approval counts",
            why="A reviewer could push a last commit to somebody else's change and approve it alone.",
            notes=(
                "Where two people work on one change together, neither can give the approval that counts, and a "
                "third is needed."
            ),
            severity=Severity.HIGH,
            github=f"`Require approval of the most recent reviewable push`. {SEEN}",
            gitlab=(
                "`Prevent approvals by users who add commits`, in the merge request approval settings (Premium). "
                f"{READ_API}"
            ),
            source=RULES,
            references=SLSA.supports("two-party-review") + OSPS.supports("OSPS-QA-07.01"),
        ),
        Requirement(
            id="code-owner-review",
            kind=Flag(),
            title="code owners have to approve",
            why="Those who answer for a part of the code should see every change to it.",
            notes=(
                "Without a CODEOWNERS file, or for paths that nobody owns, the rule asks nothing of anybody, and "
                "this passes all the same. An app cannot be an owner on GitHub."
            ),
            severity=Severity.MEDIUM,
            github=f"`Require review from Code Owners`, with a CODEOWNERS file on the branch. {SEEN}",
            gitlab=f"`Require approval from code owners` on the protected branch (Premium). {READ_API}",
            source=RULES,
            references=CIS.satisfies("1.1.7"),
        ),
        Requirement(
            id="required-reviewers",
            kind=AllOf(example=Names(frozenset({"security"}))),
            title="the named teams have to review",
            gitlab_title="the named groups have to review",
            why=(
                "A rule that any approval satisfies does not bring the people who must see a change, such as a "
                "security team."
            ),
            notes=(
                "Rules name teams by number, and a job's token does not show their names: a name that it cannot "
                "look up is unknown and not missing, so write the number. A team that is only asked, with 0 "
                "approvals, does not count. Classic protection has no such setting."
            ),
            severity=Severity.MEDIUM,
            github=f"`Require review from specific teams` of the rule `Require a pull request before merging`. {SEEN}",
            gitlab=f"An approval rule for the branch that names the group (Premium). {READ_API}",
            source=RULES,
            references=CIS.supports("1.1.3"),
        ),
        Requirement(
            id="restricted-dismissal",
            kind=Flag(),
            title="only named people can dismiss a review",
            why="Whoever may dismiss a request for changes can silence the reviewer who asked for them.",
            notes=(
                "A request for changes that was dismissed is no longer open, so `required-reviews/no-rejection` "
                "passes then: this is the setting that says who may do that."
            ),
            severity=Severity.LOW,
            github=f"`Restrict who can dismiss pull request reviews`. {SEEN}",
            gitlab="Not applicable: on GitLab nobody can dismiss another one's approval or request for changes.",
            source=CLASSIC,
            references=CIS.satisfies("1.1.5"),
        ),
        Requirement(
            id="status-checks",
            kind=AllOf(example=Names(frozenset({"build", "test"}))),
            title="the named checks have to succeed before a merge",
            why="A check that is not required is advice. A rule with an empty list requires nothing at all.",
            notes=(
                "A required check that was skipped counts as successful on GitHub. Names are compared as the "
                "platform shows them: a job of a matrix is `test (3.12)` and not `test`. Whether anybody could "
                "report the name is `check-source`."
            ),
            severity=Severity.HIGH,
            github=f"Rule `Require status checks to pass`, with the names of the checks. {SEEN}",
            gitlab=(
                "`Pipelines must succeed`, with `Skipped pipelines are considered successful` off, counts as "
                f"`pipeline`; external status checks that block by their name (Ultimate). Jobs have none. {READ_API}"
            ),
            source=RULES,
            references=SLSA.supports("technical-controls")
            + OSPS.supports("OSPS-QA-03.01", "OSPS-QA-06.01")
            + CIS.satisfies("1.1.9"),
        ),
        Requirement(
            id="up-to-date",
            kind=Flag(),
            title="a change is tested together with the newest state of the branch",
            gitlab_title="a merge request is tested together with the newest state of the branch",
            why="Two changes that pass alone can break, or open a hole, together.",
            notes=(
                "GitHub ignores the setting where no check is required, so this fails there. A merge queue does "
                "the same by other means and does not count."
            ),
            severity=Severity.MEDIUM,
            github=f"`Require branches to be up to date before merging`. {SEEN}",
            gitlab=(
                "Merge method `Fast-forward merge` or `Merge commit with semi-linear history`, with `Pipelines must "
                f"succeed`. A merge train alone does not count, as `Merge immediately` goes around it. {READ_API}"
            ),
            source=RULES,
            references=CIS.satisfies("1.1.10"),
        ),
        Requirement(
            id="check-source",
            kind=Flag(),
            title="every required check is bound to the app that reports it",
            why=(
                "A check is known by its name alone otherwise, and every token that may write statuses can report "
                "success in that name."
            ),
            notes=(
                "All workflows of a repository share one app, GitHub Actions: binding a check to it keeps out "
                "other apps and tokens, and no other workflow."
            ),
            severity=Severity.MEDIUM,
            github=(
                "Choose the source app beside each required check, instead of `any source`. All workflows share the "
                f"app GitHub Actions. {SEEN}"
            ),
            gitlab=f"External status checks are bound to their service; a pipeline belongs to the project. {READ_API}",
            source=CLASSIC,
            references=SLSA.supports("technical-controls") + OSPS.supports("OSPS-QA-03.01"),
        ),
        Requirement(
            id="include-admins",
            kind=Flag(),
            title="the rules bind administrators too",
            why="An administrator's stolen session passes every rule in silence otherwise.",
            notes=(
                "A job's token does not show the bypass list of a ruleset, so this is unknown wherever one "
                "applies. Where no rule applies nobody is bound, and it fails."
            ),
            severity=Severity.HIGH,
            github=(
                "Classic: `Do not allow bypassing the above settings`. Ruleset: no administrator role in the bypass "
                f"list. {SEEN_BYPASS}"
            ),
            gitlab=(
                "Administrators have no exception of their own since GitLab 16.0; do not name them in a rule. "
                f"{READ_API}"
            ),
            source=CLASSIC,
            references=SLSA.supports("technical-controls") + CIS.satisfies("1.1.14") + OWASP.supports("CICD-SEC-1"),
        ),
        Requirement(
            id="no-bypass",
            kind=NoneBut(example=Names(frozenset({"Integration:12"}))),
            title="who may pass by the rules is limited",
            why="A rule that somebody may ignore holds only as long as that account, team, app or key does.",
            notes=(
                "Release bots are on many bypass lists: name those that may be (`Integration:12`). An entry that "
                "counts in pull requests only is an entry. A job's token does not show the list of a ruleset, so "
                "this is unknown wherever one applies."
            ),
            severity=Severity.HIGH,
            github=(
                "Empty the bypass list of every ruleset, or allow by name: `OrganizationAdmin`, `RepositoryRole:5`, "
                f"`Team:7`, `Integration:12`, `DeployKey`. {SEEN_BYPASS}"
            ),
            gitlab=(
                "No users, groups or deploy keys in the lists of the protected branch, or allow by number: `User:5`, "
                f"`Group:7`, `DeployKey:3`; `Role:Developer` may unprotect it. {READ_API}"
            ),
            source=RULESETS,
            references=SLSA.supports("technical-controls") + OWASP.supports("CICD-SEC-1"),
        ),
        Requirement(
            id="linear-history",
            kind=Flag(),
            title="merge commits are refused",
            why=(
                "A linear history has one reviewed commit after the other, without side branches in which something "
                "can hide."
            ),
            notes=(
                "Merging by squash or rebase makes new commits. Nothing is lost: `required-reviews` follows them "
                "to their change."
            ),
            severity=Severity.LOW,
            github=f"Rule `Require linear history`. {SEEN}",
            gitlab=f"Merge method `Fast-forward merge`. {READ_API}",
            source=RULES,
            references=CIS.satisfies("1.1.13"),
        ),
        Requirement(
            id="signed-commits",
            kind=Flag(),
            title="commits have to be signed",
            why="Name and e-mail of a commit are whatever its writer typed; only a signature ties it to a key.",
            notes=(
                "A signature by any known key is enough, and GitHub itself signs what is merged or edited in the "
                "browser: it does not say that its owner may push."
            ),
            severity=Severity.LOW,
            github=f"Rule `Require signed commits`. {SEEN}",
            gitlab=f"Push rule `Reject unsigned commits` (Premium), which a Maintainer's token shows. {READ_API}",
            source=RULES,
            references=CIS.satisfies("1.1.12") + OWASP.supports("CICD-SEC-9"),
        ),
        Requirement(
            id="resolved-conversations",
            kind=Flag(),
            title="review conversations have to be resolved before a merge",
            why="An unanswered objection is easily merged over.",
            notes=("Whoever may write can resolve a conversation, the author of the change included."),
            severity=Severity.LOW,
            github=f"`Require conversation resolution before merging`. {SEEN}",
            gitlab=f"`All threads must be resolved` in the merge request settings. {READ_API}",
            source=RULES,
            references=CIS.satisfies("1.1.11"),
        ),
        Requirement(
            id="restricted-push",
            kind=Flag(),
            title="only named actors can push directly",
            why=(
                "Everybody with write access may push otherwise, which is more people and tokens than anybody "
                "remembers."
            ),
            notes=(
                "A ruleset that asks for pull requests counts as well, as nobody pushes directly then. Classic "
                "protection that asks for reviews counts only where it binds administrators."
            ),
            severity=Severity.HIGH,
            github=f"Rule `Restrict updates`, or classic `Restrict who can push to matching branches`. {SEEN}",
            gitlab=f"`Allowed to push and merge` names no role below Maintainer. {FROM_18_3}",
            source=RULES,
            references=SLSA.supports("access-and-history") + CIS.supports("1.1.15"),
        ),
        Requirement(
            id="restricted-merge",
            kind=Flag(),
            title="only named actors can merge",
            why="Whoever may merge decides when a change ships.",
            notes=(
                "`Restrict updates` stops the merge button for everybody who is not on the bypass list. That is "
                "what it asks; those who want reviewed merges want `approvals`."
            ),
            severity=Severity.MEDIUM,
            github=(
                "Rule `Restrict updates`, or classic `Restrict who can push to matching branches`: merging is an "
                f"update too. {SEEN}"
            ),
            gitlab=f"`Allowed to merge` names no role below Maintainer. {FROM_18_3}",
            source=PROTECTED,
            references=SLSA.supports("access-and-history") + CIS.supports("1.1.15"),
        ),
        Requirement(
            id="restricted-creation",
            kind=Flag(),
            title="only named actors can create branches of this name",
            why="A name that deployments trust, such as `release/9`, must not be free for the taking.",
            notes=(
                "A branch that the policy lists by name and that does not exist fails, whatever rule waits for "
                "it: list a pattern. GitHub drops the classic setting silently where pushes are not restricted."
            ),
            severity=Severity.MEDIUM,
            github=f"Rule `Restrict creations`. {SEEN}",
            gitlab=(
                "A protected wildcard such as `release/*`: only those who are allowed to push can create a matching "
                f"branch. {FROM_18_3}"
            ),
            source=RULES,
            references=SLSA.supports("access-and-history"),
        ),
        Requirement(
            id="protected-tags",
            kind=AllOf(example=Names(frozenset({"v*"}))),
            title="tags of the named patterns can be neither moved nor deleted",
            why=(
                "Releases and actions are often used by their tag. Whoever moves it ships other code under the old "
                "name (CVE-2025-30066)."
            ),
            notes=(
                "Each pattern has to lie within one rule; several that cover it only together do not count. "
                "`Block force pushes` is not enough, because it lets a tag be moved forward. Patterns are those "
                "of `branches`, without `refs/tags/`."
            ),
            severity=Severity.HIGH,
            github=(
                "A tag ruleset with `Restrict updates` and `Restrict deletions` that covers the pattern. Every token "
                "shows it."
            ),
            gitlab=f"Settings, Repository, Protected tags ({GITLAB}/protected_tags/). {READ_API}",
            source="https://nvd.nist.gov/vuln/detail/CVE-2025-30066",
            references=SLSA.supports("access-and-history"),
        ),
    ),
)
