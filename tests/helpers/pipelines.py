"""Shared by the tests of shipped pipelines: the released repository, and a change to review."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from readme_examples import ROOT

RELEASED = ("action.yml", ".ci", ".gitlab", "passrole_checks")
VARIABLE = """\
variable "roles" {
  type    = string
  default = "arn:aws:iam::111122223333:role/app-*"
}
"""
POLICY = """\
resource "aws_iam_policy" "deploy" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = var.roles
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    }]
  })
}
"""
BASE = {"infra/variables.tf": VARIABLE, "infra/policy.tf": POLICY}
HEAD = {**BASE, "infra/variables.tf": VARIABLE.replace("app-*", "*")}
# The same without a condition: the finding is of high severity, so that a review reverts its cause.
OPEN_BASE = {**BASE, "infra/policy.tf": re.sub(r"\n *Condition .*", "", POLICY)}
OPEN_HEAD = {**OPEN_BASE, "infra/variables.tf": HEAD["infra/variables.tf"]}
# Modules, hooks and settings that a program must not load from the working directory.
TRAP = "import os\nopen(os.environ['TRAP'], 'a').write(__file__)\n"
MODULES = ("json", "click", "sitecustomize", "site", "venv", "requests", "pip/__init__", "passrole_checks/__init__")
HOSTILE = {
    **{f"{name}.py": TRAP for name in (*MODULES, "checks/evil")},
    ".checkov.yaml": "external-checks-dir: [checks]\n",
    ".gitattributes": "*.tf filter=evil\n",
}


def release(folder: Path) -> Path:
    """A folder with what a released commit of this repository has, of what the pipelines use."""
    leave = shutil.ignore_patterns("__pycache__")
    for name in RELEASED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=leave)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / name)
    return folder
