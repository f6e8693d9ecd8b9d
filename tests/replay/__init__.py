"""Runs that are recorded, judged again, tested by cases and tried by another policy."""
