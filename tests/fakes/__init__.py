"""Fake platforms that speak real HTTP on the loopback interface."""
