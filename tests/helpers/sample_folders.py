"""The samples below ``sample_templates``, with the options that each is scanned with."""

from __future__ import annotations

import json
from pathlib import Path

from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions
from passrole_checks.sources.cloudformation.parameter_values import parse_parameter_options
from passrole_checks.sources.model.configuration import Inputs

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_templates"
FOLDERS = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())


def options_of(folder: str) -> dict[str, str]:
    """Return the options in a sample's ``options.json``, named as on the command line."""
    path = SAMPLES / folder / "options.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def scan_options_of(folder: str, **changes: str) -> ScanOptions:
    """Return the options of a sample for a scan; paths in them are below the root of the repository."""
    options = {**options_of(folder), **changes}
    return ScanOptions(
        account=options.get("account"),
        minimum_severity=Severity(options.get("severity", "low")),
        account_details=(ROOT / options["account-details"],) if "account-details" in options else (),
        inventory=(ROOT / options["inventory"],) if "inventory" in options else (),
        inputs=Inputs(
            var_files=(ROOT / options["var-file"],) if "var-file" in options else (),
            source=ROOT / options["source"] if "source" in options else None,
            parameters=parse_parameter_options([options["parameters"]]) if "parameters" in options else (),
        ),
    )
