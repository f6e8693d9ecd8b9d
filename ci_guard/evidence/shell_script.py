"""A shell script as its commands, as far as where one stands decides whether its failure ends the script."""

from __future__ import annotations

import re
from typing import Final

from ci_guard.rows import NamedTuple

OPENS: Final = {"if": "fi", "while": "done", "until": "done", "for": "done", "select": "done", "case": "esac"}
"""
Words that begin a construct, with those that end it.

Source: POSIX, "Shell Command Language", "Compound Commands".
"""
GOES_ON: Final = frozenset({"then", "do", "else", "elif"})
"""Words behind which a command begins anew."""

PIPES: Final = frozenset({"|", "|&"})

_BLANK: Final = re.compile(r"(?:[ \t\r]|\\\r?\n)+")
_COMMENT: Final = re.compile(r"#[^\n]*")
_END: Final = re.compile(r"\|\||&&|;;&?|;&|\|&|[|;&\n]")
_REDIRECT: Final = re.compile(r"[0-9]*(?:&>>?|<<<|[<>]&|>\||<>|>>|[<>])")
_HERE: Final = re.compile(r"[0-9]*<<(-?)[ \t]*('[^'\n]*'|\"[^\"\n]*\"|[^\s;&|<>()]+)")
_PART: Final = re.compile(r"'[^']*(?:'|$)|\\(?s:.)|[^\s;&|<>()'\"\\$`]+")
_CASES: Final = re.compile(r"\b(?:case|esac)\b")
"""What has brackets that close without one that opens."""
_NAME: Final = re.compile(r"[A-Za-z_][\w.-]*")

DEEPEST: Final = 50
"""Substitutions in one another that are followed; behind more of them the rest is one word."""


class Command(NamedTuple):
    """A command with what it stands among."""

    words: tuple[str, ...]
    """As they are written, with quotes; redirections are none. Words that only open or go on with a construct are left
    out."""
    before: str
    """What stands between the one before and this: `||`, `&&`, `|`, `;`, a line end, or empty for none."""
    after: str
    within: str
    """The innermost construct around it, such as `if` or `{`; of a function `name()`. Empty for none."""
    negated: bool
    """Whether `!` stands before its pipeline."""


UNREAD: Final = Command(("",), "\n", "", "", False)
"""Stands for all that follows where only a shell can tell what does."""


def commands(script: str) -> list[Command]:
    """Return the commands of a script in their order, `UNREAD` last where it was left; whatever it is, never raises."""
    return _Reader(script).read()


def plain(word: str) -> str:
    """Return a word as it is without its quotes."""
    return re.sub(r"[\"'\\]", "", word)


class _Reader:
    """Goes through a script once, from sign to sign."""

    def __init__(self, script: str) -> None:
        self.script, self.place = script, 0
        self.found: list[Command] = []
        self.words: list[str] = []
        self.open: list[tuple[str, str, bool]] = []
        """Constructs around what is read, each with what ends it, and whether `!` stands before its pipeline."""
        self.before, self.negated = "", False
        self.bare = False
        """Whether there is something of a command without words: a redirection, `time` or `!` alone, which succeed."""
        self.function = ""
        """The name of a function whose body is to come."""
        self.here: list[tuple[str, bool]] = []
        """Ends of documents that begin at the next line."""
        self.depth = 0
        self.lost = False

    def read(self) -> list[Command]:
        while self.place < len(self.script):
            if blank := _BLANK.match(self.script, self.place):
                self.place = blank.end()
            elif comment := _COMMENT.match(self.script, self.place):
                self.place = comment.end()
            elif here := _HERE.match(self.script, self.place):
                self.bare = True
                self.here.append((plain(here[2]), bool(here[1])))
                self.place = here.end()
            elif redirect := _REDIRECT.match(self.script, self.place):
                self.bare = True
                self.place = redirect.end()
                self.blanks()
                self.word()
            elif end := _END.match(self.script, self.place):
                self.place = end.end()
                self.end(end[0])
            elif self.script[self.place] in "()":
                self.bracket()
            else:
                self.take(self.word())
        self.end("")
        return [*self.found, UNREAD] if self.lost else self.found

    def blanks(self) -> None:
        if blank := _BLANK.match(self.script, self.place):
            self.place = blank.end()

    def take(self, word: str) -> None:
        """Take a word that has been read: of a command, or one by which a construct begins, goes on or ends."""
        if self.words:
            self.words.append(word)
            if self.words[0] == "function" and len(self.words) == 2:
                self.function, self.words = word, []
        elif word == "!":
            self.negated, self.bare = not self.negated, True
        elif word in OPENS:
            self.begin(word, OPENS[word])
            if word in ("for", "select", "case"):
                self.words.append(word)  # what follows is no command
        elif word == "{":
            self.begin("{", "}")
        elif word == "time":
            self.bare = True
        elif not self.closes(word) and word not in GOES_ON:
            self.words.append(word)

    def begin(self, name: str, end: str) -> None:
        self.open.append((f"{self.function}()" if self.function else name, end, self.negated))
        self.function, self.negated = "", False

    def closes(self, sign: str) -> bool:
        """Leave the construct that this ends, if it ends one."""
        if not self.open or sign != self.open[-1][1]:
            return False
        self.negated = self.open.pop()[2]
        return True

    def bracket(self) -> None:
        sign = self.script[self.place]
        self.place += 1
        if sign == ")":
            self.end("")
            self.closes(sign)
            return
        if len(self.words) == 1 and _NAME.fullmatch(self.words[0]):
            self.blanks()
            if self.script.startswith(")", self.place):
                self.place += 1
                self.function, self.words = self.words[0], []
                return
        self.end("")
        self.begin("(", ")")

    def end(self, sign: str) -> None:
        """End the command that is read, if there is one."""
        if self.bare and not self.words:
            self.words.append("")
        self.bare = False
        if self.words:
            within = self.open[-1][0] if self.open else ""
            if self.words[0] in ("for", "select", "case"):
                within = self.words[0]
            self.found.append(Command(tuple(self.words), self.before, sign, within, self.negated))
            self.words, self.before = [], sign
        elif sign.strip():
            self.before = sign
            if self.found and not self.found[-1].after.strip():
                self.found[-1] = self.found[-1]._replace(after=sign)
        if sign and sign not in PIPES and not (sign == "\n" and self.before in PIPES):
            self.negated = False
        if sign == "\n":
            self.documents()

    def documents(self) -> None:
        """Pass over the documents that begin here."""
        for mark, indented in self.here:
            while self.place < len(self.script):
                closing = self.script.find("\n", self.place)
                line = self.script[self.place : closing if closing >= 0 else None]
                self.place += len(line) + 1
                if (line.lstrip("\t") if indented else line) == mark:
                    break
        self.here = []

    def word(self) -> str:
        """Read a word, with all that is quoted or substituted in it."""
        start, parts = self.place, []
        while self.place < len(self.script):
            sign = self.script[self.place]
            if self.script.startswith("\\\n", self.place):
                parts.append(self.script[start : self.place])  # a line that goes on
                start = self.place = self.place + 2
            elif sign == '"':
                self.place += 1
                self.quoted()
            elif sign == "`":
                closing = self.script.find("`", self.place + 1)
                self.place = len(self.script) if closing < 0 else closing + 1
            elif sign == "$":
                self.place += 1
                self.expansion()
            elif sign == "(" and self.place > start and self.script[self.place - 1] in "=$<>@?*+!":
                self.place += 1
                self.enclosed()  # a list of values, or a pattern
            elif part := _PART.match(self.script, self.place):
                self.place = part.end()
            else:
                break
        if self.place == start and not parts:
            self.place += 1
        return "".join(parts) + self.script[start : self.place]

    def quoted(self) -> None:
        """Read on to the end of a text in double quotes."""
        while self.place < len(self.script):
            sign = self.script[self.place]
            self.place += 2 if sign == "\\" else 1
            if sign == '"':
                return
            if sign == "$":
                self.expansion()

    def expansion(self) -> None:
        """Read what follows `$` where it is in brackets."""
        if self.script.startswith("(", self.place):
            start, self.depth = self.place, self.depth + 1
            self.place += 1
            if self.depth <= DEEPEST:
                self.enclosed()
            if self.depth > DEEPEST or _CASES.search(self.script, start, self.place):
                self.place, self.lost = len(self.script), True  # where it ends is for a shell to say
            self.depth -= 1
        elif self.script.startswith("{", self.place):
            closing = self.script.find("}", self.place)
            self.place = len(self.script) if closing < 0 else closing + 1

    def enclosed(self) -> None:
        """Read on to the bracket that closes one."""
        depth = 1
        while depth and self.place < len(self.script):
            sign = self.script[self.place]
            if sign == '"':
                self.place += 1
                self.quoted()
                continue
            if sign == "'":
                closing = self.script.find("'", self.place + 1)
                self.place = len(self.script) if closing < 0 else closing + 1
                continue
            depth += {"(": 1, ")": -1}.get(sign, 0)
            self.place += 2 if sign == "\\" else 1
