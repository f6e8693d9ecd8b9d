"""What tests ask of the files that `ci-guard init` writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from ci_guard import starter
from ci_guard.controls.registry import CONTROLS
from ci_guard.model.settings import Policy
from ci_guard.policy.load import load
from ci_guard.policy.text import PolicyText
from tests.entrypoints.clone import Said

METAS = [control.META for control in CONTROLS]
ROOT = Path(__file__).parent.parent.parent
PASSWORD = "hunter" + "2"
POLICY, WORKFLOW, PIPELINE = starter.POLICY_PATH, starter.WORKFLOW_PATH, starter.PIPELINE_PATH

Init = Callable[..., Said]


def policy_in(folder: Path) -> Policy:
    return load([PolicyText(content=(folder / POLICY).read_bytes(), place=POLICY)], METAS)


def workflow_in(folder: Path) -> dict[Any, Any]:
    return dict(yaml.safe_load((folder / WORKFLOW).read_text(encoding="utf-8")))


def pipeline_in(folder: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / PIPELINE).read_text(encoding="utf-8")))
