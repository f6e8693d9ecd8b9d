"""Tests of the evidence from GitHub."""
