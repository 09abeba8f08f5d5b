"""A policy in a list or map that a module gets is named by the element that has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.scan.scanner import ScanOptions, scan_paths

ADMIN = '["arn:aws:iam::aws:policy/AdministratorAccess"]'


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        (f'permission_sets = [{{ name = "Reader" }}, {{ name = "Admin", policies = {ADMIN} }}]',
         'It is for "Admin" (`permission_sets[1]`).'),
        (f"permission_sets = [{{ policies = {ADMIN} }}]", "It is for `permission_sets[0]`."),
        (f"roles = {{ admin = {{ policies = {ADMIN} }} }}", 'It is for `roles["admin"]`.'),
        (f"policies = {ADMIN}", ""),
    ],
)  # fmt: skip
def test_element_that_gets_a_managed_policy_is_named(tmp_path: Path, argument: str, words: str) -> None:
    """The message says which element of the argument is meant, if there are elements."""
    module = f'module "access" {{\n  source = "octo/access/aws"\n  {argument}\n}}\n'
    (tmp_path / "main.tf").write_text(module)
    (finding,) = scan_paths([tmp_path], ScanOptions()).findings
    assert words in finding.message and ("It is for" in finding.message) == bool(words)
