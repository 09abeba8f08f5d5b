"""The inventory beside a sample: what a made repository has, whose code is that of another sample."""

from __future__ import annotations

import shutil
from pathlib import Path

from sample_folders import SAMPLES

from passrole_checks.scan.other_repositories import update_inventory
from passrole_checks.scan.scanner import ScanOptions

PATH = SAMPLES / "across-repositories" / "inventory.json"
_CODE = {
    "iam": "across-roots/terraform/iam",
    "roles": "across-roots/terraform/named/roles",
    "stacks/roles.yaml": "across-roots/cloudformation/stacks/roles.yaml",
}


def recorded_inventory(folder: Path) -> str:
    """Return the inventory of the made repository, written below an empty folder."""
    repository, file = folder / "platform", folder / "inventory.json"
    (repository / ".git").mkdir(parents=True)
    for name, source in _CODE.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (SAMPLES / source).is_dir() else shutil.copy
        copy(SAMPLES / source, repository / name)
    update_inventory(str(file), [repository], ScanOptions(repository="org/platform"), ())
    return file.read_text(encoding="utf-8")
