"""Reviews of all that ``scan`` reads: each finding of each sample is new in a repository without it."""

from __future__ import annotations

import json
import shutil

import pytest
from reviews_of_tests import FROM_VARIABLE, VARIABLE, Reviews, policy
from sample_folders import FOLDERS, ROOT, SAMPLES, options_of

Row = tuple[str, str, int]


def expected(folder: str, name: str) -> set[Row]:
    path = SAMPLES / folder / name
    rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return {(check, f"sample_templates/{folder}/{file}", line) for check, file, line, *_ in rows}


@pytest.mark.parametrize("folder", FOLDERS)
def test_findings_of_a_sample_are_new(repository: Reviews, folder: str) -> None:
    """A review with an empty BASE has each finding of a scan, also those that HEAD suppresses."""
    repository.commit({"README": ""})
    shutil.copytree(SAMPLES / folder, repository.folder / "sample_templates" / folder, symlinks=True)
    repository.commit()
    options = [
        word
        for name, value in options_of(folder).items()
        for word in (f"--{name}", str(ROOT / value) if name in ("account-details", "inventory") else value)
    ]
    result = repository.review("HEAD^", "HEAD", "--skip-check", "015", *options)
    report = result.report
    found = {(remark.check_id, item.at.file, item.at.line) for item in report.items for remark in item.remarks}
    wanted = expected(folder, "expected.json") | expected(folder, "suppressed.json")
    wanted = {row for row in wanted if row[0] != "PASSROLE_015"}
    assert wanted <= found
    assert (report.fixed, report.less, report.unchanged) == ((), (), 0)


def test_findings_with_values_of_a_file_are_matched(repository: Reviews) -> None:
    """A finding that applies with the values of a file only is new once, and then unchanged, worse or fixed."""
    first = {
        "main.tf": VARIABLE % "arn:aws:iam::111122223333:role/app-*" + policy(FROM_VARIABLE),
        "envs/prod.tfvars": 'roles = "arn:aws:iam::111122223333:role/app-*"\n',
    }
    wide = {"envs/prod.tfvars": 'roles = "*"\n'}
    result = repository.between(first, wide)
    assert result.items == [("new", "widened", "main.tf:9", ["001", "015"])]
    repository.commit({"main.tf": f"# comment\n{first['main.tf']}"})
    assert repository.review("HEAD^", "HEAD").counts == (0, 0, 1)
    repository.commit({"envs/prod.tfvars": first["envs/prod.tfvars"]})
    assert repository.review("HEAD^", "HEAD").counts == (0, 1, 0)
