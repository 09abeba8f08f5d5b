"""The public Python API: its examples run, and each function works whatever was imported before."""

from __future__ import annotations

import doctest
import pkgutil
import subprocess
import sys

import pytest

import passrole_checks
from passrole_checks import api

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(passrole_checks.__path__, "passrole_checks.")
    if not module.name.startswith(("passrole_checks.checkov_checks", "passrole_checks.cfnlint_rules"))
    and not module.name.startswith("passrole_checks.lsp.")
    and not module.name.endswith(("__main__", ".dask", ".mcp_server.server"))
)
CALLS = """
from passrole_checks.api import ConfigurationError, diff, explain, grants, required, scan, suggest
template = "AWSTemplateFormatVersion: '2010-09-09'\\nResources: {}"
assert scan(text=template).unreadable == ()
assert grants(text=template) == ()
assert required(text=template).required.statements == ()
assert explain("001").startswith("PASSROLE_001")
"""


def test_examples_return_what_they_show() -> None:
    result = doctest.testmod(api)
    assert result.attempted > 10 and result.failed == 0


def test_every_exported_name_exists_and_is_documented() -> None:
    for name in api.__all__:
        assert getattr(api, name).__doc__, name


def test_text_of_a_file_is_scanned_under_its_name() -> None:
    found = api.scan(text="Resources: [", name="broken.yaml")
    assert [entry.file for entry in found.unreadable] == ["broken.yaml"]


def test_name_with_a_folder_is_refused() -> None:
    with pytest.raises(api.ConfigurationError):
        api.scan(text="", name="../main.tf")


@pytest.mark.slow
@pytest.mark.parametrize("packages", [MODULES[start::8] for start in range(8)], ids=range(8))
def test_api_works_after_any_submodule_was_imported_first(packages: list[str]) -> None:
    """A submodule with the name of a function must not hide it; several modules share a process to save time."""
    code = "\n".join(f"import {name}" for name in packages) + CALLS
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
