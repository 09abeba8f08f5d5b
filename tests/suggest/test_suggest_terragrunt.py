"""Suggestions for modules that Terragrunt calls."""

from __future__ import annotations

from pathlib import Path

from suggesting import USED, allow, only, policy, session


def test_edit_of_a_terragrunt_module_is_verified(tmp_path: Path) -> None:
    """The inputs of the unit, and the file that it includes, decide whether there is a policy."""
    (tmp_path / ".git").mkdir()
    statement = policy(allow(resource='"arn:aws:iam::111122223333:role/task*"'))
    files = {
        "modules/deploy/main.tf": 'variable "enabled" {\n  default = false\n}\n'
        + statement.replace("{\n", "{\n  count  = var.enabled ? 1 : 0\n", 1)
        + USED,
        "root.hcl": 'inputs = {\n  prefix = "app"\n}\n',
        "live/deploy/terragrunt.hcl": 'include "root" {\n  path = find_in_parent_folders("root.hcl")\n}\n'
        'terraform {\n  source = "../../modules/deploy"\n}\ninputs = {\n  enabled = true\n}\n',
    }
    suggestion = only(session(tmp_path, files))
    assert suggestion.edits, suggestion.missing
