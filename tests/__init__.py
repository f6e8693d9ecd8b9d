"""Tests of ci-guard."""
