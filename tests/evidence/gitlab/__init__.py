"""Tests of the evidence from GitLab."""
