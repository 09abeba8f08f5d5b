"""Samples from scratch: calls of Terraform's functions, policies, and the smaller files beside them."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from fuzzing.corpus import Tree
from fuzzing.mutators import IAM, ODD_NUMBERS, ODD_TEXTS, mutated
from passrole_checks.sources.terraform.functions.call import BUILTIN_NAMES

_HEAD = """\
variable "unknown" {}
variable "given" {
  type    = map(list(string))
  default = { a = ["x", "y"], b = [] }
}
locals {
  role = "arn:aws:iam::111122223333:role/app"
  list = ["b", "a", "b", local.role, var.unknown]
  map  = { a = 1, b = [var.unknown], c = { d = null } }
  many = range(200)
  json = jsonencode(local.map)
}
resource "aws_iam_role" "r" {
  count              = 2
  name               = "r-${count.index}"
  assume_role_policy = jsonencode({ Statement = [] })
}
"""
_ATOMS = (
    "null", "true", "false", "0", "-1", "1.5", "local.role", "local.list", "local.map", "local.many", "local.json",
    "var.unknown", "var.given", "var.given.a", "var.missing", "aws_iam_role.r[0].arn", "aws_iam_role.r[*].arn",
    "aws_iam_role.r.*.name", "path.module", "data.aws_caller_identity.me.account_id", "terraform.workspace", "[]",
    "{}", '""', '"a,b,c"', '"%s-%d"', '"%v %q %#x %[2]s %"', '"^(a|b)+$"', '"/(?P<x>a+)b*/"', '"$1"',
    '"[{\\"a\\": [1, \\"${var.unknown}\\"]}]"', '"a: &x [1]\\nb: *x\\n"', '"10.0.0.0/8"', '"2026-01-02T03:04:05Z"',
    '"YYYY-MM-DD"', '"ß😀e\\u0301"', '"main.tf"', '"../*"', '"**"', "each.value", "self.x", "string", "list(string)",
)  # fmt: skip
_VALUE = re.compile(rb"^\s*[\w-]+\s+= ([^\n{(\[<]+|\[[^\n\[\]]*\])$", re.M)
_OPERATORS = ("+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||")
_FUNCTIONS = (*sorted(BUILTIN_NAMES), "provider::aws::arn_parse", "provider::x::y", "nothing", "core::upper")


def expression(rng: random.Random, depth: int = 4) -> str:
    """An expression of HCL that is well-formed, though it may mean nothing."""
    if depth <= 0 or rng.random() < 0.15:
        if rng.random() < 0.1:
            return json.dumps(rng.choice((*ODD_TEXTS, *IAM))).replace("${", "$${").replace("%{", "%%{")
        return rng.choice(_ATOMS) if rng.random() < 0.93 else rng.choice(ODD_NUMBERS[:8])

    def inner() -> str:
        return expression(rng, depth - rng.choice((1, 1, 2)))

    kind = rng.randrange(14)
    if kind < 7:
        count = rng.choice((0, 1, 1, 2, 2, 2, 3, 3, 4))
        arguments = ", ".join(inner() for _ in range(count))
        return f"{rng.choice(_FUNCTIONS)}({arguments}{'...' if count and rng.random() < 0.08 else ''})"
    if kind == 7:
        return f"[{', '.join(inner() for _ in range(rng.randrange(4)))}]"
    if kind == 8:
        keys = (rng.choice(("a", "b", '"c d"', f"({inner()})")) for _ in range(rng.randrange(4)))
        return "{" + ", ".join(f"{key} = {inner()}" for key in keys) + "}"
    if kind == 9:
        return f"({inner()} {rng.choice(_OPERATORS)} {inner()})"
    if kind == 10:
        return f"({inner()} ? {inner()} : {inner()})"
    if kind == 11:
        condition = f" if {inner()}" if rng.random() < 0.4 else ""
        if rng.random() < 0.5:
            return f"[for i, e in {inner()} : {rng.choice(('i', 'e', inner()))}{condition}]"
        return f"{{for k, v in {inner()} : {rng.choice(('k', 'v', inner()))} => v{rng.choice(('', '...'))}{condition}}}"
    if kind == 12:
        pieces = (
            rng.choice((f"${{{inner()}}}", "text ", "%{ if " + inner() + " }x%{ else }y%{ endif }")) for _ in range(3)
        )
        return '"' + "".join(pieces) + '"'
    return f"{inner()}{rng.choice(('[0]', '[*]', '[*].a', '.a', '[-1]', f'[{inner()}]', '.*.a', '[99]'))}"


def expressions(content: bytes, rng: random.Random, kind: str) -> bytes:
    """The value of an attribute of HCL that stands on one line is an expression."""
    places = list(_VALUE.finditer(content))
    if not places:
        return mutated(content, rng, kind)
    place = rng.choice(places)
    return content[: place.start(1)] + expression(rng, 3).encode("utf-8", "surrogatepass") + content[place.end(1) :]


def functions(rng: random.Random) -> Tree:
    """A module whose policy is made of expressions."""
    names = [f"x{number}" for number in range(rng.choice((1, 3, 6)))]
    made = "".join(f"  {name} = {expression(rng)}\n" for name in names)
    uses = f"  policy = jsonencode({{ Statement = [{', '.join(f'local.{name}' for name in names)}, {{\n"
    uses += f'    Effect = "Allow", Action = ["iam:PassRole"], Resource = {expression(rng, 3)}\n  }}] }})\n'
    loop = rng.choice(("", "", f"  count = {expression(rng, 2)}\n", f"  for_each = {expression(rng, 2)}\n"))
    text = f'{_HEAD}locals {{\n{made}}}\nresource "aws_iam_policy" "p" {{\n{loop}{uses}}}\n'
    return {"main.tf": text.encode("utf-8", "surrogatepass")}


# -- policies

_ROLES = (
    "*", "arn:aws:iam::111122223333:role/app-*", "arn:aws:iam::111122223333:role/app-one", "arn:aws:iam::*:role/*",
    "arn:*:iam::*:*", "arn:aws:iam::111122223333:role/a?p*one", "arn:aws-cn:iam::111122223333:role/x",
    "arn:aws:iam::111122223333:role/aws-service-role/*", "arn:aws:s3:::*", "arn:aws:iam::111122223333:user/*",
    "arn:aws:iam::111122223333:role/*a*b*c*d*e*f*g*", "a", "", "arn:aws:iam::1*:role/??",
    "arn:aws:iam::111122223333:role/path/app", "arn:aws:iam::111122223333:r*/*",
    "arn:aws:iam::${aws:PrincipalAccount}:role/a",
)  # fmt: skip
_ACTIONS = (
    "iam:PassRole", "iam:*", "*", "iam:Pass*", "I?M:passrole", "iam:GetRole", "s3:*", "lambda:*",
    "lambda:CreateFunction", "ec2:RunInstances", "sts:AssumeRole", "iam:PutRolePolicy", "iam:CreateAccessKey", "*:*",
    "iam", "", "i*a*m*:*p*r*", "cloudformation:CreateStack",
)  # fmt: skip
_SERVICES = (
    "ec2.amazonaws.com", "lambda.amazonaws.com", "*", "*.amazonaws.com", "ec2*", "lambda", "ecs-tasks.amazonaws.com",
    "??.amazonaws.com", "", "true", "null", "*" * 30 + "a", "EC2.AMAZONAWS.COM", "${aws:x}", "ec2.amazonaws.com.cn",
)  # fmt: skip
_OPERATORS_OF_IAM = tuple(
    prefix + name + suffix
    for name in (
        "StringEquals", "StringLike", "StringNotEquals", "StringNotLike", "StringEqualsIgnoreCase", "ArnLike", "Null",
        "Bool", "NumericEquals", "DateLessThan", "IpAddress", "BinaryEquals", "ArnNotEquals", "stringlike", "Nothing",
    )
    for prefix in ("", "ForAnyValue:", "ForAllValues:")
    for suffix in ("", "IfExists")
)  # fmt: skip
_KEYS = (
    "iam:PassedToService", "IAM:PASSEDTOSERVICE", "iam:AssociatedResourceArn", "aws:ResourceTag/a",
    "iam:ResourceTag/b", "aws:PrincipalTag/a", "aws:SourceIp", "aws:MultiFactorAuthPresent", "",
    "iam:PassedToService/x",
)  # fmt: skip
_ODD = (None, True, 0, -1, 1.5, [], {}, [[]], [None], {"a": "b"}, "\ud83d", "", " ", 10**40)


def policy(rng: random.Random) -> dict[str, Any]:
    """A policy document; mostly of the right types."""
    statements = [_statement(rng) for _ in range(rng.choice((1, 1, 2, 3, 8)))]
    document: dict[str, Any] = {"Version": "2012-10-17", "Statement": statements}
    if rng.random() < 0.1:
        document["Version"] = rng.choice(("2008-10-17", *_ODD))
    if rng.random() < 0.15:
        document["Statement"] = rng.choice((statements[0], *_ODD))
    return document


def _statement(rng: random.Random) -> dict[str, Any]:
    def some(choices: tuple[str, ...]) -> object:
        if rng.random() < 0.03:
            return rng.choice(_ODD)
        picked = [rng.choice(choices) for _ in range(rng.choice((1, 1, 1, 2, 3, 6)))]
        return picked[0] if len(picked) == 1 and rng.random() < 0.6 else picked

    found: dict[str, Any] = {"Effect": "Deny" if rng.random() < 0.2 else "Allow"}
    if rng.random() < 0.3:
        found["Sid"] = rng.choice(("Pass", "", "a b", 1, None, "\u202e"))
    found["NotAction" if rng.random() < 0.12 else "Action"] = some(("iam:PassRole",) * 6 + _ACTIONS)
    found["NotResource" if rng.random() < 0.12 else "Resource"] = some(_ROLES)
    if rng.random() < 0.6:
        found["Condition"] = {
            rng.choice(_OPERATORS_OF_IAM): {
                rng.choice(_KEYS[:2] * 4 + _KEYS): some(_SERVICES) for _ in range(rng.choice((0, 1, 1, 2)))
            }
            for _ in range(rng.choice((1, 1, 2)))
        }
    if rng.random() < 0.06:
        found[rng.choice(("Effect", "Action", "Resource", "Condition", "Principal", "effect", "Nothing"))] = rng.choice(
            _ODD
        )
    return found


def policies(rng: random.Random) -> Tree:
    """One role and one user with the same policies, as a template and as Terraform code that holds them as text."""
    documents = [policy(rng) for _ in range(rng.choice((1, 1, 2, 4)))]
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": rng.choice(_SERVICES)}, "Action": "sts:AssumeRole"}]
    }
    role = {
        "RoleName": "app-one",
        "AssumeRolePolicyDocument": trust,
        "Policies": [{"PolicyName": "r", "PolicyDocument": documents[-1]}],
    }
    resources: dict[str, Any] = {"Role": {"Type": "AWS::IAM::Role", "Properties": role}}
    blocks = [
        f'resource "aws_iam_role" "Role" {{\n  name = "app-one"\n  assume_role_policy = {_text(trust)}\n}}\n',
        'resource "aws_iam_role_policy" "r" {\n  role = aws_iam_role.Role.name\n'
        f"  policy = {_text(documents[-1])}\n}}\n",
    ]
    for number, document in enumerate(documents):
        held = {"PolicyName": "p", "UserName": "u", "PolicyDocument": document}
        resources[f"P{number}"] = {"Type": "AWS::IAM::UserPolicy", "Properties": held}
        blocks.append(
            f'resource "aws_iam_user_policy" "P{number}" {{\n  user = "u"\n  policy = {_text(document)}\n}}\n'
        )
    template = json.dumps({"Resources": resources}, indent=1)
    return {"cfn/template.json": template.encode(), "tf/main.tf": "".join(blocks).encode()}


def _text(document: object) -> str:
    return json.dumps(json.dumps(document)).replace("${", "$${").replace("%{", "%%{").replace("\\/", "/")
