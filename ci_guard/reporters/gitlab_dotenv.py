"""GitLab's dotenv report: the verdict as variables of later jobs."""

from __future__ import annotations

from ci_guard.model.decision import Result
from ci_guard.model.judgement import Outcome
from ci_guard.reporters import telling


def render(result: Result) -> str:
    """
    Return the verdict as variables for later jobs: for people and messages, never to decide by.

    Shape: `CI_GUARD_VERDICT`, `CI_GUARD_EXIT_CODE`, `CI_GUARD_FAILED`, `CI_GUARD_UNKNOWN`; words and numbers of ours
    alone. A pipeline variable of the same name wins over them, so a job that must not run needs the guard's job.
    Source: GitLab, "artifacts:reports:dotenv"; "CI/CD variable precedence".
    """
    unwaived = telling.unwaived(result)
    values = {
        "CI_GUARD_VERDICT": result.decision.verdict.value,
        "CI_GUARD_EXIT_CODE": str(result.decision.exit_code),
        "CI_GUARD_FAILED": str(unwaived[Outcome.FAIL]),
        "CI_GUARD_UNKNOWN": str(unwaived[Outcome.UNKNOWN]),
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())
