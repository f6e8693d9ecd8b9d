"""Tests of git as ci-guard runs it, in repositories that were made for each."""
