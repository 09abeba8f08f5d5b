"""The simulator that the tests of this folder ask for a second opinion."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from second_opinion.simulator import NotHereError, Simulator, install


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """iam-simulate. Where it cannot be installed the tests are skipped, unless NEED_NPM is in the environment, as in
    ``.ci/run``."""
    base = tmp_path_factory.getbasetemp()
    # what all processes of pytest-xdist share is one folder up
    folder = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    try:
        installed = install(folder)
    except NotHereError as why:
        assert not os.environ.get("NEED_NPM"), f"{why}, and NEED_NPM asks for it"
        pytest.skip(str(why))
    running = Simulator(installed)
    yield running
    running.close()
