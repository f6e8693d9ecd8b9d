"""The one place where strangers' text is made harmless for the medium that it is told in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ci_guard import late

CUT: Final = "… (cut)"

NAME: Final = 200
"""Characters kept of a name, a table cell or a title."""

SENTENCE: Final = 1_000
"""Characters kept of a sentence."""

URL_LENGTH: Final = 2_000
"""Longer addresses are not linked; browsers and proxies cut them anyway."""

PATH_LENGTH: Final = 4_096
"""Longer paths are no files (`PATH_MAX` on Linux)."""

_BLANK = late.pattern(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0d\uffa0\U000e0100-\U000e01ef]"
    "|(?<![^\\x00-\\x7f])[\ufe0e\ufe0f]|(?<=[\ufe0e\ufe0f])[\ufe0e\ufe0f]"
)
"""
Letters and marks that show nothing; variation selectors, too, but for one behind a sign whose form it chooses.

Source: Unicode, "Default_Ignorable_Code_Point"; U+2800 is a letter of six empty dots.
"""

_COMMAND = late.pattern(r"^((?:\s|\x1b\[[0-9;]*m)*)::")
_COMMAND_LINE = late.pattern(r"^(\s*)::", re.MULTILINE)
_LEGACY_COMMAND = late.pattern(r"##(?=\w*\[)")
"""`##[error]` of GitHub and Azure Pipelines, `##vso[…]`, `##teamcity[…]`."""

_TOKEN = late.pattern(r"[A-Za-z0-9._/:+-]*")

_JOINT = late.pattern(r"@|#(?=\d)|:(?=/|(?:[0-9]*[a-z_+-][\w+-]*|100|1234):)|\bwww(?=\.)|\bgh-(?=\d)", re.IGNORECASE)
"""Where GitHub's filters hold on to after Markdown: mentions, issues, addresses, emoji short codes."""

_MARKUP: Final = "&<>\"'`|*_[](){}#~\\@!$^:\u200b"
_ENTITIES: Final[Mapping[int, str]] = {ord(character): f"&#{ord(character)};" for character in _MARKUP}
_TIME = late.pattern(r"(?<=[0-9])&#58;(?=[0-9])")
"""The colon of a time or a line's number, which can be read as it is: what it could open was told apart before."""
_OPENS = late.pattern(r"[ +=-]|[0-9]+(?![^.)])")
"""What opens a list, a heading or a block of code, besides markup; a number with other text behind it does not."""

_URL = late.pattern(
    r"(https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?)((?:[/?#].*)?)", re.IGNORECASE | re.DOTALL
)

_PLAIN_IN_PATH: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")

_PLAIN_IN_URL: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/?#=&;,%:@+")
"""RFC 3986 without what Markdown, a shell or a sentence would take for its own."""


def cut(text: str, limit: int) -> str:
    """Return the text, or as much of it as fits into `limit` characters with a mark that says so."""
    return text if len(text) <= limit else text[: max(0, limit - len(CUT))] + CUT


def visible(text: str, limit: int = SENTENCE) -> str:
    r"""
    Return the text on one line with nothing in it that a screen would obey or hide.

    Shape: line ends, controls (C0, C1, ESC), format characters (bidi, zero width, tags), lone surrogates, every space
    but the plain one, and letters and marks that show nothing become `\n`, `\x1b`, `\u202e`, `\udcff`; the result can
    be encoded in UTF-8 and has at most `limit` characters.
    Source: Unicode Technical Report 36, "Bidirectional Text Spoofing"; CVE-2021-42574.
    """
    text = cut(text, limit)
    if text.isprintable() and (text.isascii() or not _BLANK.search(text)):
        return text
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    return cut(_BLANK.sub(lambda blank: blank[0].encode("unicode_escape").decode("ascii"), shown), limit)


def plain(text: str, limit: int = SENTENCE) -> str:
    """Return the text visible and unable to hold a legacy command, for a part of a log line."""
    return _LEGACY_COMMAND.sub(r"#\\x23", visible(text, limit))


def log_line(text: str) -> str:
    """
    Return a whole line of output that no runner takes for a command.

    A line whose trimmed start is `::name` is a command, and `##[name]` is searched anywhere in it, so this is asked
    last, of the line as it is written: wrapping can move either to a new place.
    Source: `TryParseV2` and `TryParse` in actions/runner, src/Runner.Common/ActionCommand.cs.
    """
    return _COMMAND.sub(r"\1\\x3a:", _LEGACY_COMMAND.sub(r"#\\x23", text))


def command_data(text: str) -> str:
    """Escape a workflow command's message as the runner unescapes it (`_escapeDataMappings` in ActionCommand.cs)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def command_property(text: str) -> str:
    """Escape a workflow command's property as the runner unescapes it (`_escapePropertyMappings`)."""
    return command_data(text).replace(":", "%3A").replace(",", "%2C")


def json_text(document: str) -> str:
    """Return the same JSON with no legacy command in it: a runner reads whatever stands on standard output."""
    return _LEGACY_COMMAND.sub(r"#\\u0023", document)


def xml_text(document: str) -> str:
    """Return the same XML with no command in it, neither where a line begins nor a legacy one."""
    return _COMMAND_LINE.sub(r"\1&#58;:", _LEGACY_COMMAND.sub("#&#35;", document))


def markdown(text: str, limit: int = SENTENCE) -> str:
    """
    Return the text for GitHub's Markdown, where it stays text: in a paragraph, a list, a table cell, within `<code>`.

    Entities keep Markdown and HTML from reading it. Mentions, issue numbers and addresses are found after entities were
    resolved, so a zero-width space follows what they begin with. Within backticks entities would be shown: use `code`.
    Source: github/cmark-gfm issue 181; `postprocess_text` in cmark-gfm's extensions/autolink.c.
    """
    escaped = _JOINT.sub("\\g<0>\u200b", visible(text, limit)).translate(_ENTITIES)
    escaped = _TIME.sub(":", escaped)
    if _OPENS.match(escaped):
        return f"&#{ord(escaped[0])};{escaped[1:]}"
    return escaped


def code(text: str, limit: int = NAME) -> str:
    """Return the text set as code in GitHub's Markdown; nothing for no text."""
    return f"<code>{markdown(text, limit)}</code>" if text else ""


def url(text: str) -> str:
    """Return an http(s) address with everything unusual percent-encoded; nothing for others or with a user part."""
    match = _URL.fullmatch(text)
    if match is None or len(text) > URL_LENGTH:
        return ""
    rest = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", match[2]).encode("utf-8", "replace")
    return match[1] + "".join(chr(byte) if byte in _PLAIN_IN_URL else f"%{byte:02X}" for byte in rest)


def markdown_link(label: str, address: str) -> str:
    """Return a link in Markdown, or the label alone where the address cannot be linked."""
    target = url(address)
    return f"[{markdown(label, NAME)}]({target.replace('&', '&amp;')})" if target else markdown(label, NAME)


def uri_path(path: str) -> str:
    r"""
    Return a path of the repository as a relative URI, byte by byte: a name in another encoding keeps its bytes.

    Shape: unreserved characters and `/` as they are, the rest percent-encoded, so that no part can be taken for a
    scheme, a host, a query or a fragment; of a longer path than any file system has, the beginning.
    Source: RFC 3986, sections 2.3 and 4.2; `surrogateescape` in PEP 383.
    """
    encoded = "".join(sign if sign in _PLAIN_IN_PATH else percent(sign) for sign in path[:PATH_LENGTH])
    return f"%2F{encoded[1:]}" if encoded.startswith("/") else encoded


def percent(sign: str) -> str:
    """Return the bytes of a character in percent-encoding, also of one that stands for a byte or is half of a pair."""
    stands_for_a_byte = "\udc80" <= sign <= "\udcff"
    return "".join(
        f"%{byte:02X}" for byte in sign.encode("utf-8", "surrogateescape" if stands_for_a_byte else "surrogatepass")
    )


def sarif_message(text: str, limit: int = SENTENCE) -> str:
    """
    Return the text as one line of a message in SARIF, where it is neither a link nor a place for an argument.

    Source: SARIF 2.1.0, sections 3.11.5 (placeholders) and 3.11.6 (messages with embedded links).
    """
    return visible(text, limit).replace("{", "{{").replace("}", "}}").replace("](", "] (")


def unheard(lines: str, token: str) -> str:
    """
    Return whole lines of a log between the commands that make GitHub's runner deaf to what stands in them.

    Shape: nothing for nothing; `token` must be random and used once, because whoever knows it can end the deafness.
    Raises: `ValueError` where the token stands in the lines.
    Source: "Workflow commands", stopping and starting workflow commands.
    """
    if token in lines:
        raise ValueError("the token that ends the deafness stands in the text")
    end = "" if lines.endswith("\n") else "\n"
    return f"::stop-commands::{token}\n{lines}{end}::{token}::\n" if lines else ""


def output_value(name: str, value: str, delimiter: str) -> str:
    """
    Return one output for the file `GITHUB_OUTPUT`.

    Shape: `name=value` where the value is a plain token, else between lines with the delimiter, which must be random.
    Raises: `ValueError` where the value holds the delimiter.
    Source: "Workflow commands", multiline strings.
    """
    value = value.encode("utf-8", "backslashreplace").decode("utf-8")
    if _TOKEN.fullmatch(value):
        return f"{name}={value}\n"
    if delimiter in value:
        raise ValueError("the delimiter of an output stands in its value")
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"
