"""Workflows and actions: our own, and those that the documentation shows."""
