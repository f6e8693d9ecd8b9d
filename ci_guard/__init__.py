"""ci-guard decides inside a CI job whether the pipeline may proceed."""

__all__ = ["__version__"]

__version__ = "0.1.0"
