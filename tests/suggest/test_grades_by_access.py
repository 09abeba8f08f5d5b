"""Grades of suggestions against a slow and obvious evaluation of policies, request by request.

Equivalent and narrowed edits allow no request that was not allowed before; equivalent edits still allow passing every
role to every service that an allowed action of the holder sends. Source: IAM User Guide, "Policy evaluation logic".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import profiles
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions, read_paths, scan_configurations
from passrole_checks.suggest.edits import apply_edits
from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.suggest import Session

_ACCOUNT = "arn:aws:iam::111122223333"
_TRUSTED = {"app-fn": "lambda", "app-flow": "states", "web": "ec2", "job": "glue"}  # the roles of the template
_ROLES = [f"{_ACCOUNT}:role/{name}" for name in (*_TRUSTED, "app-other", "Admin")]
_SENT = {
    "lambda:CreateFunction": ("lambda",),
    "states:CreateStateMachine": ("states",),
    "ecs:RunTask": ("ecs-tasks", "ecs"),
    "ec2:RunInstances": ("ec2",),
    "glue:CreateJob": ("glue",),
    "codebuild:CreateProject": ("codebuild",),
    "s3:GetObject": (),
    "iam:GetRole": (),
    "iam:PutRolePolicy": (),
}
_BY_WILDCARD_ONLY = ("lambda:TagResource", "glue:CreateTrigger")
_SERVICES = ["lambda", "states", "ecs-tasks", "ecs", "ec2", "glue", "codebuild", "unheard-of"]
_KEY = "iam:PassedToService"

Statement = dict[str, Any]
Request = tuple[str, str, str | None]
"""An action, a resource, and the service (None: the request has no ``iam:PassedToService``)."""


def full(service: str) -> str:
    return f"{service}.amazonaws.com"


# -- a slow and obvious evaluation


def requests() -> Iterator[Request]:
    """Yield every request that the policies are asked about."""
    for role in _ROLES:
        yield from (("iam:PassRole", role, full(service)) for service in _SERVICES)
        yield "iam:PassRole", role, None
        yield from ((action, role, None) for action in _SENT if action.startswith("iam:"))
    others = (action for action in (*_SENT, *_BY_WILDCARD_ONLY) if not action.startswith("iam:"))
    yield from ((action, "arn:aws:other:::thing", None) for action in others)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def condition_holds(condition: Mapping[str, Any], service: str | None) -> bool:
    for operator, keys in condition.items():
        for key, values in keys.items():
            assert key == _KEY
            if service is None:
                if operator.endswith("IfExists") or operator.startswith("StringNot"):
                    continue
                return False
            fits = any(
                fnmatchcase(service, value) if "Like" in operator else service == value for value in as_list(values)
            )
            if fits is operator.startswith("StringNot"):
                return False
    return True


def matches(statement: Statement, request: Request) -> bool:
    action, on, service = request
    return (
        any(fnmatchcase(action.lower(), pattern.lower()) for pattern in as_list(statement["Action"]))
        and any(fnmatchcase(on, pattern) for pattern in as_list(statement["Resource"]))
        and condition_holds(statement.get("Condition", {}), service)
    )


def allowed(statements: list[Statement], request: Request) -> bool:
    effects = {statement["Effect"] for statement in statements if matches(statement, request)}
    return effects == {"Allow"}


def free_actions(statements: list[Statement]) -> set[str]:
    """Return the actions other than iam:PassRole that no condition on the service disables."""
    free = (statement for statement in statements if _KEY not in str(statement.get("Condition", "")))
    return {action for statement in free for action in as_list(statement["Action"])} - {"iam:PassRole"}


def usable(statements: list[Statement]) -> set[str]:
    """Return the services that an allowed action sends."""
    actions = {action for action, on, service in requests() if allowed(statements, (action, on, service))}
    return {full(service) for action in actions for service in _SENT.get(action, ())}


# -- configurations

_CONDITIONS = st.one_of(
    st.none(),
    st.builds(
        lambda operator, values: {operator: {_KEY: values}},
        st.sampled_from(
            ["StringEquals", "StringEqualsIfExists", "StringLike", "StringNotEquals", "StringNotEqualsIfExists"]
        ),
        st.one_of(
            st.sampled_from(["*", "*.amazonaws.com", "lambda", "lambda.amazon.com", full("lambda"), full("states")]),
            st.lists(st.sampled_from([full(service) for service in _SERVICES[:-1]]), min_size=1, max_size=3),
        ),
    ),
)
_RESOURCES = st.one_of(
    st.sampled_from(["*", f"{_ACCOUNT}:role/*", f"{_ACCOUNT}:role/app-*", *_ROLES[:2]]),
    st.lists(
        st.one_of(
            st.sampled_from([f"{_ACCOUNT}:role/app-*", *_ROLES]),
            st.builds(lambda name: {"Fn::GetAtt": [logical(name), "Arn"]}, st.sampled_from([*_TRUSTED])),
        ),
        min_size=1,
        max_size=2,
    ),
)
_ACTIONS = st.lists(st.sampled_from([*_SENT, "lambda:*", "glue:Create*"]), min_size=1, max_size=3, unique=True)


@st.composite
def policies(draw: st.DrawFn) -> list[Statement]:
    passing: Statement = {
        "Effect": "Allow",
        "Action": draw(st.permutations(["iam:PassRole", *draw(st.one_of(st.just([]), _ACTIONS))])),
        "Resource": draw(_RESOURCES),
    }
    condition = draw(_CONDITIONS)
    if condition is not None:
        passing["Condition"] = condition
    others = [
        {"Effect": effect, "Action": draw(_ACTIONS), "Resource": "*"}
        for effect in draw(st.lists(st.sampled_from(["Allow", "Allow", "Allow", "Deny"]), max_size=3))
    ]
    if draw(st.booleans()):
        second = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": draw(_RESOURCES)}
        others.append(second | ({"Condition": found} if (found := draw(_CONDITIONS)) is not None else {}))
    return draw(st.permutations([passing, *others]))


def logical(name: str) -> str:
    return f"Role{name.replace('-', '')}"


def template(statements: list[Statement], used: bool) -> str:
    roles = {
        logical(name): {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": name,
                "AssumeRolePolicyDocument": {
                    "Statement": [
                        {"Effect": "Allow", "Principal": {"Service": full(service)}, "Action": "sts:AssumeRole"}
                    ]
                },
            },
        }
        for name, service in _TRUSTED.items()
    }
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": [logical("app-fn"), "Arn"]}}}
    policy = {
        "Type": "AWS::IAM::UserPolicy",
        "Properties": {"UserName": "bot", "PolicyName": "p", "PolicyDocument": {"Statement": statements}},
    }
    every = {**roles, "Policy": policy, **({"Function": function} if used else {})}
    return json.dumps({"Resources": every}, indent=1)


def statements_in(text: str) -> list[Statement]:
    """Return the statements of the policy, with the ARNs of roles instead of references."""
    arns = dict(zip(map(logical, _TRUSTED), _ROLES, strict=False))
    found = json.loads(text)["Resources"]["Policy"]["Properties"]["PolicyDocument"]["Statement"]

    def written(one: Any) -> str:
        return one if isinstance(one, str) else arns[one["Fn::GetAtt"][0]]

    return [{**one, "Resource": [written(each) for each in as_list(one["Resource"])]} for one in as_list(found)]


@settings(max_examples=profiles.examples(40), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(statements=policies(), used=st.booleans())
def test_edits_do_what_their_grades_say(statements: list[Statement], used: bool) -> None:
    text = template(statements, used)
    with TemporaryDirectory() as folder:
        path = Path(folder, "app.json")
        path.write_text(text)
        options = ScanOptions(minimum_severity=Severity.LOW)
        read = read_paths([path], options)
        result = scan_configurations([configuration for _, configuration in read.units], options)
        found = Session(read, result.findings, options)
        chosen = {
            grades: found.combine(grades=grades).changed
            for grades in ((Grade.EQUIVALENT,), (Grade.EQUIVALENT, Grade.NARROWED))
        }
        edited = [(one.grade, apply_edits(text, one.edits)) for one in found.suggestions if one.edits]
        edited += [(grades[-1], new) for grades, changed in chosen.items() for new in changed.values()]
    before = statements_in(text)
    sent = usable(before)
    for grade, new in edited:
        assert grade is not None
        event(f"a suggestion that is {grade.value}")
        after = statements_in(new)
        for request in requests():
            if grade is not Grade.REPAIRING and allowed(after, request):
                assert allowed(before, request), (grade, request, new)
            if grade is Grade.EQUIVALENT and request[2] in sent and allowed(before, request):
                assert allowed(after, request), (grade, request, new)
