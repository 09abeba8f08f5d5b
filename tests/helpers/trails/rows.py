"""The passes in logs as rows, for holding what a view tells against what `trail` tells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from passrole_checks.cloudtrail import Bounds, UsageQuery
from passrole_checks.cloudtrail.report import read_usage
from passrole_checks.output.cloudtrail import trail_json


def rows_of(folder: Path, bounds: Bounds | None = None) -> list[str]:
    """The passes in the logs below a folder as ``trail --format json --events`` tells them, but for the file."""
    report = read_usage([folder], UsageQuery(bounds or Bounds()), one_by_one=True, threads=1)
    assert report.reading.problems == []
    events: list[dict[str, Any]] = json.loads(trail_json(report))["events"]
    return as_rows({name: value for name, value in one.items() if name != "file"} for one in events)


def as_rows(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Rows in an order of their own, each with all its columns."""
    return sorted(json.dumps(one, sort_keys=True) for one in found)
