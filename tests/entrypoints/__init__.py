"""Tests of the command line: what may be said, and what each command answers."""
