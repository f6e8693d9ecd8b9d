"""Makes the scene of this folder's tests known to pytest."""

from tests.evidence.gitlab.scene import scene

__all__ = ["scene"]
