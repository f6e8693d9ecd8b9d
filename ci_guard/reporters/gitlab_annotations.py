"""GitLab's annotations report: links on the page of the job."""

from __future__ import annotations

import json
from typing import Final

from ci_guard.model.decision import Result
from ci_guard.reporters import escape, telling

LINKS: Final = 10
LABEL: Final = 100
"""Characters kept of a label, which the page sets on one line."""


def render(result: Result) -> str:
    """
    Return the annotations report: links to the settings that would end the denials, then to what is asked.

    Shape: one section of `external_link`s, each address once, at most ten; ASCII JSON.
    Source: GitLab, "artifacts:reports:annotations" (every tier, 16.3 and later).
    """
    links: dict[str, str] = {}
    denials = [each for each in telling.worst_first(result.decision.rulings) if telling.standing(each).denies]
    for ruling in denials:
        judgement = ruling.judgement
        about = " · ".join(part for part in (judgement.requirement, judgement.subject) if part)
        address = escape.url(judgement.remedy_url)
        if address:
            links.setdefault(address, f"Change: {about}")
    for ruling in denials:
        for line in telling.sentences(ruling, result):
            if line.label == "More":
                links.setdefault(escape.url(line.url), f"Why: {telling.name(ruling)}")
    shown = [
        {"external_link": {"label": escape.visible(label, LABEL), "url": address}}
        for address, label in list(links.items())[:LINKS]
        if address
    ]
    return escape.json_text(json.dumps({"ci-guard": shown}, ensure_ascii=True, indent=1)) + "\n"
