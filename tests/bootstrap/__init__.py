"""Tests of the bootstrap as real processes, on small checkouts and wheels made here; no package index is asked."""
