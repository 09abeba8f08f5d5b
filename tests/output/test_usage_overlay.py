"""The evidence on the graph: which links were used, how often, and which never."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from used_grants import ACCOUNT, ARN, EC2, LAMBDA, edge, policy, reported, role, statement

from passrole_checks.cloudtrail import Edge, RequestOutcome
from passrole_checks.output.access_graph import AccessGraph, build_graph
from passrole_checks.output.usage_overlay import add_uses, grants_with_uses, link_states, usage_state

Told = dict[tuple[str, str], tuple[str, int]]


def drawn(folder: Path, resources: dict[str, Any], *edges: Edge) -> tuple[AccessGraph, tuple[Edge, ...]]:
    """The graph with its uses."""
    report, result = reported(folder, resources, *edges)
    assert report.against is not None
    return add_uses(build_graph(result, grants_with_uses(result, report.against)), report.against)


def links(folder: Path, resources: dict[str, Any], *edges: Edge) -> Told:
    """Each link with whether it was used, and how many requests were surely answered along it."""
    graph, told = drawn(folder, resources, *edges)
    return {
        (graph.nodes[link.source].label, graph.nodes[link.target].label): (
            usage_state(link.uses, told).value,
            sum(told[number].counts[RequestOutcome.PASSED] for number, surely in link.uses.items() if surely),
        )
        for link in graph.links
    }


def test_links_are_used_or_not(tmp_path: Path) -> None:
    """By role and by service: a statement that is used has links that never were."""
    found = links(
        tmp_path,
        {"Deploy": role("deploy", statement([f"{ARN}app", f"{ARN}b-*"], LAMBDA, EC2))},
        edge(passed=3),
        edge(passed=0, denied=2, role=f"{ARN}b-1"),
    )
    assert found == {
        ("Deploy", "app"): ("used", 3),
        ("Deploy", "b-*"): ("unused", 0),
        ("app", LAMBDA): ("used", 3),
        ("app", EC2): ("unused", 0),
        ("b-*", LAMBDA): ("unused", 0),
        ("b-*", EC2): ("unused", 0),
    }


@pytest.mark.parametrize(
    ("allowed", "passed", "role_link", "service_link"),
    [
        (statement("*"), edge(), "used", "used"),
        (statement("*", "lambda.*", Condition={"StringLike": {"iam:PassedToService": "l*"}}), edge(), "used", "used"),
        ({**statement(), "Condition": {}}, edge(), "used", "used"),
        (statement({"Ref": "Which"}), edge(), "perhaps", "perhaps"),
        (statement(), edge("app"), "perhaps", "perhaps"),  # known by its name
        (statement(), edge(f"{ARN}app", LAMBDA, EC2), "perhaps", "perhaps"),
        (statement(NotResource=f"{ARN}admin", Resource=None), edge(), "used", "used"),
        (statement(), edge(principal=f"{ARN}another"), "unused", "unused"),
        (statement(), edge(passed=0, denied=1), "unused", "unused"),
    ],
)
def test_what_cannot_be_told_is_perhaps(
    allowed: dict[str, Any], passed: Edge, role_link: str, service_link: str, tmp_path: Path
) -> None:
    """And what was only denied is no use."""
    allowed = {key: value for key, value in allowed.items() if value is not None}
    found = links(tmp_path, {"Deploy": role("deploy", allowed)}, passed)
    assert [state for state, _ in found.values()] == [role_link, service_link]


def test_a_pass_that_two_statements_allow_counts_once(tmp_path: Path) -> None:
    """On the link that both make."""
    found = links(tmp_path, {"Deploy": role("deploy", statement(), statement(Sid="Again"))}, edge(passed=4))
    assert found == {("Deploy", "app"): ("used", 4), ("app", LAMBDA): ("used", 4)}


def test_two_who_hold_a_policy_are_told_apart(tmp_path: Path) -> None:
    """The policy of two roles was used by one of them."""
    shared = policy(statement(), Roles=[{"Ref": "A"}, {"Ref": "B"}])
    found = links(tmp_path, {"A": role("a"), "B": role("b"), "P": shared}, edge(principal=f"{ARN}b"))
    assert found == {("A", "app"): ("unused", 0), ("B", "app"): ("used", 1), ("app", LAMBDA): ("used", 1)}


def test_a_group_was_used_by_its_users(tmp_path: Path) -> None:
    """Who makes requests are users; the policy is the group's."""
    group = {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "team"}}
    user = {"Type": "AWS::IAM::User", "Properties": {"UserName": "ann", "Groups": [{"Ref": "Team"}]}}
    shared = policy(statement(), Groups=[{"Ref": "Team"}])
    ann = edge(principal=f"arn:aws:iam::{ACCOUNT}:user/ann")
    found = links(tmp_path, {"Team": group, "Ann": user, "P": shared}, ann)
    assert found[("Team", "app")] == ("used", 1)


def test_a_policy_of_nobody_is_perhaps_used(tmp_path: Path) -> None:
    """It may be attached to whoever passed."""
    assert links(tmp_path, {"P": policy(statement())}, edge())[("P", "app")] == ("perhaps", 0)


def test_what_a_policy_of_aws_let_through_is_drawn(tmp_path: Path) -> None:
    """Its statement stands nowhere in the configuration, and is told with its use."""
    attached = role("deploy", ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"])
    graph, edges = drawn(tmp_path, {"Deploy": attached}, edge())
    (entry,) = graph.entries
    assert [state.value for state in link_states(entry, edges)] == ["used"]
    assert [graph.nodes[number].label for number in entry.principals] == ["Deploy"]


def test_denials_have_no_use(tmp_path: Path) -> None:
    """A Deny, and an Allow that one takes away, are neither used nor unused."""
    deny = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": f"{ARN}*"}
    graph, edges = drawn(tmp_path, {"Deploy": role("deploy", statement(), deny)}, edge())
    assert [entry.uses for entry in graph.entries] == [None, None]
    assert edges == ()


def test_grouped_links_are_used_as_their_parts_are(tmp_path: Path) -> None:
    """Drawn together, what one of them was used for is the use of all."""
    resources = {f"R{number}": role(f"r{number}", statement(f"{ARN}app-{number}")) for number in range(3)}
    graph, edges = drawn(tmp_path, resources, edge(f"{ARN}app-1", principal=f"{ARN}r1", passed=5))
    first = graph.grouped().links[0]
    assert (usage_state(first.uses, edges).value, len(first.entries)) == ("used", 3)
