"""The audit report as Markdown and as one HTML page that needs nothing beside itself."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Final

from ci_guard.audit.sections import VERDICTS, Section, sections, title_of
from ci_guard.audit.summary import Summary
from ci_guard.reporters import escape

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing is loaded and nothing runs, whatever the page holds (Content Security Policy Level 3)."""

STYLE: Final = """
:root{color-scheme:light dark}
body{font:14px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem;border-bottom:1px solid #8884;overflow-wrap:anywhere}
th{white-space:nowrap}
.whole{white-space:nowrap}
.scroll{overflow-x:auto}
.bar{display:flex;height:1rem;min-width:10rem}
.bar i{display:block}
.allow{background:#2da44e}.deny{background:#cf222e}.undecided{background:#bf8700}.error{background:#8250df}
"""

WHOLE: Final = 24
"""Characters up to which a cell is not broken, as a time has; a login in two lines is read as another one."""


def markdown(summary: Summary) -> str:
    """Return the report in Markdown; strangers' text stays text, as in every report."""
    lines = [f"# {escape.markdown(title_of(summary))}", ""]
    for section in sections(summary):
        lines += [f"## {section.title}", "", escape.markdown(section.words), ""]
        if section.rows:
            lines.append("| " + " | ".join(section.columns) + " |")
            lines.append("| " + " | ".join("---" for _ in section.columns) + " |")
            lines += ["| " + " | ".join(map(cell, row)) + " |" for row in section.rows]
            lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def cell(said: str) -> str:
    """Return a cell of a table; a number alone, which opens no list there, stays one for whoever reads the source."""
    return said if said.isascii() and said.isdecimal() else escape.markdown(said)


def page(summary: Summary) -> str:
    """Return the report as one HTML page: no script, no link to a stranger's address, nothing loaded."""
    title = text(title_of(summary))
    body = "\n".join(part for section in sections(summary) for part in block(section))
    return escape.xml_text(
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )


def block(section: Section) -> Iterator[str]:
    """Yield a section; verdicts by day have a bar each."""
    yield f"<section>\n<h2>{text(section.title)}</h2>\n<p>{text(section.words)}</p>"
    if section.rows:
        barred = section.columns[1:] == VERDICTS
        heads = "".join(f"<th scope=col>{text(each)}</th>" for each in (*section.columns, *(("",) if barred else ())))
        yield f"<div class=scroll><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>"
        for row in section.rows:
            cells = "".join(f"<td{'' if len(each) > WHOLE else ' class=whole'}>{text(each)}</td>" for each in row)
            yield f"<tr>{cells}{bar(row) if barred else ''}</tr>"
        yield "</tbody></table></div>"
    yield "</section>"


def bar(row: tuple[str, ...]) -> str:
    """Return a cell with the shares of the verdicts of a day."""
    counts = [int(each) for each in row[1:]]
    whole = sum(counts) or 1
    parts = "".join(
        f'<i class={verdict} style="width:{count * 100 / whole:.1f}%"></i>'
        for verdict, count in zip(VERDICTS, counts, strict=True)
        if count
    )
    return f"<td><div class=bar>{parts}</div></td>"


def text(value: str) -> str:
    """Return a text for HTML: visible, cut, and nothing but text."""
    return html.escape(escape.visible(value), quote=True)
