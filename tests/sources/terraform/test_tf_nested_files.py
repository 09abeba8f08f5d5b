"""Policy documents in files that nested blocks of resources of unknown types read."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.scan.scanner import ScanOptions, scan_paths

DOCUMENT = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}'
FILE = '"${path.module}/policies/access.json"'
DYNAMIC = 'dynamic "grant" {{\n    for_each = [1]\n    content {{\n      policy = {}\n    }}\n  }}'


@pytest.mark.parametrize(
    "block", ["grant {{\n    policy = {}\n  }}", "grant {{\n    to {{\n      policy = {}\n    }}\n  }}", DYNAMIC]
)
@pytest.mark.parametrize("value", [f"file({FILE})", f"templatefile({FILE}, {{}})", "local.access"])
def test_file_that_a_nested_block_reads_is_handed_to_the_resource(tmp_path: Path, block: str, value: str) -> None:
    """The document is judged as one that the resource gets, once."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "access.json").write_text(DOCUMENT)
    root = f'locals {{\n  access = file({FILE})\n}}\nresource "octo_access" "a" {{\n  {block.format(value)}\n}}\n'
    (tmp_path / "main.tf").write_text(root)
    (finding,) = scan_paths([tmp_path], ScanOptions()).findings
    assert (finding.check_id, finding.resource.address) == ("PASSROLE_001", "octo_access.a")
    assert Path(finding.at.file).name == "access.json"
