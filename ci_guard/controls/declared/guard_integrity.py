"""The words of `guard-integrity`: every requirement, its reason and how each platform satisfies it."""

from __future__ import annotations

from typing import Final

from ci_guard.controls.frameworks import CIS, OWASP
from ci_guard.model.judgement import Severity
from ci_guard.model.kinds import Flag
from ci_guard.model.meta import Meta, Requirement

META: Final = Meta(
    id="guard-integrity",
    title="Guard integrity",
    summary="Can whoever is judged change the policy, the guard or what listens to it?",
    requirements=(
        Requirement(
            id="policy-source",
            kind=Flag(),
            title="every layer of the policy is trusted and pinned",
            why=(
                "A policy that comes with the commit which it judges is decoration: whoever pushes the commit has "
                "written the rules too."
            ),
            notes=(
                "Built-in profiles and policies by immutable reference are pinned. The repository's own file is read "
                "at the target of a change, which the change cannot edit; on every other event it is the judged "
                "commit's own, and counts only above a pinned floor, which it cannot loosen. A file that `--policy` "
                "names is trusted by whoever calls, and nothing shows that it is the one that was meant."
            ),
            severity=Severity.HIGH,
            github=(
                "Put an organisation's policy, by immutable reference, below the repository's own, where the "
                "repository cannot drop it: in a required workflow. No permission is needed."
            ),
            gitlab=(
                "Put an organisation's policy, by immutable reference, below the project's own, where the project "
                "cannot drop it: in a pipeline execution policy. No permission is needed."
            ),
            source="https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-04-Poisoned-Pipeline-Execution",
            references=(*CIS.supports("2.3.5"), *OWASP.supports("CICD-SEC-4")),
        ),
        Requirement(
            id="policy-unchanged",
            kind=Flag(),
            title="the change edits neither policy, pipeline, suppressions nor code owners",
            why=(
                "Whoever may change the rules together with the code gets both past one reviewer, who looks at the "
                "code. Rules are changed in a change of their own, which is seen."
            ),
            notes=(
                "It names each path: the policy, `.github/workflows` and `.github/actions`, `.gitlab-ci.yml` and what "
                "lies below `.gitlab`, what suppresses findings, and `CODEOWNERS`. It fails in the change that "
                "edits them on purpose too: waive it there for a day, or judge it beside the review of their code "
                "owners. An event that brings no change is not judged."
            ),
            severity=Severity.HIGH,
            github=(
                "Merge edits of these files in a pull request of their own, which their code owners review. Changed "
                "paths take `pull-requests: read` in a change and `contents: read` on a push."
            ),
            gitlab=(
                "Merge edits of these files in a merge request of their own, which their code owners review. Changed "
                "paths take a clone with both ends (`GIT_DEPTH: 0`), or `read_api` in `CI_GUARD_TOKEN`."
            ),
            source="https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-04-Poisoned-Pipeline-Execution",
            references=(*CIS.supports("2.3.5"), *OWASP.supports("CICD-SEC-1", "CICD-SEC-4")),
        ),
    ),
)
