"""``suggest`` and ``fix`` with ``--evidence``: their output, the files written, and their exit statuses.

``python -m tools.regenerate`` writes the expected output of the sample.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import expected_outputs
import pytest
from observing import ARN, LAMBDA, edge
from suggesting import allow, policy
from trails.writing import ACCOUNTS, Maker, write

from passrole_checks.cli import main
from passrole_checks.cloudtrail import Bounds, Edge, RequestOutcome, UsageQuery
from passrole_checks.cloudtrail.grant_usage import match_grants
from passrole_checks.cloudtrail.report import read_usage
from passrole_checks.distribution import pip_install
from passrole_checks.scan.scanner import ScanOptions, read_paths

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = "sample_templates/evidence"
LOGS = f"{SAMPLE}/logs"


@pytest.fixture(autouse=True)
def _with_duckdb(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("duckdb")
    monkeypatch.chdir(ROOT)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Return a copy of the sample's Terraform folder."""
    return Path(shutil.copytree(ROOT / SAMPLE / "terraform", tmp_path / "terraform"))


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Return exit status, standard output and standard error."""
    status = main([*map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def printed() -> str:
    """Return the suggestions printed for the sample."""
    return expected_outputs.printed("suggest", f"{SAMPLE}/terraform", "--evidence", LOGS, status=1)


def test_sample_gives_the_expected_text() -> None:
    """The expected text has the changes, unused grants, and a note on the length of the logs."""
    assert printed() == (ROOT / SAMPLE / "suggested.txt").read_text("utf-8")


def test_patch_equals_fix(sample: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """git applies the patch to the files that fix writes; afterwards, only unused grants remain."""
    shutil.copytree(sample, sample.parent / "patched")
    monkeypatch.chdir(sample.parent)
    logs, before = ROOT / LOGS, (sample / "main.tf").read_bytes()
    status, patch, _ = run(capsys, "suggest", "patched", "--evidence", logs, "--format", "patch")
    assert status == 1
    subprocess.run(["git", "apply"], input=patch.encode(), check=True)
    assert run(capsys, "fix", sample, "--evidence", logs, "--dry-run")[0] == 0
    assert (sample / "main.tf").read_bytes() == before
    status, out, _ = run(capsys, "fix", sample, "--evidence", logs)
    assert (status, out.splitlines()[-2:]) == (
        0,
        ["2 statements broader than observed use narrowed", "1 unused statement"],
    )
    text = (sample / "main.tf").read_text("utf-8")
    assert text == Path("patched/main.tf").read_text("utf-8")
    assert f'"{ARN}lambda-app"' in text and f'"{ARN}states-*"' in text
    status, out, _ = run(capsys, "suggest", sample, "--evidence", logs)
    assert (status, out.splitlines()[-1]) == (0, "1 unused statement")


def test_json_has_the_observed_use(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has the observed use of each suggestion; null without --evidence."""
    status, out, err = run(capsys, "suggest", f"{SAMPLE}/terraform", "--evidence", LOGS, "--format", "json")
    assert (status, err) == (1, "")
    suggestions = {one["sid"]: one for one in json.loads(out)["suggestions"]}
    window = {"since": "2026-03-02T09:12:44Z", "until": "2026-03-09T16:03:17Z"}
    assert {sid: one["evidence"] for sid, one in suggestions.items()} == {
        "Functions": {**window, "passes": 2, "perhaps": 0, "roles": 1, "last": "2026-03-09T15:30:21Z"},
        "Instances": {**window, "passes": 0, "perhaps": 2, "roles": 1, "last": "2026-03-02T09:16:02Z"},
        "Machines": {**window, "passes": 0, "perhaps": 0, "roles": 0, "last": None},
    }
    assert {sid: bool(one["edits"]) for sid, one in suggestions.items()} == {
        "Functions": True, "Instances": True, "Machines": False,
    }  # fmt: skip
    status, out, _ = run(capsys, "suggest", "sample_templates/suggestions/terraform", "--format", "json")
    assert {json.dumps(one["evidence"]) for one in json.loads(out)["suggestions"]} == {"null"}


def test_time_window_limits_the_evidence(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the second week, no pass to EC2 was logged."""
    arguments = ("suggest", sample, "--evidence", LOGS, "--since", "2026-03-03", "--format", "json")
    suggestions = {one["sid"]: one["evidence"] for one in json.loads(run(capsys, *arguments)[1])["suggestions"]}
    assert (suggestions["Functions"]["passes"], suggestions["Instances"]["perhaps"]) == (1, 0)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--since", "2026-03-01"), "--since requires --evidence"),
        (("--group-roles",), "--group-roles requires --evidence"),
        (("--grade", "observed"), "--grade observed requires --evidence"),
        (("--evidence", LOGS, "--since", "2026-03-02", "--until", "2026-03-01"), "--since must be before --until"),
        (("--evidence", LOGS, "--since", "2030-01-01"), f"{LOGS}: no events in this time window"),
        (("--evidence", f"{SAMPLE}/terraform"), f"{SAMPLE}/terraform: no CloudTrail logs found"),
        (("--evidence", "nowhere"), "nowhere"),
    ],
)
def test_logs_without_events_are_an_error(
    arguments: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line and exit status 2: missing logs must not make a statement look unused."""
    for command in ("suggest", "fix"):
        status, out, err = run(capsys, command, f"{SAMPLE}/terraform", *arguments)
        assert (status, out) == (2, "")
        assert complaint in err


def test_unreadable_logs_are_named_and_nothing_is_written(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """suggest uses the readable logs; fix writes nothing, since an unread log may show a needed permission."""
    logs = Path(shutil.copytree(ROOT / LOGS, sample.parent / "logs"))
    (logs / "broken.json.gz").write_bytes(b"\x1f\x8b no gzip")
    status, out, err = run(capsys, "suggest", sample, "--evidence", logs)
    assert (status, "lambda-app" in out, "broken.json.gz" in err) == (2, True, True)
    status, out, err = run(capsys, "fix", sample, "--evidence", logs)
    assert (status, out, "broken.json.gz" in err) == (2, "", True)
    assert (sample / "main.tf").read_bytes() == (ROOT / SAMPLE / "terraform" / "main.tf").read_bytes()


def test_missing_duckdb_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, as for trail; without --evidence, DuckDB is not needed."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    status, out, err = run(capsys, "suggest", f"{SAMPLE}/terraform", "--evidence", LOGS)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert pip_install("duckdb") in err
    assert run(capsys, "suggest", f"{SAMPLE}/terraform") == (0, "nothing to suggest\n", "")


# -- whatever the logs and the grants are

_ROLES = ("*", "arn:aws:iam::*:role/*", "arn:aws:iam::*:role/service-role/*", "arn:aws:iam::*:role/service-role/app-1*")
_PRINCIPALS = ("user/dev/alice", "role/deploy")
_SERVICES = (LAMBDA, "ec2.amazonaws.com", "states.amazonaws.com", "glue.amazonaws.com", "eks.amazonaws.com")


def grants(rng: random.Random, seen: list[Edge], account: str) -> str:
    """Draw Terraform of a user and a role with wide and narrow statements, with and without services."""
    files = []
    known = sorted({one.role for one in seen if one.role.startswith("arn:")})
    for number in range(4):
        resources = rng.sample([*_ROLES, *rng.sample(known, 3)], rng.randint(1, 3))
        listed = ", ".join(f'"{one}"' for one in resources)
        services = ", ".join(f'"{one}"' for one in rng.sample(_SERVICES, rng.randint(1, 4)))
        condition = rng.choice(
            (
                "",
                f'{{ StringEquals = {{ "iam:PassedToService" = [{services}] }} }}',
                '{ StringLike = { "iam:PassedToService" = "*" } }',
            )
        )
        action = rng.choice(('"iam:PassRole"', '["iam:GetRole", "iam:PassRole"]'))
        content = policy(allow(f"[{listed}]", condition, action), name=f"p{number}")
        if rng.random() < 0.5:
            content = content.replace("aws_iam_user_policy", "aws_iam_role_policy").replace(
                'user   = "bot"', "role = aws_iam_role.deploy.name"
            )
        files.append(content.replace('"bot"', '"alice"'))
    files.append('resource "aws_iam_role" "deploy" {\n  name = "deploy"\n  assume_role_policy = "{}"\n}\n')
    return "".join(files)


def passed(folder: Path, edges: list[Edge], account: str) -> tuple[set[int], set[int]]:
    """Return which edges the configuration certainly allows, and which possibly, by index."""
    read = read_paths([folder], ScanOptions(account=account))
    assert read.unreadable == ()
    found = match_grants(edges, [configuration for _, configuration in read.units], account)
    every = (*found.used, *found.perhaps)
    surely = {id(one) for used in every for one in used.surely}
    perhaps = {id(one) for used in every for one in used.perhaps}
    numbered = {id(one): number for number, one in enumerate(edges)}
    return {numbered[one] for one in surely}, {numbered[one] for one in perhaps | surely}


def probes(edges: list[Edge], account: str) -> list[Edge]:
    """Return passes that are not in the logs: of logged and other roles, by each principal, to each service."""
    roles = [*sorted({one.role for one in edges if one.role.startswith("arn:")})[:25], f"arn:aws:iam::{account}:role/x"]
    made = []
    for who in _PRINCIPALS:
        for role in roles:
            for service in _SERVICES:
                one = edge(role, service, who=f"arn:aws:iam::{account}:{who}")
                made.append(one)
    return made


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (10, 13))])
def test_observed_use_stays_allowed_and_nothing_new_is(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For any logs and statements: observed and allowed use stays allowed after ``fix``, and nothing new becomes
    allowed."""
    rng = random.Random(seed)
    account = ACCOUNTS[seed % 2]
    write(tmp_path / "logs", Maker(seed).log(repeat=2).events, each=1000)
    report = read_usage([tmp_path / "logs"], UsageQuery(Bounds()), threads=1)
    seen = [one for one in report.edges if one.counts[RequestOutcome.PASSED]]
    place = tmp_path / "code"
    place.mkdir()
    (place / "main.tf").write_text(grants(rng, seen, account), encoding="utf-8")
    before, possible = passed(place, seen, account), passed(place, probes(seen, account), account)[1]
    arguments = ("--evidence", tmp_path / "logs", "--account", account, *(["--group-roles"] if seed % 2 else []))
    status, out, err = run(capsys, "fix", place, *arguments)
    assert (status in (0, 1), err, "fixed" in out) == (True, "", True)
    after = passed(place, seen, account)
    assert before[0] <= after[0]
    assert before[1] <= after[1]
    allowed = passed(place, probes(seen, account), account)
    assert allowed[1] <= possible
    assert before[0], "a test in which nothing was allowed shows nothing"


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the file beside the sample, with the text that the command prints now."""
    yield ROOT / SAMPLE / "suggested.txt", printed()
