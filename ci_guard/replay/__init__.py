"""Recorded runs judged again, offline: by their own policy, by another one, and as cases that a policy must pass."""
