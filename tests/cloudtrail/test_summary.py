"""Passes are aggregated without loss."""

from __future__ import annotations

from dataclasses import replace

from passrole_checks.cloudtrail.model import Pass, RequestOutcome, Who
from passrole_checks.cloudtrail.summary import MAX_VALUES, DistinctValues, aggregate_passes

ARN = "arn:aws:iam::111122223333:role/service-role/app"
ONE = Pass(
    event_id="e",
    time="2026-03-01T00:00:00Z",
    who=Who("arn:aws:iam::111122223333:role/deploy"),
    role=ARN,
    services=("glue.amazonaws.com",),
    service="glue.amazonaws.com",
    event="CreateJob",
    action="glue:CreateJob",
    outcome=RequestOutcome.PASSED,
    resource="job",
    account="111122223333",
)


def test_a_name_and_an_arn_are_one_role() -> None:
    """Names of roles are unique in an account, so that one event completes another, whichever comes first."""
    later = replace(ONE, time="2026-03-02T00:00:00Z", role="app", event="UpdateJob")
    for passes in ([ONE, later], [replace(ONE, role="app"), replace(later, role=ARN)]):
        (edge,) = aggregate_passes(passes)
        assert (edge.role, edge.counts[RequestOutcome.PASSED]) == (ARN, 2)
        assert (edge.first, edge.last) == (ONE.time, later.time)
        assert edge.events == {"CreateJob": 1, "UpdateJob": 1}
        assert edge.resources.shown == {"job": 2}


def test_a_name_in_another_account_is_another_role() -> None:
    """Names are unique only within an account."""
    edges = aggregate_passes([ONE, replace(ONE, role="app", account="444455556666")])
    assert sorted(edge.role for edge in edges) == ["app", ARN]


def test_names_of_two_accounts_are_two_roles() -> None:
    """Even where the same service passes both."""
    who = Who("cloudformation.amazonaws.com")
    edges = aggregate_passes(
        [replace(ONE, who=who, role="app", account=account) for account in ("111122223333", "444455556666")]
    )
    assert len(edges) == 2


def test_times_are_those_of_what_passed() -> None:
    """Attempts before and after do not move them; without a pass they are those of the attempts."""
    times = [f"2026-03-0{day}T00:00:00Z" for day in range(1, 5)]
    denied, failed = replace(ONE, outcome=RequestOutcome.DENIED), replace(ONE, outcome=RequestOutcome.FAILED)
    tried = [replace(denied, time=times[0]), replace(failed, time=times[3])]
    (edge,) = aggregate_passes(tried)
    assert (edge.first, edge.last) == (times[0], times[3])
    (edge,) = aggregate_passes(
        [tried[0], replace(ONE, time=times[1], role="app"), replace(ONE, time=times[2]), tried[1]]
    )
    assert (edge.first, edge.last) == (times[1], times[2])
    assert edge.counts == {RequestOutcome.PASSED: 2, RequestOutcome.DENIED: 1, RequestOutcome.FAILED: 1}


def test_lists_are_bounded() -> None:
    """However many resources there are, some are named and all are counted."""
    (edge,) = aggregate_passes(replace(ONE, resource=f"job-{number}") for number in range(1000))
    assert len(edge.resources.shown) == MAX_VALUES
    assert sum(edge.resources.shown.values()) + edge.resources.others == 1000
    other = DistinctValues()
    other.merge(edge.resources)
    other.merge(edge.resources)
    assert sum(other.shown.values()) + other.others == 2000
