"""Which of our rules mean the same as a rule of gitleaks, so that its id in somebody's file covers ours as well."""

from __future__ import annotations

from typing import Final

SAME: Final = {
    "aws-access-token": ("aws-access-key",),
    "anthropic-api-key": ("anthropic-key",),
    "atlassian-api-token": ("atlassian-api-token",),
    "digitalocean-pat": ("digitalocean-token",),
    "digitalocean-access-token": ("digitalocean-token",),
    "discord-webhook": ("discord-webhook",),
    "doppler-api-token": ("doppler-token",),
    "gcp-api-key": ("google-api-key",),
    "github-app-token": ("github-app-user-token", "github-app-installation-token"),
    "github-oauth": ("github-oauth-token",),
    "github-refresh-token": ("github-app-refresh-token",),
    "gitlab-rrt": ("gitlab-registration-token",),
    "gitlab-ptt": ("gitlab-trigger-token",),
    "grafana-service-account-token": ("grafana-token",),
    "grafana-api-key": ("grafana-legacy-key",),
    "huggingface-access-token": ("huggingface-token",),
    "linear-api-key": ("linear-key",),
    "mailgun-private-api-token": ("mailgun-key",),
    "npm-access-token": ("npm-token",),
    "openai-api-key": ("openai-key",),
    "postman-api-token": ("postman-key",),
    "pulumi-api-token": ("pulumi-token",),
    "pypi-upload-token": ("pypi-token",),
    "rubygems-api-token": ("rubygems-key",),
    "sendgrid-api-token": ("sendgrid-key",),
    "slack-bot-token": ("slack-token",),
    "slack-user-token": ("slack-token",),
    "slack-webhook-url": ("slack-webhook",),
    "stripe-access-token": ("stripe-live-key", "stripe-test-key"),
    "telegram-bot-api-token": ("telegram-bot-token",),
    "twilio-api-key": ("twilio-api-key",),
    "vault-service-token": ("vault-token",),
    "private-key": ("private-key", "encrypted-private-key", "pgp-private-key"),
}
"""By the ids that people's files name. The two scanners share formats of tokens and not always their rules' names."""


def ours(rule: str, known: frozenset[str]) -> frozenset[str]:
    """Return the ids of our rules that a rule of gitleaks stands for; empty for one that we have not."""
    return frozenset(SAME.get(rule, (rule,))) & known
