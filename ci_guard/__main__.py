"""Run ci-guard, as `python -m ci_guard` or, where it is not installed, as this file by its path."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # While modules load nobody is there yet to say that it was interrupted, and a traceback says nothing to anybody.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import os
import sys

if not __package__:
    # Unless it is isolated, Python has put this folder on the path, where our `secrets` hides the standard library's.
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [os.path.dirname(here), *(entry for entry in sys.path if entry != here)]

from ci_guard.entrypoints.cli import command

if __name__ == "__main__":
    command()
