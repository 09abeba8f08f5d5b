"""A session whose event does not state its issuer belongs to the role with its name in its account."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("duckdb")

from passrole_checks.cloudtrail import LogSummary, Pass, UsageQuery, aggregate_passes, read_passes

ACCOUNT, OTHER = "111122223333", "444455556666"
SESSION = "arn:aws:sts::{}:assumed-role/deploy"
ROLE = "arn:aws:iam::{}:role/{}deploy"


def identity(issuer: str = "", account: str = ACCOUNT) -> dict[str, Any]:
    """Return the identity of a session of the role "deploy", with the ARN of the role if it is given."""
    found: dict[str, Any] = {"type": "AssumedRole", "arn": f"{SESSION.format(account)}/me", "accountId": account}
    if issuer:
        found["sessionContext"] = {"attributes": {}, "sessionIssuer": {"type": "Role", "arn": issuer, "userName": "x"}}
    return found


def read(folder: Path, *identities: dict[str, Any], indent: int | None = None) -> list[Pass]:
    """Return the passes of events with these identities, in this order."""
    events = [
        {
            "eventID": f"{number}", "eventTime": f"2026-03-01T00:00:0{number}Z", "eventSource": "glue.amazonaws.com",
            "eventName": "CreateJob", "recipientAccountId": one["accountId"], "userIdentity": one,
            "requestParameters": {"name": "job", "role": f"arn:aws:iam::{one['accountId']}:role/app"},
        }
        for number, one in enumerate(identities)
    ]  # fmt: skip
    (folder / "log.json").write_text(json.dumps({"Records": events}, indent=indent))
    return read_all(folder)


def read_all(folder: Path, query: UsageQuery | None = None) -> list[Pass]:
    """Return the passes in the logs below a folder."""
    with read_passes([folder], query or UsageQuery(), LogSummary(), threads=1) as passes:
        return list(passes)


@pytest.mark.parametrize("indent", [None, 1])
def test_other_events_show_the_arn_of_the_role(indent: int | None, tmp_path: Path) -> None:
    """Earlier or later; the passes of both are one edge."""
    role = ROLE.format(ACCOUNT, "ci/")
    passes = read(tmp_path, identity(), identity(role), identity(), indent=indent)
    assert [one.who.principal for one in passes] == [role] * 3
    assert [one.who.session_issuer for one in passes] == ["", role, ""]
    (edge,) = aggregate_passes(passes)
    assert (edge.principal, sum(edge.counts.values())) == (role, 3)
    assert len(read_all(tmp_path, UsageQuery(principals=(role,)))) == 3


def test_names_that_look_like_the_member_do_not_hide_it(tmp_path: Path) -> None:
    """A session may be called like the member of the identity that names the issuer."""
    role = ROLE.format(ACCOUNT, "ci/")
    odd = {**identity(role), "arn": f"{SESSION.format(ACCOUNT)}/sessionIssuer=", "principalId": "AROA:sessionIssuer"}
    assert [one.who.principal for one in read(tmp_path, identity(), odd)] == [role, role]


def test_path_of_the_role_is_not_guessed(tmp_path: Path) -> None:
    """Names are unique only within an account, so a role of another account shows nothing."""
    passes = read(tmp_path, identity(), identity(ROLE.format(OTHER, ""), OTHER))
    assert [one.who.principal for one in passes] == [SESSION.format(ACCOUNT), ROLE.format(OTHER, "")]


def test_last_role_with_a_name_counts(tmp_path: Path) -> None:
    """A role that is deleted and made again under another path has the same sessions."""
    paths = [ROLE.format(ACCOUNT, path) for path in ("z/", "a/")]
    assert read(tmp_path, identity(paths[0]), identity(paths[1]), identity())[2].who.principal == paths[1]


def test_exported_structures_show_the_arn_too(tmp_path: Path) -> None:
    """Athena and CloudTrail Lake write the identity without quotes, and names in lower case."""
    role = ROLE.format(ACCOUNT, "ci/")
    with (tmp_path / "export.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["eventid", "eventtime", "eventsource", "eventname", "useridentity", "requestparameters"])
        for number, context in enumerate(("null", f"{{sessionissuer={{type=Role, arn={role}, username=deploy}}}}")):
            who = (
                f"{{type=AssumedRole, arn={SESSION.format(ACCOUNT)}/me, accountid={ACCOUNT}, sessioncontext={context}}}"
            )
            request = json.dumps({"role": f"arn:aws:iam::{ACCOUNT}:role/app"})
            writer.writerow([number, "2026-03-01T00:00:00Z", "glue.amazonaws.com", "CreateJob", who, request])
    assert [one.who.principal for one in read_all(tmp_path)] == [role, role]
