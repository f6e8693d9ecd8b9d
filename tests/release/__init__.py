"""How a release is made: every step of the release workflow that is a command of ours."""
