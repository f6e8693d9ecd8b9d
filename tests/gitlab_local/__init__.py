"""The templates run end to end: gitlab-ci-local in place of a runner, against a GitLab on this machine."""
