"""The runner, and a checkout of this project for its runs to use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.act import runner
from tests.act.runner import Ran
from tests.act.scene import Act
from tests.e2e.consumer import Consumer


@pytest.fixture(scope="session")
def guard_checkout(tmp_path_factory: pytest.TempPathFactory, host_environment: Mapping[str, str]) -> Path:
    folder = tmp_path_factory.mktemp("guard") / "ci-guard"
    folder.mkdir()
    return runner.copy_of_this_checkout(folder, host_environment)


@pytest.fixture
def act(request: pytest.FixtureRequest, tmp_path: Path) -> Act:
    program = runner.find_act()
    if program is None:
        pytest.skip("act is not installed; .ci/run installs it where Go is")
    guard = request.getfixturevalue("guard_checkout")

    def run(
        shop: Consumer,
        environ: Mapping[str, str],
        event: str = "push",
        *,
        cold: bool = False,
        options: Sequence[str] = (),
    ) -> Ran:
        home = tmp_path / "home"
        return runner.run(program, guard, shop.path, environ, home=home, event=event, cold=cold, options=options)

    return run
