"""The diagram of changed access."""

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


def test_new_paths_are_thick_and_removed_ones_dotted() -> None:
    """New access is drawn with thick arrows from principal over role to service, removed access with dotted ones."""
    assert access_diagram(replace(EMPTY, items=(WIDENED,))) == (
        "```mermaid\n"
        "flowchart LR\n"
        '  n0(["aws_iam_role.deployer"])\n'
        '  n1["any role"]\n'
        '  n2{{"lambda.amazonaws.com"}}\n'
        "  n0 ==> n1\n"
        "  n1 ==> n2\n"
        "  linkStyle 0,1 stroke:#bb1f33\n"
        "```\n"
        "\n"
        "Who can pass which role to which service; thick: new."
    )


def test_what_is_left_of_a_narrowed_statement_is_not_new() -> None:
    """Of a statement that only shrinks, what it granted is dotted and what is left is thin."""
    narrowed = replace(removed(ANY), change="narrowed", after=APP)
    assert arrows(access_diagram(replace(EMPTY, less=(narrowed,)))) == [
        "aws_iam_role.deployer -.-> any role",
        "any role -.-> lambda.amazonaws.com",
        "aws_iam_role.deployer --> app-*",
        "app-* --> lambda.amazonaws.com",
    ]


def test_unchanged_part_of_a_new_path_is_thin() -> None:
    """For one more service the arrow to the role is thin, and only that to the service thick."""
    more = replace(APP, services=("lambda.amazonaws.com", "ec2.amazonaws.com"))
    drawn = access_diagram(replace(EMPTY, items=(replace(WIDENED, access=more, before=APP),)))
    assert arrows(drawn) == ["aws_iam_role.deployer --> app-*", "app-* ==> ec2.amazonaws.com"]


def test_moved_access_is_not_drawn() -> None:
    """Access that one statement lost and another gained is not drawn."""
    moved = replace(NEW, access=APP)
    assert access_diagram(replace(EMPTY, items=(moved,), less=(removed(APP),))) == ""


def test_only_changes_of_access_are_drawn() -> None:
    """There is no diagram without changed access, or without items."""
    assert access_diagram(replace(EMPTY, items=(replace(WIDENED, change="", access=ANY, before=ANY),))) == ""
    assert access_diagram(EMPTY) == ""


def test_unknown_principals_and_open_sets_have_names() -> None:
    """Without known principals the policy is drawn; role complements and ineffective conditions are named."""
    access = replace(APP, principals=(), complement=True, constraint="ineffective", services=("lambda",))
    drawn = arrows(access_diagram(replace(EMPTY, items=(replace(NEW, access=access),))))
    assert drawn == ["ReleasePolicy ==> any role except app-*", "any role except app-* ==> lambda (ineffective)"]
    access = replace(APP, constraint="unresolved", services=())
    drawn = arrows(access_diagram(replace(EMPTY, items=(replace(NEW, access=access),))))
    assert drawn[-1] == "app-* ==> unknown"


def test_arrows_are_limited() -> None:
    """Arrows of the worst items come first, and omitted ones are counted."""
    items = tuple(
        replace(NEW, access=replace(APP, principals=(f"p{number}",), roles=(f"r{number}",))) for number in range(20)
    )
    worst: Item = replace(WIDENED, before=None, change="new")
    drawn = access_diagram(replace(EMPTY, items=(*items, worst)))
    assert len(arrows(drawn)) == 24
    assert arrows(drawn)[0] == "aws_iam_role.deployer ==> any role"
    assert drawn.endswith("thick: new. 18 more arrows are not drawn.")


def test_too_many_paths_are_not_drawn() -> None:
    """Nothing is drawn if there are too many paths to compare."""
    names = tuple(map(str, range(30)))
    access = replace(APP, principals=names, roles=names, services=names)
    assert access_diagram(replace(EMPTY, items=(replace(NEW, access=access),))) == ""
