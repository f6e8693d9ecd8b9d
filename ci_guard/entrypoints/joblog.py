"""The log of a job on GitHub, which obeys commands: words for people are written where it does not listen."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TextIO, cast

from ci_guard.entrypoints.options import Output
from ci_guard.model.run import Platform
from ci_guard.reporters import escape


def fresh_token() -> str:
    """Return a random token."""
    import secrets

    return secrets.token_hex(16)


class JobLog(io.TextIOBase):
    """
    A stream for whole lines, each text between `::stop-commands::` and the token that ends it.

    Escaping makes every text harmless before it comes here; this holds where a runner, or a new kind of command, is
    not as we know it. A token is made for each text, so that none was printed before what it guards.
    """

    def __init__(self, stream: TextIO, token: Callable[[], str] = fresh_token) -> None:
        """Write to this stream."""
        self._stream = stream
        self._token = token

    def write(self, text: str) -> int:
        """See `io.TextIOBase.write`."""
        self._stream.write(escape.unheard(text, self._token()))
        return len(text)

    def flush(self) -> None:
        """See `io.IOBase.flush`."""
        self._stream.flush()


def obeys_commands(platform: Platform, environ: Mapping[str, str]) -> bool:
    """Tell whether what is printed is read by GitHub's runner."""
    return platform is Platform.GITHUB and environ.get("GITHUB_ACTIONS") == "true"


def log_of(platform: Platform, environ: Mapping[str, str], stream: TextIO) -> TextIO:
    """Return a stream for words that are no commands: this one, or on GitHub this one unheard by the runner."""
    return cast("TextIO", JobLog(stream)) if obeys_commands(platform, environ) else stream


def people_of(output: Output, stdout: TextIO, stderr: TextIO) -> TextIO:
    """Return the stream for people: with a report on standard output, standard error."""
    return stderr if any(file == "-" for _, file in output.reports) else stdout


def progress_of(
    platform: Platform, output: Output, environ: Mapping[str, str], stdout: TextIO, stderr: TextIO
) -> TextIO:
    """
    Return the stream that progress is told on.

    On GitHub it is the one of the annotations: the runner reads the two streams side by side, so that a deafness that
    ends on the one could swallow an annotation on the other.
    """
    told = people_of(output, stdout, stderr) if obeys_commands(platform, environ) else stderr
    return log_of(platform, environ, told)
