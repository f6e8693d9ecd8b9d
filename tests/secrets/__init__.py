"""Tests of the secret scanner. No file here holds a token: they are all made at run time."""
