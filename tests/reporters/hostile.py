"""What strangers write to break out of a text: one corpus for every reporter, and results that carry it everywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ci_guard.model.decision import Failure, PolicySummary, Result, Ruling, Waived
from ci_guard.model.fact import Known, Source
from ci_guard.model.glass import Asked, Broken, By, Unreviewed
from ci_guard.model.judgement import Location
from ci_guard.model.run import ChangeReference
from ci_guard.model.scan import Gap, GapKind, Skipped
from ci_guard.model.settings import Mode
from tests.reporters import sample

CORPUS: Final[dict[str, str]] = {
    "line end": "main\n::error title=x::owned",
    "carriage return": "main\r::set-output name=verdict::allow",
    "only a command": "::stop-commands::token",
    "command behind spaces": " \t\u3000::add-mask::main",
    "percent": "100%0A::error::x%25%0D",
    "property": "x,file=/etc/passwd,line=1::y",
    "legacy command": "##[add-mask]main ##[error]x ###[group]y",
    "other servers' commands": "##vso[task.setvariable variable=a]b ##teamcity[buildStatus text='x']",
    "section marker": "section_start:1:x[collapsed=true]\r\x1b[0Khello",
    "colour": "\x1b[31mred\x1b[0m \x9b31m",
    "clear screen": "\x1b[2J\x1b[H\x1bcgone",
    "window title and clipboard": "\x1b]0;title\x07\x1b]52;c;cHduZWQ=\x07",
    "hyperlink": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "back over": "pass\b\b\b\bfail\x7f\x00",
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "open comment": "<!-- the rest is gone",
    "open instruction": "<?php the rest is gone",
    "open block": "<details open hidden",
    "closing tags": "</code></details></td></table><h1>Allowed</h1><!--",
    "entities": "&lt;b&gt; &#64;octocat &amp;",
    "cdata": "]]><![CDATA[ ?><?php",
    "link": "[click](https://evil.example) ![i](https://evil.example/i.png) <https://evil.example> [a][b]",
    "reference": "[b]: https://evil.example 'x'",
    "bare address": "https://evil.example www.evil.example ftp://evil.example HTTP://EVIL.EXAMPLE xmpp:a@b.example",
    "mail": "mallory@evil.example mailto:mallory@evil.example",
    "mention": "@octocat @acme/owners cc:@octocat",
    "issue": "#1 acme/app#2 GH-3 acme/app@1a2b3c4d",
    "short codes": ":shipit: :+1: :100: :white_check_mark:",
    "table": "| a | b |\n| --- | --- |\n| c | d | \\|",
    "code span": "`code` ``code`` ```\nfence\n```",
    "emphasis": "**bold** __bold__ *i* _i_ ~~gone~~",
    "heading": "# Allowed",
    "setext": "Allowed\n===",
    "list": "- [x] done",
    "ordered list": "1. one",
    "rule": "---",
    "quote": "> [!NOTE]\n> hello",
    "indented": "    code",
    "mathematics": "$\\alpha$ $$x$$ \\(y\\)",
    "footnote": "[^1] [^1]: x",
    "backslash": "\\\\ \\n \\",
    "bidi": "\u202egpj.exe\u202c \u2066x\u2069 \u200f",
    "zero width": "ma\u200bin \ufeff \u2060 \u00ad \U000e0041",
    "separators": "a\u2028::error::x\u2029b\x85::error::y\x0b::error::z\x0c",
    "surrogates": "\udcff\ud800 \udc00",
    "spaces": "\u00a0\u2003 x",
    "expression": "${{ secrets.TOKEN }} $(id) `id` ; rm -rf / #",
    "heredoc": "x\nEOF\nverdict=allow\nend",
    "assignment": "verdict=allow<<EOF",
    "long": "A" * 200_000,  # ten times in a report, it would be longer than a page may be
    "long and hostile": "\n::error::<b>@a|\x1b[31m\u202e" * 10_000,
    "placeholder": "{0} {{1}} }{ {",
    "no XML": "\ufffe\uffff \x0b &#0; &#xD800; \x1e",
    "no path": "//evil.example/../a:b?c#d%2e\\e",
    "empty": "",
    "quotes": "\"'\"'",
}

ADDRESSES: Final = (
    "javascript:alert(1)",
    "data:text/html,<script>",
    "https://user:" + "password@evil.example/",
    "https://evil.example\\@github.com",
    "https://",
    "//evil.example",
    "https://exa mple/",
    "https://ev\u0456l.example/",
    "https://x/" + "a" * 3_000,
    "",
)
"""What may never become a link."""


def dressed(result: Result, text: str, url: str = "") -> Result:
    """Return the same result with the text wherever strangers' words can come to stand."""
    policy = result.policy
    scan = result.scan
    failure = result.failure
    return replace(
        result,
        decision=replace(
            result.decision,
            reason=text,
            notes=(text,),
            break_glass=Broken(
                by=By.LABEL,
                who=text,
                how=text,
                at=sample.TIME,
                until=sample.TIME,
                place=text,
                covers=frozenset({text}),
                reason=text,
                asked=Asked(text=text, source=Source.EVENT),
            ),
            unreviewed=tuple(
                Unreviewed(
                    by=by, reference=text, url=url or text, who=text, at=sample.TIME, passed_at=sample.TIME, why=text
                )
                for by in By
            ),
            rulings=tuple(dressed_ruling(ruling, text, url or text) for ruling in result.decision.rulings),
        ),
        not_judged=dict.fromkeys(result.not_judged, text),
        run=replace(
            sample.RUN,
            repository=text,
            platform_event=text,
            ref=Known(value=text, source=Source.API),
            sha=Known(value=text, source=Source.API),
            change=Known(value=ChangeReference(number=1, head=text, target=text), source=Source.EVENT),
            actor=text,
            triggering_actor=text,
            environment=text,
            notes=(text,),
        ),
        policy=policy and PolicySummary(source=text, sha256=policy.sha256, mode=Mode.ENFORCE, layers=(text,)),
        scan=scan
        and replace(
            scan,
            sources=(text,),
            skipped=(Skipped(path=text, reason=text),),
            gaps=(Gap(kind=GapKind.NOTE, code="x", message=text),),
            suppressed=tuple(
                replace(
                    one,
                    finding=replace(one.finding, rule=text, location=replace(one.finding.location, path=text)),
                    place=text,
                    reason=text,
                )
                for one in scan.suppressed
            ),
            remarks=(text,),
        ),
        failure=failure and Failure(message=text, hint=text, fault_of_ci_guard=failure.fault_of_ci_guard),
        transport=(text,),
    )


def dressed_ruling(ruling: Ruling, text: str, url: str) -> Ruling:
    """Return the same ruling in a stranger's words."""
    judgement = ruling.judgement
    location = judgement.location
    return replace(
        ruling,
        said_by=text,
        waived=ruling.waived
        and Waived(reason=text, until=ruling.waived.until, owner=text, ticket=text, approved_by=text),
        judgement=replace(
            judgement,
            subject=text,
            message=text,
            observed=text,
            expected=f"{text}!",  # so that the message is more than the two together and is told
            detail=text,
            remedy=text,
            remedy_url=url,
            location=location and Location(path=text, line=location.line, column=location.column, commit=text),
        ),
    )
