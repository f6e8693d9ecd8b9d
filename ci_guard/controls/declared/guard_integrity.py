"""The words of `guard-integrity`: every requirement, its reason and how each platform satisfies it."""

from __future__ import annotations

from typing import Final

from ci_guard.controls.cited import CIS, OWASP
from ci_guard.model.judgement import Severity
from ci_guard.model.kinds import Flag, Names, NoneBut
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
                "at the target of a change, which the change cannot edit; on a push, the one from before it has to "
                "allow the run beside the commit's own, by the server's word about where the push started; on every "
                "other event that of the default branch, or of the one that the organisation names. Above a pinned "
                "floor it counts in any case. A loosening that somebody pushes although its own run is denied counts "
                "only once a run of the same pipeline has let it in: back to there each policy has to allow the run. "
                "That is trust in the pipeline's file: whoever may edit it too can let such a run succeed without "
                "the guard, and a change is judged by what stands at its target, however it came there. A floor, "
                "`policy-unchanged` and `enforced` prevent both. A file that `--policy` names is trusted by whoever "
                "calls, and nothing shows that it is the one that was meant."
            ),
            severity=Severity.HIGH,
            github=(
                "Put an organisation's policy, by immutable reference, below the repository's own, where the "
                "repository cannot drop it: in a required workflow. A push takes `contents: read` and "
                "`actions: read`."
            ),
            gitlab=(
                "Put an organisation's policy, by immutable reference, below the project's own, where the project "
                "cannot drop it: in a pipeline execution policy. Without one it takes `read_api` in "
                "`CI_GUARD_TOKEN` to see where a push started and which pipelines succeeded."
            ),
            source="https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-04-Poisoned-Pipeline-Execution",
            references=CIS.supports("2.3.5") + OWASP.supports("CICD-SEC-4"),
        ),
        Requirement(
            id="policy-unchanged",
            kind=NoneBut(example=Names(frozenset({"security"}))),
            beside="roles: [{name: security, teams: [acme/security], groups: [acme/security]}]",
            title="the change edits neither policy, pipeline, suppressions nor code owners",
            why=(
                "Whoever may change the rules together with the code gets both past one reviewer, who looks at the "
                "code. Rules are changed in a change of their own, which is seen."
            ),
            notes=(
                "It names each path: the policy, `.github/workflows` and `.github/actions`, `.gitlab-ci.yml`, what "
                "suppresses findings, the file of the policy's `baseline`, and `CODEOWNERS`; and what the pipelines "
                "of the judged commit are made of: on GitHub every action of the repository that a workflow uses, or "
                "that such an action uses; on GitLab the file that the project's settings name, what it and its child "
                "pipelines include of the project, with wildcards, and by way of other projects where the token reads "
                "those. What cannot be followed, such as an include with a variable, is unknown. Scripts that a step "
                "calls are code, and not followed. `true` fails every edit, also one on purpose: waive that for a "
                "day. A list names roles: an approval by somebody of one of them passes, of the head, by a person who "
                "is neither author nor contributor of the change, given before its merge, as `required-reviews` "
                "counts them; whoever approves later has the job run again. A push has to consist of approved changes "
                "alone. An event that brings no change is not judged."
            ),
            severity=Severity.HIGH,
            github=(
                "Merge edits of these files in a pull request of their own, which their code owners review. Changed "
                "paths and reviews take `pull-requests: read`, files and pushes `contents: read`, teams "
                "`members: read` of the organisation."
            ),
            gitlab=(
                "Merge edits of these files in a merge request of their own, which their code owners review. Changed "
                "paths take a clone with both ends (`GIT_DEPTH: 0`), or `read_api` in `CI_GUARD_TOKEN`, and so do "
                "includes of other projects, approvals and groups."
            ),
            source="https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-04-Poisoned-Pipeline-Execution",
            references=CIS.supports("2.3.5") + OWASP.supports("CICD-SEC-1", "CICD-SEC-4"),
        ),
        Requirement(
            id="enforced",
            kind=Flag(),
            title="something outside of the repository makes sure that the guard runs",
            why=(
                "Whoever may push a branch may push one whose pipeline has no guard. Only what they cannot edit makes "
                "sure that it ran."
            ),
            notes=(
                "A workflow that a ruleset requires counts where it is the one of this run, and is held in another "
                "repository or pinned to a commit; or where it is held in another repository that the token may read, "
                "and nothing in it weakens the guard that it runs. A required check counts where it is named after "
                "ci-guard and bound to an app other than GitHub Actions, whose checks every workflow can report. On "
                "GitLab it counts that the job stands in the stage `.pipeline-policy-pre`, which only policies fill, "
                "or that the pipeline's file lies in another project. Who may pass the ruleset is the matter of "
                "`no-bypass`."
            ),
            severity=Severity.CRITICAL,
            github=(
                "Let a ruleset of the organisation require the workflow that runs ci-guard. Rulesets are shown to "
                "every token; classic protection takes `administration: read`, and a required workflow `contents: "
                "read` of the repository that holds it."
            ),
            gitlab=(
                "Let a pipeline execution policy put the job into `.pipeline-policy-pre`, or name a CI/CD "
                "configuration file in another project. An ID token names the file; else it takes `read_api` in "
                "`CI_GUARD_TOKEN`."
            ),
            source="https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets#require-workflows-to-pass-before-merging",
            references=CIS.supports("2.3.5") + OWASP.supports("CICD-SEC-1", "CICD-SEC-4"),
        ),
        Requirement(
            id="not-weakened",
            kind=Flag(),
            title="nothing in the pipeline's file takes the guard's verdict away",
            why=(
                "A guard whose failure is tolerated, that is skipped, or that the deployment does not wait for, is "
                "green and stops nothing."
            ),
            notes=(
                "It reads the file of the run's own commit and what results of it: on GitHub with the reusable "
                "workflows and composite actions of the repository that it calls, and a workflow that a ruleset "
                "requires where it is held; on GitLab with includes, `extends`, `!reference`, `default:` and child "
                "pipelines, of other projects too where the token reads them. Of the guard: `continue-on-error`, `if` "
                "on the step or job, `needs` without `if: always()` (on GitHub a job is skipped where one that it "
                "needs fails, and a required check that was skipped counts as passed), what hides the exit code "
                "(`||`, `;`, a pipe, a construct around the command such as `if`, `set +e` or `-n`, `exit` or `trap` "
                "before it, another shell than `bash` or `sh`, a variable such as `BASH_ENV` or `PATH` that starts "
                "other code), `background` on its step, an output `verdict` that is not the guard's own, "
                "`allow_failure`, `when: never` or `manual`, rules of which none always applies, a job of the "
                "same name, and a reference to ci-guard that is no commit, or starts another one than it names (an "
                "address counts for its commit where it is GitHub's, GitLab.com's or this server's, and with "
                "`integrity` elsewhere). Of jobs with an `environment` it asks that they need the guard or stand in a "
                "later stage, and that is the job in which this ci-guard runs, as another may ask less; that a guard "
                "of their own goes before all else that they do; that they do not run on `always()`, `failure()`, "
                "`!cancelled()` or an alternative to `success()` without `needs.<guard>.outputs.verdict == 'allow'`, "
                "or the `success` of the guard or of a job that it needs and that itself waits for the guard; and that "
                "they check out no branch by its name and nothing that an input names. A workflow of another "
                "repository may deploy, or on GitLab the pipeline of another project, and is unknown where it does "
                "not wait for the guard. It is no shell: a command in a construct counts as hidden whatever the "
                "construct does, and a script of your own that calls ci-guard, one that is sourced, what `PATH` leads "
                "to, a command that a variable holds and the image of the job are not looked into. What was not read, "
                "such as an include of another server, is unknown, and so is what inputs of an include fill in. "
                "Whoever edits the file for one run is seen in that run "
                "only: `enforced` asks what they cannot edit."
            ),
            severity=Severity.CRITICAL,
            github=(
                "Give the guard a job of its own without conditions, and every job that deploys `needs: guard` without "
                "a condition of its own, or with `if: always() && needs.guard.outputs.verdict == 'allow'`. Takes "
                "`actions: read` and `contents: read`, also of the repository that holds a required workflow."
            ),
            gitlab=(
                "Include the template by commit, define no job of its name, and let every job that deploys name it in "
                "`needs` or leave `needs` and `when` out. Takes the checkout, or a job token that reads it, "
                "and `read_api` in `CI_GUARD_TOKEN` for what other projects hold."
            ),
            source="https://docs.github.com/actions/reference/workflows-and-actions/expressions#status-check-functions",
            references=CIS.supports("2.3.5") + OWASP.supports("CICD-SEC-1", "CICD-SEC-4"),
        ),
        Requirement(
            id="version",
            kind=NoneBut(example=Names(frozenset({"1.0.0"}))),
            title="the version of ci-guard is one that is allowed",
            why="An old guard does not know what a newer one denies, and a re-run of an old run brings the old guard.",
            notes=(
                "List releases (`1.0.0`) or commits; `true` allows none. A commit is proven as far as the pipeline's "
                "file, by git or the server, pins it in `uses` or `include`, and denied where the program says another "
                "one, or a checkout of ci-guard holds other files than its commit. Which release it is, and its commit "
                "where a script starts it, is the program's own word, and the judgement says so: a checkout counts as "
                "a release only where the tag of that version names its commit. A digest that the program took of its "
                "own files would be its word as well: one that was replaced says what it likes, and only what starts "
                "it can prevent that. So to have a release proven, list its commit here and pin that commit in the "
                "pipeline's file ([how to find and verify it](../release.md))."
            ),
            severity=Severity.MEDIUM,
            github="Pin the action to the commit of an allowed release. Takes `actions: read` and `contents: read`.",
            gitlab=(
                "Give the template's `commit` the commit of an allowed release. Takes the checkout, or a job token "
                "that reads the repository."
            ),
            source="https://docs.github.com/actions/reference/security/secure-use#using-third-party-actions",
            references=OWASP.supports("CICD-SEC-4"),
        ),
        Requirement(
            id="clean-environment",
            kind=Flag(),
            title="nothing that steers programs, connections or trust was set before ci-guard started",
            why=(
                "An earlier step that sets a proxy with a certificate, or code for the next shell, shares the guard's "
                "job and may do more than that."
            ),
            notes=(
                "It names variables, never values: `LD_*`, `BASH_ENV`, `PYTHON*`, proxies, certificates, git's "
                "configuration, and `PATH` where a folder of the workspace, the home or the runner's temporary files, "
                "or a relative one, stands before the system's; what the images of hosted runners put there, and the "
                "tool cache, does not count. ci-guard hears none of them "
                "([what it runs on](../github.md#what-it-runs-on)), and the action and the templates take most of them "
                "away and put the system's folders first before it starts, so that it sees proxies and certificates "
                "there, and all of them where a script of your own calls it. A pass proves that these "
                "names were not set when ci-guard started, and not that no earlier step did harm. A runner behind a "
                "proxy fails it honestly: leave it out there."
            ),
            severity=Severity.LOW,
            github="Run the guard as the first step of a job of its own. No permission is needed.",
            gitlab="Run the guard in `.pre`, and let nobody set pipeline variables. No permission is needed.",
            source="https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#setting-an-environment-variable",
            references=OWASP.supports("CICD-SEC-4"),
        ),
        Requirement(
            id="proven-environment",
            kind=Flag(),
            title="the environment that is named is the one that the job's ID token proves",
            why=(
                "Contexts and admission tables ask for more where production is deployed to. What names the "
                "environment is an option that the pipeline's author writes, and another name asks for less."
            ),
            notes=(
                "Everything that names an environment has to agree with the verified ID token of the guard's own job, "
                "in any letter case: `--environment` or the input, and the event file of a deployment. A name for a "
                "job without an environment fails, so the guard has to stand in the job that has it. Without a token "
                "it is unknown. In a context (`when: {environment: [production]}`) only jobs that name production "
                "have to prove it, and one that names nothing and may ask for no token escapes the context. Asked for "
                "everywhere it leaves nobody out, and every job of the guard on GitHub needs the permission: a job "
                "that may ask for ID tokens may ask for cloud credentials, too, and pull requests from forks are "
                "never granted it."
            ),
            severity=Severity.HIGH,
            github=(
                "Give the job `environment` and the permission `id-token: write`, and name the same environment in the "
                "input, or none. Takes `actions: read`, too, by which the token is bound to the run."
            ),
            gitlab=(
                "Run ci-guard in the job that deploys, with its `environment`, an ID token in `CI_GUARD_ID_TOKEN` and "
                "`--audience`. The template's own job has no environment: there leave the name out."
            ),
            source="https://docs.github.com/actions/reference/security/oidc",
            references=OWASP.supports("CICD-SEC-1"),
        ),
    ),
)
