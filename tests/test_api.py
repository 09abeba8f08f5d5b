"""The public Python API: its examples run, and each function works whatever was imported before."""

from __future__ import annotations

import doctest
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("name", ["../main.tf", "..", ".", "", "a/b.tf", "a\0b.tf", "x" * 300, "\ud800.tf"])
def test_name_that_is_no_file_name_is_refused(name: str) -> None:
    for function in (api.scan, api.grants, api.required):
        with pytest.raises(api.ConfigurationError):
            function(text="", name=name)


def test_text_that_is_not_utf_8_is_unreadable() -> None:
    for name in ("main.tf", "template.yaml"):
        assert [entry.file for entry in api.scan(text="\ud800", name=name).unreadable] == [name]


def test_text_beside_paths_is_refused(tmp_path: Path) -> None:
    """Rather than leaving one of them out."""
    for arguments in ({"paths": tmp_path}, {"texts": {"main.tf": ""}}):
        with pytest.raises(api.ConfigurationError):
            api.scan(text="", name="main.tf", **arguments)


@pytest.mark.parametrize(
    "options",
    [
        api.ScanOptions(checks=frozenset({"any-role"})),
        api.ScanOptions(skip_checks=frozenset({"PASSROLE_999"})),
        api.ScanOptions(account="1234"),
        api.ScanOptions(account="123456789012\n"),
    ],
)
def test_options_that_would_check_nothing_are_refused(tmp_path: Path, options: api.ScanOptions) -> None:
    for function in (api.scan, api.grants, api.required, api.suggest):
        with pytest.raises(api.ConfigurationError):
            function(tmp_path, options)


def test_a_missing_template_is_noted_once_whoever_asks(tmp_path: Path) -> None:
    """Several templates can nest a template that is missing."""
    url = "https://example.s3.amazonaws.com/role.yaml"
    stack = f"Resources:\n  Nested:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: {url}\n"
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(stack)
    results = api.scan(tmp_path), api.suggest(tmp_path), api.required(tmp_path)
    assert [len(result.not_evaluated) for result in results] == [1, 1, 1]


def test_versions_that_no_path_can_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(api.ConfigurationError):
        api.diff(tmp_path, "a\0b")


def test_missing_working_directory_is_no_internal_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert [entry.fault for entry in api.scan(".").unreadable] == [False]
    with pytest.raises(api.ConfigurationError):
        api.scan(tmp_path, texts={"main.tf": ""})


@pytest.mark.slow
@pytest.mark.parametrize("packages", [MODULES[start::8] for start in range(8)], ids=range(8))
def test_api_works_after_any_submodule_was_imported_first(packages: list[str]) -> None:
    """A submodule with the name of a function must not hide it; several modules share a process to save time."""
    code = "\n".join(f"import {name}" for name in packages) + CALLS
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
