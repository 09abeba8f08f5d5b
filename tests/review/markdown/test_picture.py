"""The picture of what changes."""

from __future__ import annotations

from dataclasses import replace

from reports_of_tests import ANY, APP, EMPTY, NEW, WIDENED

from passrole_checks.review.markdown.picture import access_diagram
from passrole_checks.review.report import Item, Location, ReducedAccess


def removed(before: object) -> ReducedAccess:
    return ReducedAccess("removed", Location("old.tf", 1, 2), "aws_iam_role_policy.old", "", before, None)


def arrows(drawn: str) -> list[str]:
    """The arrows of a picture, with names in place of numbers."""
    lines = drawn.split("```")[1].splitlines()[2:]
    names = {line.split('"')[0].strip(" ([{"): line.split('"')[1] for line in lines if '"' in line}
    found = (line.split() for line in lines if '"' not in line and line.split()[0] in names)
    return [f"{names[source]} {arrow} {names[target]}" for source, arrow, target in found]


def test_the_whole_picture() -> None:
    """What widens is drawn thick from who over the role to the service, and what is no more dotted."""
    assert access_diagram(replace(EMPTY, items=(WIDENED,))) == (
        "```mermaid\n"
        "flowchart LR\n"
        '  n0(["aws_iam_role.deployer"])\n'
        '  n1["any role"]\n'
        '  n2{{"lambda.amazonaws.com"}}\n'
        '  n3["app-*"]\n'
        "  n0 ==> n1\n"
        "  n1 ==> n2\n"
        "  n0 -.-> n3\n"
        "  n3 -.-> n2\n"
        "  linkStyle 0,1 stroke:#bb1f33\n"
        "```\n"
        "\n"
        "Who can pass which role to which service; thick: new; dotted: gone."
    )


def test_what_stays_is_thin() -> None:
    """One more service: the way to the role was there, and only the way from it is new."""
    more = replace(APP, services=("lambda.amazonaws.com", "ec2.amazonaws.com"))
    drawn = access_diagram(replace(EMPTY, items=(replace(WIDENED, access=more, before=APP),)))
    assert arrows(drawn) == ["aws_iam_role.deployer --> app-*", "app-* ==> ec2.amazonaws.com"]


def test_what_moves_is_not_drawn() -> None:
    """What one statement has lost and another has gained is no change."""
    moved = replace(NEW, access=APP)
    assert access_diagram(replace(EMPTY, items=(moved,), less=(removed(APP),))) == ""


def test_only_changes_of_access_are_drawn() -> None:
    """A finding about access that is as before makes no picture, nor does a report without items."""
    assert access_diagram(replace(EMPTY, items=(replace(WIDENED, change="", access=ANY, before=ANY),))) == ""
    assert access_diagram(EMPTY) == ""


def test_who_is_not_known() -> None:
    """Where nobody is known to hold a policy, the policy stands there; all roles but some, and conditions that do not
    work, are named so."""
    access = replace(APP, principals=(), complement=True, constraint="ineffective", services=("lambda",))
    drawn = arrows(access_diagram(replace(EMPTY, items=(replace(NEW, access=access),))))
    assert drawn == ["ReleasePolicy ==> any role except app-*", "any role except app-* ==> lambda (ineffective)"]
    access = replace(APP, constraint="unresolved", services=())
    drawn = arrows(access_diagram(replace(EMPTY, items=(replace(NEW, access=access),))))
    assert drawn[-1] == "app-* ==> cannot be told"


def test_so_many_arrows() -> None:
    """The worst come first, and what is not drawn is counted."""
    items = tuple(
        replace(NEW, access=replace(APP, principals=(f"p{number}",), roles=(f"r{number}",))) for number in range(20)
    )
    worst: Item = replace(WIDENED, before=None, change="new")
    drawn = access_diagram(replace(EMPTY, items=(*items, worst)))
    assert len(arrows(drawn)) == 24
    assert arrows(drawn)[0] == "aws_iam_role.deployer ==> any role"
    assert drawn.endswith("thick: new. 18 more arrows are not drawn.")


def test_too_many_ways_to_look_at() -> None:
    """Where nobody could tell in time what moved, nothing is drawn."""
    names = tuple(map(str, range(30)))
    access = replace(APP, principals=names, roles=names, services=names)
    assert access_diagram(replace(EMPTY, items=(replace(NEW, access=access),))) == ""
