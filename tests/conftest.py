"""Settings of all tests: their tiers, the profiles of Hypothesis, and an environment that changes no result.

Tiers: ``pytest`` runs everything but the tests marked ``nightly``; ``pytest -m "not slow"`` leaves out the folders and
files in ``SLOW`` and the tests marked ``slow``.

Profiles: ``nightly`` runs ten times as many examples as a test asks for, ``ci`` half of them, ``dev`` a tenth.
``--hypothesis-profile`` or the environment variable ``HYPOTHESIS_PROFILE`` selects one; without them it is ``dev``
where slow tests are left out, and ``ci`` otherwise. Tests scale their number of examples with ``profiles.examples``.

No test reads or writes the user's cache, and an unexpected exception fails the test instead of becoming a finding with
``fault=True``.
"""

from __future__ import annotations

import functools
import gc
import importlib.metadata
import os
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).resolve().parent
SLOW = (
    *("benchmarks", "differential", "fuzz", "hosts", "packaging"),
    "cli/test_suggest.py",
    "cloudtrail/test_sql_athena.py",
    "cloudtrail/test_sql_spark.py",
    "doctor/test_diagnosis.py",
    "output/test_cloudtrail_in_chromium.py",
    "output/test_grants_html_in_chromium.py",
    "scan/test_cached_scan.py",
    "scan/test_dask.py",
    "scan/test_parallel.py",
    "sources/terraform/test_tf_budgets.py",
    "sources/terraform/test_tf_lazy_evaluation.py",
    "sources/test_terraform_plan_large.py",
    "test_boundary.py",
    "test_odd_inputs.py",
    "test_planted_links.py",
    "test_readme_commands.py",
    "test_separators.py",
    "test_windows.py",
)
"""Folders and files here whose tests start hosts, clusters, browsers or many processes, or compute for long."""

_NO_SECOND_READER = pytest.mark.skip(reason="python-hcl2 is not installed here, or checkov's fork has its name")

os.environ["PASSROLE_CHECKS_CACHE_DIR"] = ""
os.environ["PASSROLE_CHECKS_DEBUG"] = "1"
for _name, _examples in (("dev", 10), ("ci", 50), ("nightly", 1000)):  # the machine may be busy: no deadlines
    settings.register_profile(_name, max_examples=_examples, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the expectations of ``tests/cases``."""
    parser.addoption("--update-cases", action="store_true", help="overwrite the expectations in tests/cases")


def pytest_configure(config: pytest.Config) -> None:
    """Load a profile of Hypothesis, unless the command line names one."""
    if not config.getoption("--hypothesis-profile"):
        fast = "not slow" in config.getoption("-m")
        settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("dev" if fast else "ci"))


def pytest_collection_finish() -> None:
    """Leave what was collected out of garbage collection, and collect seldom: that takes a tenth of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@functools.cache  # pytest asks for each test
def _is_slow(path: Path) -> bool:
    return any(path.is_relative_to(TESTS / name) for name in SLOW)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip slow folders and files in the fast tier: collecting them imports the hosts, which takes seconds."""
    return True if config.getoption("-m") == "not slow" and _is_slow(collection_path) else None


def _is_installed(package: str) -> bool:
    try:
        return bool(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return False


@pytest.hookimpl(tryfirst=True)  # before pytest evaluates -m
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests of slow folders and files, deselect the nightly ones unless -m names them, and skip those of the
    second reader where it is not installed."""
    # checkov's fork installs the same module
    has_second_reader = _is_installed("python-hcl2") and not _is_installed("bc-python-hcl2")
    for item in items:
        if _is_slow(item.path):
            item.add_marker("slow")
        if not (has_second_reader or "NEED_SECOND_READER" in os.environ) and item.get_closest_marker("second_reader"):
            item.add_marker(_NO_SECOND_READER)
    if "nightly" not in config.getoption("-m"):
        nightly = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=nightly)
        items[:] = [item for item in items if item not in nightly]
