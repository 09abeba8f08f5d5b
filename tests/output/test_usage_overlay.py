"""Observed use on the graph: used and unused links, with counts."""

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
    """Return the graph with its uses."""
    report, result = reported(folder, resources, *edges)
    assert report.against is not None
    return add_uses(build_graph(result, grants_with_uses(result, report.against)), report.against)


def links(folder: Path, resources: dict[str, Any], *edges: Edge) -> Told:
    """Return the state of each link, and the number of requests that certainly succeeded along it."""
    graph, edges_of_uses = drawn(folder, resources, *edges)
    return {
        (graph.nodes[link.source].label, graph.nodes[link.target].label): (
            usage_state(link.uses, edges_of_uses).value,
            sum(edges_of_uses[number].counts[RequestOutcome.PASSED] for number, surely in link.uses.items() if surely),
        )
        for link in graph.links
    }


def test_links_of_a_used_statement_can_be_unused(tmp_path: Path) -> None:
    """By role and by service: a used statement has links that were never used."""
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
def test_ambiguous_use_is_possible_use(
    allowed: dict[str, Any], passed: Edge, role_link: str, service_link: str, tmp_path: Path
) -> None:
    """Denied requests are no use."""
    allowed = {key: value for key, value in allowed.items() if value is not None}
    found = links(tmp_path, {"Deploy": role("deploy", allowed)}, passed)
    assert [state for state, _ in found.values()] == [role_link, service_link]


def test_pass_through_two_statements_counts_once(tmp_path: Path) -> None:
    """It counts once on the link that both create."""
    found = links(tmp_path, {"Deploy": role("deploy", statement(), statement(Sid="Again"))}, edge(passed=4))
    assert found == {("Deploy", "app"): ("used", 4), ("app", LAMBDA): ("used", 4)}


def test_principals_of_a_shared_policy_are_distinguished(tmp_path: Path) -> None:
    """A policy of two roles was used by one of them."""
    shared = policy(statement(), Roles=[{"Ref": "A"}, {"Ref": "B"}])
    found = links(tmp_path, {"A": role("a"), "B": role("b"), "P": shared}, edge(principal=f"{ARN}b"))
    assert found == {("A", "app"): ("unused", 0), ("B", "app"): ("used", 1), ("app", LAMBDA): ("used", 1)}


def test_group_is_used_by_its_users(tmp_path: Path) -> None:
    """Requests are made by users; the policy is the group's."""
    group = {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "team"}}
    user = {"Type": "AWS::IAM::User", "Properties": {"UserName": "ann", "Groups": [{"Ref": "Team"}]}}
    shared = policy(statement(), Groups=[{"Ref": "Team"}])
    ann = edge(principal=f"arn:aws:iam::{ACCOUNT}:user/ann")
    found = links(tmp_path, {"Team": group, "Ann": user, "P": shared}, ann)
    assert found[("Team", "app")] == ("used", 1)


def test_unattached_policy_is_possibly_used(tmp_path: Path) -> None:
    """It may be attached to the principal of the request."""
    assert links(tmp_path, {"P": policy(statement())}, edge())[("P", "app")] == ("perhaps", 0)


def test_use_of_an_aws_managed_policy_is_drawn(tmp_path: Path) -> None:
    """Its statement is not in the configuration, and is added with its use."""
    attached = role("deploy", ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"])
    graph, edges = drawn(tmp_path, {"Deploy": attached}, edge())
    (entry,) = graph.entries
    assert [state.value for state in link_states(entry, edges)] == ["used"]
    assert [graph.nodes[number].label for number in entry.principals] == ["Deploy"]


def test_deny_statements_have_no_use(tmp_path: Path) -> None:
    """A Deny, and an Allow that one denies, are neither used nor unused."""
    deny = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": f"{ARN}*"}
    graph, edges = drawn(tmp_path, {"Deploy": role("deploy", statement(), deny)}, edge())
    assert [entry.uses for entry in graph.entries] == [None, None]
    assert edges == ()


def test_grouped_links_combine_the_use_of_their_parts(tmp_path: Path) -> None:
    """A group's use is that of all its members."""
    resources = {f"R{number}": role(f"r{number}", statement(f"{ARN}app-{number}")) for number in range(3)}
    graph, edges = drawn(tmp_path, resources, edge(f"{ARN}app-1", principal=f"{ARN}r1", passed=5))
    first = graph.grouped().links[0]
    assert (usage_state(first.uses, edges).value, len(first.entries)) == ("used", 3)
