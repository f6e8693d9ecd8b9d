"""The error tree: each class with its exit code and its advice."""

from __future__ import annotations

from typing import Final

from ci_guard import late
from ci_guard.object_ids import OBJECT_ID

_LIKE_A_SECRET: Final = late.pattern(r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{12,}")
_USER_PART: Final = late.pattern(r"(?<=://)[^\s/@]+@")


class CiGuardError(Exception):
    """
    Something that ends the run with one clear message.

    Shape: the message says what was refused and what was seen; `hint` what to do about it.
    """

    exit_code: int = 4
    fault_of_ci_guard: bool = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the message and the advice apart, so that reporters can set them as they like."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(CiGuardError):
    """The command line or an input is wrong."""

    exit_code = 2


class PolicyError(CiGuardError):
    """A policy file says something that cannot be accepted."""

    exit_code = 2


class PolicyUnreadable(CiGuardError):
    """A policy exists, or may exist, and could not be read: the run is undecided, never judged by another policy."""

    exit_code = 3


class ServerMismatch(CiGuardError):
    """The job names another server than the one that the template pins: whoever did that is denied."""

    exit_code = 1


class GitUnavailable(CiGuardError):
    """There is no git, no repository, or no usable object database where one is needed."""

    exit_code = 2


class ScanFault(CiGuardError):
    """The secret scanner itself broke."""

    exit_code = 4
    fault_of_ci_guard = True


class AuditError(CiGuardError):
    """An audit log, a key or a checkpoint cannot be used as it is."""

    exit_code = 2


def unrevealing(text: str) -> str:
    """
    Return a text that a message quotes, with an ellipsis for long words of letters and digits and users of addresses.

    A file that is refused was not scanned, and what is wrong in it may be a token that stands where no token belongs.
    The ids of git's objects stay.
    """
    text = _USER_PART.sub("…@", text)
    return _LIKE_A_SECRET.sub(lambda word: word[0] if OBJECT_ID.fullmatch(word[0]) else "…", text)
