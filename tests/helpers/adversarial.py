"""Small inputs that are made to take long: families of configurations, each of any size.

A family is a function of a number ``n`` that gives the files of one input, in which one thing grows with ``n``: roles,
statements, values, lengths, depths. ``small`` is a number for the tests, which count calls at ``small`` and at twice
that; ``large`` is one whose files have about 100 kB, or fewer where a few bytes already ask for a great deal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Files = dict[str, str]
LAMBDA = "lambda.amazonaws.com"
ROLE = "arn:aws:iam::111122223333:role/"


@dataclass(frozen=True)
class Family:
    """``most``: how many times the calls may grow when ``n`` is doubled; None where growing stops at a limit."""

    name: str
    files: Callable[[int], Files]
    small: int
    large: int
    most: float | None = 2.2

    def write(self, folder: Path, n: int) -> Path:
        """Write the input for ``n`` below a folder."""
        for name, text in self.files(n).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", errors="surrogatepass")
        return folder


FAMILIES: list[Family] = []


def family(
    small: int, large: int, most: float | None = 2.2
) -> Callable[[Callable[[int], Files]], Callable[[int], Files]]:
    """Add a function to the families, under its own name."""

    def added(files: Callable[[int], Files]) -> Callable[[int], Files]:
        FAMILIES.append(Family(files.__name__, files, small, large, most))
        return files

    return added


# -- parts of configurations


def allow(actions: Any, resources: Any, condition: Any = None, effect: str = "Allow") -> dict[str, Any]:
    statement = {"Effect": effect, "Action": actions, "Resource": resources}
    return statement if condition is None else {**statement, "Condition": condition}


def document(statements: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(*services: str) -> dict[str, Any]:
    allowed = {"Effect": "Allow", "Principal": {"Service": list(services or (LAMBDA,))}, "Action": "sts:AssumeRole"}
    return document([allowed])


def role(name: str, statements: Iterable[dict[str, Any]] = (), *services: str) -> dict[str, Any]:
    properties: dict[str, Any] = {"RoleName": name, "AssumeRolePolicyDocument": trust(*services)}
    found = list(statements)
    if found:
        properties["Policies"] = [{"PolicyName": "own", "PolicyDocument": document(found)}]
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def policy(statements: Iterable[dict[str, Any]], **properties: Any) -> dict[str, Any]:
    given = {"PolicyName": "pass", "PolicyDocument": document(statements), **(properties or {"Roles": ["deployer"]})}
    return {"Type": "AWS::IAM::Policy", "Properties": given}


def template(resources: dict[str, Any], **sections: Any) -> Files:
    return {"template.json": json.dumps({**sections, "Resources": resources}, separators=(",", ":"))}


def passing(condition: Any = None, resource: Any = ROLE + "app-*") -> dict[str, Any]:
    return allow("iam:PassRole", resource, condition)


def to(values: Any, operator: str = "StringEquals") -> dict[str, Any]:
    return {operator: {"iam:PassedToService": values}}


HCL_TRUST = (
    'assume_role_policy = jsonencode({Version="2012-10-17",Statement=[{Effect="Allow",'
    'Principal={Service="lambda.amazonaws.com"},Action="sts:AssumeRole"}]})'
)


def terraform(*blocks: str) -> Files:
    return {"main.tf": "\n".join(blocks) + "\n"}


def hcl_policy(statements: str, name: str = "p", more: str = "") -> str:
    return (
        f'resource "aws_iam_role_policy" "{name}" {{\n  role = "deployer"\n  {more}\n'
        f'  policy = jsonencode({{Version="2012-10-17",Statement=[{statements}]}})\n}}'
    )


def hcl_roles(name: str, n: int) -> str:
    return (
        f'resource "aws_iam_role" "{name}" {{\n  count = {n}\n  name = "app-{name}-${{count.index}}"\n  {HCL_TRUST}\n}}'
    )


def hcl_policies(name: str, n: int, statements: str) -> str:
    return (
        f'resource "aws_iam_role_policy" "{name}" {{\n  count = {n}\n  role = aws_iam_role.{name}[count.index].id\n'
        f'  policy = jsonencode({{Version="2012-10-17",Statement=[{statements}]}})\n}}'
    )


def hcl_pass(resource: str = '"arn:aws:iam::111122223333:role/app-*"', condition: str = "") -> str:
    more = f",Condition={{{condition}}}" if condition else ""
    return f'{{Effect="Allow",Action="iam:PassRole",Resource={resource}{more}}}'


def hcl_to(value: str, operator: str = "StringEquals") -> str:
    return hcl_pass(condition=f'{operator}={{"iam:PassedToService"={value}}}')


# -- principals and roles


@family(5, 100, 4.4)
def roles_that_pass_each_other(n: int) -> Files:
    """Four resources of ``n`` roles; each role may pass all, and write one bucket of its own."""
    blocks = [f"locals {{\n  all = concat({', '.join(f'aws_iam_role.{x}[*].arn' for x in 'abcd')})\n}}"]
    for x in "abcd":
        own = f'{{Effect="Allow",Action="s3:PutObject",Resource="arn:aws:s3:::{x}-${{count.index}}/*"}}'
        blocks += [hcl_roles(x, n), hcl_policies(x, n, f"{hcl_pass('local.all')},{own}")]
    return terraform(*blocks)


@family(10, 100)
def roles_that_share_a_policy(n: int) -> Files:
    """One policy that lets two resources of ``n`` roles pass each other."""
    shared = hcl_pass("concat(aws_iam_role.a[*].arn, aws_iam_role.b[*].arn)")
    blocks = [
        'resource "aws_iam_policy" "p" {\n  policy = jsonencode({Version="2012-10-17",Statement=['
        + shared
        + ',{Effect="Allow",Action="s3:*",Resource="*"}]})\n}'
    ]
    for x in "ab":
        blocks += [
            hcl_roles(x, n),
            f'resource "aws_iam_role_policy_attachment" "{x}" {{\n  count = {n}\n'
            f"  role = aws_iam_role.{x}[count.index].name\n  policy_arn = aws_iam_policy.p.arn\n}}",
        ]
    return terraform(*blocks)


@family(16, 100)
def roles_of_few_classes(n: int) -> Files:
    """Four resources of ``n`` roles; those of one resource have copies of one policy."""
    blocks = []
    for x in "abcd":
        own = f'{{Effect="Allow",Action="s3:PutObject",Resource="arn:aws:s3:::{x}/*"}}'
        blocks += [hcl_roles(x, n), hcl_policies(x, n, f"{hcl_pass()},{own}")]
    return terraform(*blocks)


@family(15, 250, 4.4)
def roles_that_all_differ(n: int) -> Files:
    """Each of ``n`` roles may pass all others and write one table of its own."""
    return template({
        f"R{i}": role(f"app-{i}", [passing(), allow("dynamodb:PutItem", f"arn:aws:dynamodb:*:*:table/t{i}")])
        for i in range(n)
    })  # fmt: skip


@family(15, 230, 4.4)
def roles_with_denials(n: int) -> Files:
    """Each of ``n`` roles may pass all others and do all but what a Deny of its own takes."""
    return template({
        f"R{i}": role(f"app-{i}", [passing(), allow("s3:*", "*"), allow("s3:*", f"arn:aws:s3:::b{i}/*", None, "Deny")])
        for i in range(n)
    })  # fmt: skip


@family(10, 140, 4.4)
def roles_with_many_wildcards(n: int) -> Files:
    """Each of ``n`` roles has wildcards in its actions and resources that meet those of the others."""
    return template({
        f"R{i}": role(f"app-{i}", [
            passing(),
            allow([f"s3:*{i}*", f"ec2:*x{i}*", f"*:*{i}?"], [f"arn:aws:s3:::*{i}*b*/*", f"arn:*:*:*:*:*{i}*{i + 1}*"]),
        ])
        for i in range(n)
    })  # fmt: skip


@family(6, 30, 4.4)
def roles_with_many_statements(n: int) -> Files:
    """``n`` roles of ``n`` statements each."""
    return template({
        f"R{i}": role(f"app-{i}", [passing(), *(
            allow(f"sqs:Send{j}", f"arn:aws:sqs:*:*:q-{i}-{j}") for j in range(n)
        )])
        for i in range(n)
    })  # fmt: skip


@family(6, 32, 4.4)
def roles_with_not_actions(n: int) -> Files:
    """``n`` roles that may do all but ``n`` things, on all but ``n`` resources."""
    return template({
        f"R{i}": role(f"app-{i}", [passing(), {
            "Effect": "Allow", "NotAction": [f"s3:Get{i}x{j}*" for j in range(n)],
            "NotResource": [f"arn:aws:s3:::b-{i}-{j}/*" for j in range(n)],
        }])
        for i in range(n)
    })  # fmt: skip


@family(20, 2500)
def principals_of_one_policy(n: int) -> Files:
    """One policy of ``n`` roles by name."""
    return template({"P": policy([passing(), allow("lambda:*", "*")], Roles=[f"r{i}" for i in range(n)])})


@family(20, 1200)
def members_of_a_group(n: int) -> Files:
    """A group of ``n`` users, each with a policy of its own."""
    users = {f"U{i}": {"Type": "AWS::IAM::User", "Properties": {"Groups": ["g"], "ManagedPolicyArns": [
        "arn:aws:iam::aws:policy/ReadOnlyAccess"]}} for i in range(n // 2)}  # fmt: skip
    return template({"P": policy([passing(), allow("lambda:*", "*")], Groups=["g"]), **users})


@family(15, 400)
def managed_policies_attached(n: int) -> Files:
    """``n`` roles with AWS managed policies."""
    arns = [f"arn:aws:iam::aws:policy/{name}" for name in ("PowerUserAccess", "AWSLambda_FullAccess", "IAMFullAccess")]
    return template({
        f"R{i}": {"Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": trust(), "ManagedPolicyArns": arns}}
        for i in range(n)
    })  # fmt: skip


@family(15, 300)
def roles_with_boundaries(n: int) -> Files:
    """``n`` roles, each within a boundary of all."""
    boundary = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document(
        [passing(None, ROLE + "*"), allow("s3:*", "*"), allow("s3:*", "arn:aws:s3:::x/*", None, "Deny")])}}  # fmt: skip
    roles = {f"R{i}": role(f"app-{i}", [passing()]) for i in range(n)}
    for one in roles.values():
        one["Properties"]["PermissionsBoundary"] = {"Ref": "B"}
    return template({"B": boundary, **roles})


@family(15, 420)
def control_policies(n: int) -> Files:
    """``n`` service control policies with a Deny each."""
    resources = {f"S{i}": {"Type": "AWS::Organizations::Policy", "Properties": {
        "Name": f"s{i}", "Type": "SERVICE_CONTROL_POLICY", "TargetIds": [{"Ref": "AWS::AccountId"}],
        "Content": document([allow("iam:PassRole", f"{ROLE}x{i}*", None, "Deny")])}} for i in range(n)}  # fmt: skip
    return template({"P": policy([passing()]), **resources})


# -- statements


@family(20, 900)
def statements_of_one_policy(n: int) -> Files:
    return template({"P": policy(passing(None, f"{ROLE}app-{i}") for i in range(n))})


@family(20, 450)
def statements_with_conditions(n: int) -> Files:
    """``n`` statements, each with a service of its own."""
    return template({"P": policy(passing(to(f"s{i}.amazonaws.com"), f"{ROLE}app-{i}-*") for i in range(n))})


@family(20, 450)
def allows_and_denials(n: int) -> Files:
    """``n`` statements that allow wildcards and ``n`` that deny others."""
    return template({"P": policy([
        *(passing(None, f"{ROLE}a{i}*b*") for i in range(n)),
        *(allow("iam:PassRole", f"{ROLE}*c{i}*d", None, "Deny") for i in range(n)),
    ])})  # fmt: skip


@family(20, 450)
def prefixes_and_denied_suffixes(n: int) -> Files:
    """``n`` statements that allow names by how they begin, and ``n`` that deny them by how they end."""
    return template({"P": policy([
        *(passing(None, f"{ROLE}a{i}*") for i in range(n)),
        *(allow("iam:PassRole", f"{ROLE}*b{i}", None, "Deny") for i in range(n)),
    ])})  # fmt: skip


@family(20, 450)
def prefixes_and_read_suffixes(n: int) -> Files:
    """``n`` statements that allow passing roles by how they begin, and ``n`` reading others by how they end."""
    return template({"P": policy([
        *(passing(None, f"{ROLE}a{i}*") for i in range(n)),
        *(allow("iam:GetRole", f"{ROLE}*b{i}") for i in range(n)),
    ])})  # fmt: skip


@family(20, 450)
def other_resources_and_denials(n: int) -> Files:
    """``n`` statements that allow all roles but a wildcard, and ``n`` that deny others."""
    return template({"P": policy([
        *({"Effect": "Allow", "Action": "iam:PassRole", "NotResource": f"{ROLE}a{i}*b*"} for i in range(n)),
        *(allow("iam:PassRole", f"{ROLE}*c{i}*d", None, "Deny") for i in range(n)),
    ])})  # fmt: skip


@family(20, 3000)
def resources_of_a_statement(n: int) -> Files:
    return template({"P": policy([passing(None, [f"{ROLE}a{i}" for i in range(n)])])})


@family(20, 1700)
def wildcard_resources_of_a_statement(n: int) -> Files:
    return template({"P": policy([passing(None, [f"{ROLE}a{i}*b?{i}*" for i in range(n)])])})


@family(20, 1300)
def resources_and_their_denials(n: int) -> Files:
    """A statement of ``n`` wildcards, and one that denies ``n`` others."""
    return template({"P": policy([
        passing(None, [f"{ROLE}a{i}*" for i in range(n)]),
        allow("iam:PassRole", [f"{ROLE}*b{i}" for i in range(n)], None, "Deny"),
    ])})  # fmt: skip


def all_but(resources: Any, effect: str = "Deny") -> dict[str, Any]:
    return {"Effect": effect, "Action": "iam:PassRole", "NotResource": resources}


@family(20, 1300)
def resources_and_a_denial_of_all_others(n: int) -> Files:
    """A statement of ``n`` prefixes, and a Deny of all roles but those of ``n`` suffixes."""
    return template({"P": policy([
        passing(None, [f"{ROLE}a{i}*" for i in range(n)]), all_but([f"{ROLE}*b{i}" for i in range(n)])
    ])})  # fmt: skip


@family(20, 740)
def infixes_and_a_denial_of_all_others(n: int) -> Files:
    """``n`` statements of an infix each, and a Deny of all roles but those of ``n`` other infixes."""
    return template({"P": policy([
        *(passing(None, f"{ROLE}*a{i}x*") for i in range(n)), all_but([f"{ROLE}*b{i}*" for i in range(n)])
    ])})  # fmt: skip


@family(20, 1300)
def resources_left_out_by_allow_and_denial(n: int) -> Files:
    """An Allow and a Deny, each of all roles but ``n``."""
    return template({"P": policy([
        all_but([f"{ROLE}a{i}*" for i in range(n)], "Allow"), all_but([f"{ROLE}*b{i}" for i in range(n)])
    ])})  # fmt: skip


def within_boundary(allows: Iterable[dict[str, Any]], limits: Iterable[dict[str, Any]]) -> Files:
    limited = role("deployer", allows)
    limited["Properties"]["PermissionsBoundary"] = {"Ref": "B"}
    boundary = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document(limits)}}
    return template({"B": boundary, "R": limited})


@family(20, 1300)
def resources_within_a_boundary(n: int) -> Files:
    """A statement of ``n`` prefixes within a boundary of ``n`` suffixes."""
    return within_boundary(
        [passing(None, [f"{ROLE}a{i}*" for i in range(n)])], [passing(None, [f"{ROLE}*b{i}" for i in range(n)])]
    )


@family(20, 450)
def statements_within_a_boundary(n: int) -> Files:
    """``n`` statements of a prefix each within a boundary of ``n`` statements: narrower prefixes, and suffixes."""
    return within_boundary(
        (passing(None, f"{ROLE}a{i}*") for i in range(n)),
        (passing(None, f"{ROLE}a{i}-x*" if i % 2 else f"{ROLE}*b{i}") for i in range(n)),
    )


@family(20, 450)
def statements_within_a_boundary_of_all_others(n: int) -> Files:
    """``n`` statements within a boundary of ``n`` statements with NotResource."""
    return within_boundary(
        (passing(None, f"{ROLE}a{i}*") for i in range(n)), (all_but(f"{ROLE}*b{i}", "Allow") for i in range(n))
    )


@family(20, 2000)
def resources_left_out(n: int) -> Files:
    return template({"P": policy([
        {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": [f"{ROLE}*a{i}*" for i in range(n)]}
    ])})  # fmt: skip


@family(20, 4000)
def actions_of_a_statement(n: int) -> Files:
    return template({"P": policy([passing(), allow([f"lambda:Create{i}*" for i in range(n)], "*")])})


@family(20, 4000)
def actions_left_out(n: int) -> Files:
    return template({"P": policy([
        passing(), {"Effect": "Allow", "NotAction": [f"lambda:Create{i}*" for i in range(n)], "Resource": "*"}
    ])})  # fmt: skip


@family(20, 1200)
def actions_on_named_resources(n: int) -> Files:
    """``n`` statements, each on one resource, allow the action that starts a service."""
    names = ("lambda:CreateFunction", "lambda:InvokeFunction")
    return template({"P": policy([
        passing(), *(allow(names[i % 2], f"arn:aws:lambda:*:*:function:f{i}") for i in range(n // 2))
    ])})  # fmt: skip


@family(20, 500)
def changes_of_roles(n: int) -> Files:
    """``n`` patterns of roles that may be passed, and ``n`` other ones that may be changed."""
    return template({"P": policy([
        passing(None, [f"{ROLE}p{i}-*" for i in range(n)]),
        allow("iam:PutRolePolicy", [f"{ROLE}*-c{i}" for i in range(n)]),
    ])})  # fmt: skip


# -- lengths


@family(300, 99_000)
def long_resource(n: int) -> Files:
    return template({"P": policy([passing(None, ROLE + "a" * n)])})


@family(100, 45_000)
def resource_of_stars(n: int) -> Files:
    """A role, and a pattern of ``n`` wildcards."""
    return template({"R": role("a" * 64, [allow("s3:*", "*")]), "P": policy([passing(None, ROLE + "*a" * n)])})


@family(40, 24_000)
def two_patterns_of_stars(n: int) -> Files:
    """An Allow and a Deny of many wildcards each."""
    return template({"P": policy([
        passing(None, ROLE + "*a?" * n), allow("iam:PassRole", ROLE + "*b" * n, None, "Deny")
    ])})  # fmt: skip


@family(40, 10_000)
def patterns_of_stars_of_two_roles(n: int) -> Files:
    return template({
        "A": role("app-a", [passing(), allow("s3:*", "arn:aws:s3:::" + "*a?" * n)]),
        "B": role("app-b", [passing(), allow("s3:*", "arn:aws:s3:::" + "?b*" * n)]),
    })  # fmt: skip


@family(300, 99_000)
def long_action(n: int) -> Files:
    return template({"P": policy([passing(), allow("lambda:" + "a" * n, "*")])})


@family(100, 49_000)
def action_of_stars(n: int) -> Files:
    return template({"P": policy([allow("iam:" + "*s" * n + "*", ROLE + "app-*")])})


@family(300, 99_000)
def long_service(n: int) -> Files:
    return template({"P": policy([passing(to("a" * n))])})


@family(300, 99_000)
def long_service_of_the_form(n: int) -> Files:
    return template({"P": policy([passing(to("a" * n + ".amazonaws.com", "StringLike"))])})


@family(100, 49_000)
def service_of_stars(n: int) -> Files:
    return template({"P": policy([passing(to("*a" * n + "*", "StringLike"))])})


@family(100, 30_000)
def service_of_variables(n: int) -> Files:
    return template({"P": policy([passing(to("${x}" * (n // 2) + ".amazonaws.com", "StringLike"))])})


@family(100, 9_000)
def service_of_regions(n: int) -> Files:
    return template({"P": policy([passing(to({"Fn::Sub": "${AWS::Region}a" * (n // 2) + ".amazonaws.com"}))])})


@family(300, 99_000)
def long_key(n: int) -> Files:
    return template({"P": policy([passing({"StringEquals": {"iam:PassedToService" + "x" * n: "a"}})])})


@family(300, 99_000)
def long_operator(n: int) -> Files:
    return template({"P": policy([passing({"StringEquals" + "x" * n: {"iam:PassedToService": LAMBDA}})])})


@family(100, 30_000)
def resource_of_variables(n: int) -> Files:
    return template({"P": policy([passing(None, ROLE + "${aws:a}" * (n // 3))])})


# -- conditions


@family(20, 3200)
def services_of_a_condition(n: int) -> Files:
    return template({"P": policy([passing(to([f"s{i}.amazonaws.com" for i in range(n)]))])})


@family(20, 3200)
def service_patterns_of_a_condition(n: int) -> Files:
    return template({"P": policy([passing(to([f"s{i}*.amazonaws.com" for i in range(n)], "StringLike"))])})


@family(20, 6000)
def misspelled_services(n: int) -> Files:
    return template({"P": policy([passing(to([f"lambd{i}" for i in range(n)]))])})


@family(20, 3000)
def keys_of_a_condition(n: int) -> Files:
    return template({"P": policy([passing({"StringEquals": {f"aws:PrincipalTag/t{i}": "a" for i in range(n)}})])})


@family(20, 2000)
def misspelled_keys(n: int) -> Files:
    return template({"P": policy([passing({"StringEquals": {f"iam:PassedToServic{i}": "a" for i in range(n)}})])})


@family(20, 2000)
def misspelled_operators(n: int) -> Files:
    return template({"P": policy([passing({f"StringEqual{i}": {"iam:PassedToService": "a"} for i in range(n)})])})


@family(20, 1500)
def doubtful_keys(n: int) -> Files:
    """``n`` keys that may be any."""
    condition = "".join(f'"${{var.k{i}}}"="lambda.amazonaws.com",' for i in range(n))
    return terraform(hcl_policy(hcl_pass(condition=f"StringEquals={{{condition}}}")))


# -- alternatives


def conditions(n: int) -> dict[str, Any]:
    return {
        "Parameters": {f"P{i}": {"Type": "String"} for i in range(n)},
        "Conditions": {f"C{i}": {"Fn::Equals": [{"Ref": f"P{i}"}, "x"]} for i in range(n)},
    }


def either(i: int, one: Any, other: Any) -> dict[str, Any]:
    return {"Fn::If": [f"C{i}", one, other]}


@family(5, 500, None)
def statements_under_conditions(n: int) -> Files:
    """``n`` statements, each there or not under a condition of its own."""
    gone = {"Ref": "AWS::NoValue"}
    return template({"P": policy(either(i, passing(None, f"{ROLE}a{i}"), gone) for i in range(n))}, **conditions(n))


@family(5, 500, None)
def resources_under_conditions(n: int) -> Files:
    values = [either(i, f"{ROLE}a{i}", f"{ROLE}b{i}*") for i in range(n)]
    return template({"P": policy([passing(None, values)])}, **conditions(n))


@family(5, 500, None)
def services_under_conditions(n: int) -> Files:
    values = [either(i, f"a{i}.amazonaws.com", f"b{i}.amazonaws.com") for i in range(n)]
    return template({"P": policy([passing(to(values))])}, **conditions(n))


@family(5, 600, None)
def nested_alternatives(n: int) -> Files:
    value: Any = ROLE + "x"
    for i in range(min(n, 150)):
        value = either(i, value, f"{ROLE}a{i}")
    return template({"P": policy([passing(None, value)])}, **conditions(n))


@family(5, 300, None)
def text_of_alternatives(n: int) -> Files:
    value = {"Fn::Join": ["-", [ROLE, *(either(i, f"a{i}", f"b{i}") for i in range(n))]]}
    return template({"P": policy([passing(None, value)])}, **conditions(n))


@family(5, 350, None)
def roles_under_conditions(n: int) -> Files:
    roles = {f"R{i}": {**role(f"app-{i}", [passing(), allow("iam:*", "*")]), "Condition": f"C{i}"} for i in range(n)}
    return template(roles, **conditions(n))


@family(10, 400, None)
def conditions_of_conditions(n: int) -> Files:
    """Each condition is made of those before it, twice."""
    made: dict[str, Any] = {"C0": {"Fn::Equals": [{"Ref": "P0"}, "x"]}}
    for i in range(1, n):
        made[f"C{i}"] = {"Fn::Or": [{"Condition": f"C{i - 1}"}, {"Fn::Not": [{"Condition": f"C{i - 1}"}]},
                                    {"Fn::Equals": [{"Ref": "P0"}, f"{i}"]}]}  # fmt: skip
    resources = {"P": policy([either(n - 1, passing(), passing(None, ROLE + "*"))])}
    return template(resources, Parameters={"P0": {"Type": "String"}}, Conditions=made)


@family(4, 300, None)
def ternaries(n: int) -> Files:
    """``n`` conditionals in one Terraform text."""
    declared = "\n".join(f'variable "v{i}" {{\n  type = bool\n}}' for i in range(n))
    text = "".join(f'${{var.v{i} ? "a" : "b"}}' for i in range(n))
    return terraform(declared, hcl_policy(hcl_pass(f'"{ROLE}{text}"')))


@family(4, 300, None)
def statements_with_ternaries(n: int) -> Files:
    declared = "\n".join(f'variable "v{i}" {{\n  type = bool\n}}' for i in range(n))
    statements = ",".join(hcl_pass(f'var.v{i} ? "{ROLE}a{i}" : "{ROLE}b{i}*"') for i in range(n))
    return terraform(declared, hcl_policy(statements))


# -- CloudFormation


@family(3, 7, None)
def nested_for_each(n: int) -> Files:
    """``n`` loops of ten each within each other."""
    inner: Any = {"R${V0}": role("x", [passing()])}
    for i in range(n):
        inner = {f"Fn::ForEach::L{i}": [f"V{i}", [str(j) for j in range(10)], inner]}
    return template(inner, Transform="AWS::LanguageExtensions")


@family(5, 90, None)
def doubling_sub(n: int) -> Files:
    """A text whose variables are texts of the one before, twice."""
    value: Any = "xx"
    for _ in range(n):
        value = {"Fn::Sub": ["${A}${A}", {"A": value}]}
    return template({"P": policy([passing(None, {"Fn::Join": ["", [ROLE, value]]})])})


@family(5, 30, None)
def join_and_split(n: int) -> Files:
    """A list that is joined with itself and split again."""
    value: Any = "a,b"
    for _ in range(n):
        value = {"Fn::Join": [",", {"Fn::Split": [",", {"Fn::Join": [",", [value, "c"]]}]}]}
    return template({"P": policy([passing(None, {"Fn::Split": [",", value]})])})


@family(5, 600, None)
def aliases(n: int) -> Files:
    """Each anchor is a list of ten of the anchor before it."""
    lines = ["Metadata:", "  a0: &a0 [x]"]
    lines += [f"  a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, n)]
    lines += ["Resources:", "  P:", "    Type: AWS::IAM::Policy", "    Properties:", "      PolicyName: p",
              "      Roles: [deployer]", "      PolicyDocument:", "        Statement:", "          Effect: Allow",
              "          Action: iam:PassRole", f"          Resource: *a{n - 1}"]  # fmt: skip
    return {"template.yaml": "\n".join(lines) + "\n"}


@family(20, 3000, None)
def merge_keys(n: int) -> Files:
    lines = ["Metadata:", "  a0: &a0 {k0: x}"]
    lines += [f"  a{i}: &a{i} {{<<: *a{i - 1}, k{i}: x}}" for i in range(1, n)]
    lines += ["Resources: {P: {Type: AWS::IAM::User}}"]
    return {"template.yaml": "\n".join(lines) + "\n"}


@family(20, 40_000, None)
def deep_json(n: int) -> Files:
    deep = "[" * n + "]" * n
    return {"template.json": f'{{"Resources":{{"P":{{"Type":"AWS::IAM::User","Properties":{{"A":{deep}}}}}}}}}'}


@family(20, 1500)
def parameters(n: int) -> Files:
    declared = {f"P{i}": {"Type": "String", "AllowedValues": ["a", "b"]} for i in range(n)}
    values = [{"Fn::Sub": f"{ROLE}${{P{i}}}"} for i in range(n // 2)]
    return template({"P": policy([passing(None, values)])}, Parameters=declared)


@family(8, 300, None)
def allowed_values_of_parameters(n: int) -> Files:
    """A text of ``n`` parameters with ten allowed values each."""
    declared = {f"P{i}": {"Type": "String", "AllowedValues": [str(j) for j in range(10)]} for i in range(n)}
    value = {"Fn::Sub": ROLE + "".join(f"${{P{i}}}" for i in range(n))}
    return template({"P": policy([passing(None, value)])}, Parameters=declared)


@family(20, 900)
def mappings(n: int) -> Files:
    declared = {f"M{i}": {"A": {"B": f"{ROLE}{i}"}} for i in range(n)}
    values = [{"Fn::FindInMap": [f"M{i}", "A", "B"]} for i in range(n)]
    return template({"P": policy([passing(None, values)])}, Mappings=declared)


@family(20, 650)
def functions_of_sam(n: int) -> Files:
    return template({
        f"F{i}": {"Type": "AWS::Serverless::Function", "Properties": {
            "Handler": "a.b", "Policies": [{"Statement": [passing(None, f"{ROLE}a{i}-*")]}]}}
        for i in range(n)
    }, Transform="AWS::Serverless-2016-10-31")  # fmt: skip


def service(custom: dict[str, Any], resources: Any) -> Files:
    statements = [passing(None, resources)]
    provider = {"name": "aws", "iam": {"role": {"statements": statements}}}
    return {"serverless.json": json.dumps({"service": "orders", "provider": provider, "custom": custom})}


@family(20, 900)
def variables_of_a_service(n: int) -> Files:
    """``n`` values, each through another one."""
    custom = {f"a{i}": f"${{self:custom.b{i}}}" for i in range(n)} | {f"b{i}": f"{ROLE}{i}" for i in range(n)}
    return service(custom, [f"${{self:custom.a{i}}}" for i in range(n)])


@family(5, 60)
def variants_of_a_service(n: int) -> Files:
    """``n`` values with variants by stage."""
    custom = {f"a{i}": {f"s{j}": f"{ROLE}{i}-{j}" for j in range(3)} for i in range(n)}
    return service(custom, [f"${{self:custom.a{i}.${{sls:stage}}}}" for i in range(n)])


@family(3, 40, None)
def nested_variants_of_a_service(n: int) -> Files:
    """A value that ``n`` options select."""
    value: Any = ROLE
    for i in range(n):
        value = {f"k{j}": (value if j == 0 else f"{ROLE}{i}-{j}") for j in range(20)}
    return service({"a": value}, "${self:custom.a" + "".join(f".${{opt:o{i}, 'k0'}}" for i in range(n)) + "}")


@family(5, 40, None)
def doubled_texts_of_a_service(n: int) -> Files:
    """A text that doubles ``n`` times."""
    custom = {f"a{i}": f"${{self:custom.a{i + 1}}}${{self:custom.a{i + 1}}}" for i in range(n)} | {f"a{n}": ROLE}
    return service(custom, "${self:custom.a0}")


@family(20, 700)
def resources_that_receive_roles(n: int) -> Files:
    return template({
        **{f"R{i}": role(f"app-{i}") for i in range(n // 2)},
        **{f"F{i}": {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": [f"R{i}", "Arn"]}}}
           for i in range(n // 2)},
    })  # fmt: skip


@family(20, 1500)
def references_in_a_chain(n: int) -> Files:
    return template({
        f"O{i}": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Fn::GetAtt": [f"O{i + 1}", "Value"]}}}
        for i in range(n)
    })  # fmt: skip


# -- Terraform


@family(1, 2_000_000_000, None)
def service_that_is_built(n: int) -> Files:
    return terraform(hcl_policy(hcl_to(f'join("", [for i in range(min({n}, 1000)) : join("", [for j in range(1000) : '
                                       '"aaaaaaaaaa"])])')))  # fmt: skip


@family(5, 40, None)
def doubling_locals(n: int) -> Files:
    chain = "\n".join(f'  l{i + 1} = "${{local.l{i}}}${{local.l{i}}}"' for i in range(n))
    return terraform(f'locals {{\n  l0 = "ab"\n{chain}\n}}', hcl_policy(hcl_to(f"local.l{n}")))


@family(5, 40, None)
def doubling_lists(n: int) -> Files:
    chain = "\n".join(f"  l{i + 1} = concat(local.l{i}, local.l{i})" for i in range(n))
    return terraform(f'locals {{\n  l0 = ["{ROLE}a"]\n{chain}\n}}', hcl_policy(hcl_pass(f"local.l{n}")))


@family(5, 40, None)
def doubling_nests(n: int) -> Files:
    chain = "\n".join(f"  l{i + 1} = [local.l{i}, local.l{i}]" for i in range(n))
    return terraform(f'locals {{\n  l0 = ["{ROLE}a"]\n{chain}\n}}', hcl_policy(hcl_pass(f"flatten(local.l{n})")))


@family(5, 40, None)
def doubling_objects(n: int) -> Files:
    chain = "\n".join(f"  l{i + 1} = {{a = local.l{i}, b = local.l{i}}}" for i in range(n))
    return terraform(f'locals {{\n  l0 = "{ROLE}a"\n{chain}\n}}', hcl_policy(hcl_pass(f"jsonencode(local.l{n})")))


@family(12, 300, None)
def doubling_objects_that_are_walked(n: int) -> Files:
    """As a role, as policies of a role, as a command, and as an argument of a missing module."""
    chain = "\n".join(f"  l{i + 1} = {{a = local.l{i}, b = local.l{i}}}" for i in range(n))
    last = f"local.l{n}"
    return terraform(
        f'locals {{\n  l0 = "{ROLE}a"\n{chain}\n}}',
        hcl_policy(hcl_pass()).replace('"deployer"', last),
        f'resource "aws_iam_role" "r" {{\n  {HCL_TRUST}\n  managed_policy_arns = [{last}]\n}}',
        f'resource "null_resource" "n" {{\n  provisioner "local-exec" {{\n    command = {last}\n  }}\n}}',
        f'module "m" {{\n  source = "acme/x/aws"\n  policy = {last}\n}}',
    )


@family(5, 12, None)
def escapes_of_escapes(n: int) -> Files:
    """JSON within JSON within JSON."""
    value = f'"{ROLE}\\"a"'
    for _ in range(n):
        value = f"jsonencode({value})"
    return terraform(hcl_policy(hcl_to(value)))


@family(3, 10, None)
def product_of_sets(n: int) -> Files:
    sets = ", ".join(["range(10)"] * n)
    return terraform(hcl_policy(hcl_pass(f'[for x in setproduct({sets}) : "{ROLE}${{x[0]}}"]')))


@family(1, 8, None)
def nested_for(n: int) -> Files:
    value = f'"{ROLE}x"'
    for i in range(n):
        value = f"[for v{i} in range(10) : {value}]"
    return terraform(hcl_policy(hcl_pass(f"flatten({value})")))


@family(100, 2_000_000, None)
def wide_format(n: int) -> Files:
    return terraform(hcl_policy(hcl_to(f'format("%0{n}d", 1)')))


@family(100, 2_000_000, None)
def long_range(n: int) -> Files:
    return terraform(hcl_policy(hcl_pass(f'[for i in range({n}) : "{ROLE}a${{i}}"]')))


@family(3, 12, None)
def replacements(n: int) -> Files:
    value = '"aaaaaaaaaa"'
    for _ in range(n):
        value = f'replace({value}, "a", "aaaaaaaaaa")'
    return terraform(hcl_policy(hcl_to(value)))


@family(3, 12, None)
def replacements_by_patterns(n: int) -> Files:
    value = '"aaaaaaaaaa"'
    for _ in range(n):
        value = f'replace({value}, "/a/", "aaaaaaaaaa")'
    return terraform(hcl_policy(hcl_to(value)))


@family(100, 45_000, None)
def pattern_that_goes_back(n: int) -> Files:
    return terraform(hcl_policy(hcl_to(f'regexall("(a|aa)+[^a]$", "{"a" * n}")')))


@family(20, 400, None)
def large_pattern(n: int) -> Files:
    return terraform(hcl_policy(hcl_to(f'regex("((a{{1,{n}}}){{1,{n}}})b", "{"a" * n}c")')))


@family(50, 1_000_000, None)
def many_instances(n: int) -> Files:
    return terraform(hcl_policy(hcl_pass(f'"{ROLE}a${{count.index}}"'), more=f"count = {n}"))


@family(50, 100_000, None)
def many_keys(n: int) -> Files:
    each = f'for_each = toset([for i in range({n}) : "k${{i}}"])'
    return terraform(hcl_policy(hcl_pass(f'"{ROLE}a${{each.key}}"'), more=each))


@family(50, 1_000_000, None)
def many_dynamic_blocks(n: int) -> Files:
    return terraform(
        'data "aws_iam_policy_document" "d" {\n  dynamic "statement" {\n    for_each = range(' + str(n) + ")\n"
        '    content {\n      actions = ["iam:PassRole"]\n      resources = ["' + ROLE + 'a${statement.value}"]\n'
        "    }\n  }\n}",
        'resource "aws_iam_role_policy" "p" {\n  role = "deployer"\n  policy = data.aws_iam_policy_document.d.json\n}',
    )


@family(4, 40, None)
def modules_called_twice(n: int) -> Files:
    """Each module calls the next one twice."""
    files = {"main.tf": 'module "m" {\n  source = "./m0"\n}\n'}
    for i in range(n):
        calls = "".join(f'module "{x}" {{\n  source = "../m{i + 1}"\n}}\n' for x in "ab")
        files[f"m{i}/main.tf"] = calls
    files[f"m{n}/main.tf"] = hcl_policy(hcl_pass())
    return files


@family(2, 6, None)
def modules_with_counts(n: int) -> Files:
    """Each module calls the next one a hundred times."""
    files = {"main.tf": 'module "m" {\n  source = "./m0"\n}\n'}
    for i in range(n):
        files[f"m{i}/main.tf"] = f'module "a" {{\n  source = "../m{i + 1}"\n  count = 100\n}}\n'
    files[f"m{n}/main.tf"] = hcl_policy(hcl_pass())
    return files


@family(5, 40, None)
def documents_of_documents(n: int) -> Files:
    """Each policy document is made of the one before it, twice."""
    statement = f'  statement {{\n    actions = ["iam:PassRole"]\n    resources = ["{ROLE}a%d"]\n  }}\n'
    blocks = [f'data "aws_iam_policy_document" "d0" {{\n{statement % 0}}}']
    for i in range(1, n):
        before = f"data.aws_iam_policy_document.d{i - 1}.json"
        blocks.append(f'data "aws_iam_policy_document" "d{i}" {{\n  source_policy_documents = [{before}, {before}]\n'
                      f"{statement % i}}}")  # fmt: skip
    blocks.append(f'resource "aws_iam_role_policy" "p" {{\n  role = "deployer"\n'
                  f"  policy = data.aws_iam_policy_document.d{n - 1}.json\n}}")  # fmt: skip
    return terraform(*blocks)


@family(20, 3500)
def locals_in_a_chain(n: int) -> Files:
    chain = "\n".join(f"  l{i + 1} = local.l{i}" for i in range(n))
    return terraform(f'locals {{\n  l0 = "{ROLE}a"\n{chain}\n}}', hcl_policy(hcl_pass(f"local.l{n}")))


@family(20, 1000)
def growing_locals(n: int) -> Files:
    """Each local is the list before it, and one more."""
    chain = "\n".join(f'  l{i + 1} = concat(local.l{i}, ["{ROLE}a{i}"])' for i in range(n))
    return terraform(f'locals {{\n  l0 = ["{ROLE}a"]\n{chain}\n}}', hcl_policy(hcl_pass(f"local.l{n}")))


@family(20, 30_000, None)
def deep_parentheses(n: int) -> Files:
    return terraform(hcl_policy(hcl_pass("(" * n + f'"{ROLE}a"' + ")" * n)))


@family(20, 30_000, None)
def deep_lists(n: int) -> Files:
    return terraform(hcl_policy(hcl_pass("flatten(" + "[" * n + f'"{ROLE}a"' + "]" * n + ")")))


@family(20, 10_000, None)
def deep_ternaries(n: int) -> Files:
    return terraform(hcl_policy(hcl_pass("var.a ? 1 : " * min(n, 7000) + f'"{ROLE}a"')))


@family(20, 10_000, None)
def deep_templates(n: int) -> Files:
    return terraform(hcl_policy(hcl_pass('"${' * n + f'"{ROLE}a"' + '}"' * n)))


@family(20, 90_000, None)
def many_signs(n: int) -> Files:
    return terraform(hcl_policy(hcl_pass("!" * n + "true")))


@family(20, 15_000, None)
def sum_of_many(n: int) -> Files:
    return terraform(hcl_policy(hcl_pass(" + ".join(["1"] * n))))


@family(20, 12_000, None)
def blocks_that_are_not_closed(n: int) -> Files:
    return terraform("a {\n" * n)


@family(20, 9_000)
def quotes_that_are_not_closed(n: int) -> Files:
    return terraform('a = "${\n' * n)


@family(20, 7_000)
def heredocs_that_are_not_closed(n: int) -> Files:
    return terraform(*(f"a = <<E{i}" for i in range(n)))


@family(20, 2_500, None)
def blocks_with_errors(n: int) -> Files:
    return terraform(*(f'resource "a" "b{i}" {{\n  x = = }}\n}}' for i in range(n)))


@family(20, 50_000)
def characters_of_no_language(n: int) -> Files:
    return terraform("\\)" * n)


@family(20, 900)
def suppressions(n: int) -> Files:
    return terraform(*(
        f"# checkov:skip=PASSROLE_001:because {i}\n" + hcl_policy(hcl_pass('"*"'), f"p{i}") for i in range(n // 2)
    ))  # fmt: skip


@family(20, 2500)
def suppressions_of_nothing(n: int) -> Files:
    """``n`` comments in one block, of which one suppresses something."""
    comments = "\n".join(f"  # checkov:skip=PASSROLE_{i % 17 + 1:03}:because {i}" for i in range(n))
    return terraform(hcl_policy(hcl_pass('"*"'), more=comments))


@family(20, 500)
def instances_with_one_finding(n: int) -> Files:
    """One statement of ``n`` instances, which is one finding that names them all."""
    return terraform(hcl_policy(hcl_pass('"*"'), more=f"count = {n}"))


@family(10, 250)
def findings_of_one_file(n: int) -> Files:
    """``n`` policies, each with findings of several checks on one statement."""
    wide = '{Effect="Allow",Action=["iam:PassRole","lambda:*"],Resource="*"}'
    return terraform(*(hcl_policy(wide, f"p{i}").replace('"deployer"', f'"deployer{i}"') for i in range(n)))


@family(20, 500)
def policies_of_terraform(n: int) -> Files:
    return terraform(*(hcl_policy(hcl_pass(f'"{ROLE}a{i}-*"'), f"p{i}") for i in range(n)))


@family(20, 1500)
def outputs_and_variables(n: int) -> Files:
    both = 'variable "v{0}" {{\n  default = "a"\n}}\noutput "o{0}" {{\n  value = var.v{0}\n}}'
    return terraform(*(both.format(i) for i in range(n)))


@family(20, 3000, None)
def flags_of_a_template(n: int) -> Files:
    """Nested directives of a template file."""
    text = "%{ if true }" * min(n, 4000) + "x" + "%{ endif }" * min(n, 4000)
    return {**terraform(hcl_policy(hcl_to('templatefile("${path.module}/a.tpl", {})'))), "a.tpl": text}


@family(20, 90_000, None)
def json_in_a_text(n: int) -> Files:
    return {**terraform(hcl_policy(hcl_to('jsondecode(file("${path.module}/a.json"))'))), "a.json": "[" * n}


@family(5, 600, None)
def yaml_in_a_text(n: int) -> Files:
    text = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, n))
    return {**terraform(hcl_policy(hcl_to('jsonencode(yamldecode(file("${path.module}/a.yaml")))'))), "a.yaml": text}


@family(20, 9000, None)
def lists_of_functions(n: int) -> Files:
    """Functions that compare all pairs: distinct, sort, setintersection, matchkeys, chunklist."""
    many = f"[for i in range({n}) : tostring(i)]"
    calls = [f"distinct({many})", f"setintersection({many}, {many})", f"setsubtract({many}, {many})",
             f"matchkeys({many}, {many}, {many})", f"sort({many})", f"reverse({many})", f"transpose({{a = {many}}})",
             f"merge([for i in {many} : {{(i) = i}}]...)"]  # fmt: skip
    return terraform(hcl_policy(hcl_to(f"jsonencode([{', '.join(calls)}])")))


@family(5, 40, None)
def hashes_that_take_long(n: int) -> Files:
    return terraform(hcl_policy(hcl_to(f'bcrypt("a", {min(n, 31)})')), f'locals {{\n  x = pow(9, pow(9, {n}))\n}}',
                     hcl_policy(hcl_to(f'tostring(pow(9, pow(9, {n})))'), "q"))  # fmt: skip


# -- plans


@family(15, 300)
def changes_of_a_plan(n: int) -> Files:
    text = json.dumps(document([passing()]))
    changes = [{
        "address": f"aws_iam_role_policy.p{i}", "mode": "managed", "type": "aws_iam_role_policy", "name": f"p{i}",
        "change": {"actions": ["create"], "before": None, "after": {"role": f"r{i}", "policy": text},
                   "after_unknown": {}},
    } for i in range(n)]  # fmt: skip
    return {"plan.json": json.dumps({"format_version": "1.2", "resource_changes": changes})}


@family(5, 300, None)
def deep_modules_of_a_plan(n: int) -> Files:
    modules: dict[str, Any] = {"resources": []}
    calls: dict[str, Any] = {"resources": []}
    for i in range(min(n, 400)):
        modules = {"address": f"module.m{i}", "child_modules": [modules]}
        calls = {"module_calls": {f"m{i}": {"source": "./x", "module": calls}}}
    plan = {"format_version": "1.2", "planned_values": {"root_module": modules},
            "configuration": {"root_module": calls}, "resource_changes": []}  # fmt: skip
    return {"plan.json": json.dumps(plan)}


# -- commands, policy documents, Terragrunt


@family(20, 1500, None)
def commands_of_one_text(n: int) -> Files:
    """Many commands, in comments and not, many options, and quotes that are never closed."""
    command = "# aws iam attach-user-policy"
    commands = [*[command] * n, "\\n".join([command] * n), "iam put-a-policy '" * n]
    lines = "\n".join([*commands, "iam " * n, "iam" + " --a b" * n, "iam --a b " * n, "iam" + " " * n, "-policy" * n])
    return terraform(f'resource "null_resource" "r" {{\n  triggers = {{\n    a = <<EOT\n{lines}\nEOT\n  }}\n}}')


@family(20, 1000)
def statements_of_a_policy_document(n: int) -> Files:
    return {"policy.json": json.dumps(document([passing()] * n))}


@family(20, 10_000, None)
def placeholders_of_a_policy_document(n: int) -> Files:
    return {"policy.json.tpl": json.dumps(document([passing(resource="${a}{{ b }}$${c" * n)]))}


@family(5, 200)
def units_of_terragrunt(n: int) -> Files:
    units = {
        f"u{i}/terragrunt.hcl": f'terraform {{\n  source = "../m"\n}}\ninputs = {{ a = "{i}" }}\n' for i in range(n)
    }
    return {"m/main.tf": 'variable "a" {}\n' + hcl_policy(hcl_pass()), **units}


@family(20, 2000)
def groups_that_are_not_defined(n: int) -> Files:
    groups = json.dumps([f"g{i}" for i in range(n)])
    return terraform(f'resource "aws_iam_user_group_membership" "m" {{\n  user = "u"\n  groups = {groups}\n}}')
