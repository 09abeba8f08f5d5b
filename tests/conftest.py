"""Settings of all tests: their tiers, the profiles of Hypothesis, and an environment that changes no result.

Tiers: ``pytest`` runs everything but the tests marked ``nightly``; ``pytest -m "not slow"`` leaves out the folders in
``SLOW_FOLDERS`` and the tests marked ``slow``.

Profiles: ``ci`` runs as many examples as each test asks for, ``dev`` a tenth of them, ``nightly`` ten times as many.
``--hypothesis-profile`` or the environment variable ``HYPOTHESIS_PROFILE`` selects one; without them it is ``dev``
where slow tests are left out, and ``ci`` otherwise. Tests scale their number of examples with ``profiles.examples``.

No test reads or writes the user's cache, and an unexpected exception fails the test instead of becoming a finding with
``fault=True``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).resolve().parent
SLOW_FOLDERS = ("benchmarks", "differential", "fuzz", "hosts", "packaging")

os.environ["PASSROLE_CHECKS_CACHE_DIR"] = ""
os.environ["PASSROLE_CHECKS_DEBUG"] = "1"
for _name, _examples in (("dev", 10), ("ci", 100), ("nightly", 1000)):  # the machine may be busy: no deadlines
    settings.register_profile(_name, max_examples=_examples, deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """Load a profile of Hypothesis, unless the command line names one."""
    if not config.getoption("--hypothesis-profile"):
        fast = "not slow" in config.getoption("-m")
        settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("dev" if fast else "ci"))


@pytest.hookimpl(tryfirst=True)  # before pytest evaluates -m
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests of slow folders, and deselect the nightly ones unless -m names them."""
    for item in items:
        if item.path.relative_to(TESTS).parts[0] in SLOW_FOLDERS:
            item.add_marker("slow")
    if "nightly" not in config.getoption("-m"):
        nightly = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=nightly)
        items[:] = [item for item in items if item not in nightly]
