"""Where iam-simulate does not do what AWS documents: each rewrites a case so that it says, in words which the simulator
takes as AWS does, what AWS says that it means. The table beside the tests (disagreements.toml) tells the sources.

A disagreement is explained by these if the simulator, asked about the rewritten case, agrees.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from second_opinion.cases import ACCOUNT, Case, Json

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NOBODY = "nothing has this name"  # a space is in no role's name and in no service's
_NEVER = {"StringEquals": {"aws:username": _NOBODY}}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _by_statement(change: Callable[[Json, Json], Json]) -> Callable[[Case], Case]:
    """A change of each statement, which also gets the document."""

    def changed(document: Json) -> Json:
        return {**document, "Statement": [change(dict(one), document) for one in _list(document["Statement"])]}

    return lambda case: case.map(changed)


def _old_version(statement: Json, document: Json) -> Json:
    if document.get("Version") == "2012-10-17":
        return statement

    def literal(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: literal(one) for key, one in value.items()}
        if isinstance(value, list):
            return [literal(one) for one in value]
        return value.replace("${", "${$}{") if isinstance(value, str) else value

    elements = ("Resource", "NotResource", "Condition")
    return {key: literal(value) if key in elements else value for key, value in statement.items()}


def _null_with_set_operator(statement: Json, document: Json) -> Json:
    block = dict(statement.get("Condition", {}))
    always, never = block.pop("ForAllValues:Null", None), block.pop("ForAnyValue:Null", None)
    if never is not None:
        block["StringEquals"] = {**block.get("StringEquals", {}), **_NEVER["StringEquals"]}
    if always is None and never is None:
        return statement
    rest = {key: value for key, value in statement.items() if key != "Condition"}
    return {**rest, "Condition": block} if block else rest


def _account(statement: Json, document: Json) -> Json:
    elements = {"NotResource"} if statement["Effect"] == "Deny" else {"Resource", "NotResource"}
    for element in elements & statement.keys():
        statement[element] = [
            one.replace(":${aws:PrincipalAccount}:", f":{ACCOUNT}:") for one in _list(statement[element])
        ]
    return statement


def _without_value(case: Case) -> Case:
    """A text with a policy variable that has no value in the (one) request, and no default, matches nothing."""
    (request,) = case.requests
    known = {key.lower() for key in request.plain()["context"]}

    def has_no_value(text: Any) -> bool:
        return isinstance(text, str) and any(
            name not in ("*", "?", "$") and ", " not in name and name.lower() not in known
            for name in _VARIABLE.findall(text)
        )

    def change(statement: Json, document: Json) -> Json:
        for element in {"Resource", "NotResource"} & statement.keys():
            kept = [one for one in _list(statement[element]) if not has_no_value(one)]
            statement[element] = kept or [f"arn:aws:iam::{ACCOUNT}:role/{_NOBODY}"]
        block = statement.get("Condition", {})
        for operator, tests in block.items():
            named = {key: [_NOBODY if has_no_value(one) else one for one in _list(tests[key])] for key in tests}
            statement["Condition"] = {**statement["Condition"], operator: named}
        return statement

    return _by_statement(change)(case)


def _completed(text: str) -> str:
    fields = text.split(":")
    return ":".join([*fields, *["*"] * (6 - len(fields))]) if text.startswith("arn:") and len(fields) < 6 else text


def _short_left_out(statement: Json, document: Json) -> Json:
    if "NotResource" in statement:
        statement["NotResource"] = [_completed(one) for one in _list(statement["NotResource"])]
    return statement


def _short_in_control(case: Case) -> Case:
    def change(statement: Json) -> Json:
        named = [_completed(one) for one in _list(statement.get("Resource", []))]
        return {**statement, "Resource": named} if named else statement

    control = tuple(
        tuple({**one, "Statement": [change(part) for part in _list(one["Statement"])]} for one in level)
        for level in case.control
    )
    return replace(case, control=control)


CORRECTIONS: dict[str, Callable[[Case], Case]] = {
    "variables-need-the-new-version": _by_statement(_old_version),
    "null-with-a-set-operator": _by_statement(_null_with_set_operator),
    "variable-in-the-account": _by_statement(_account),
    "variable-without-value": _without_value,
    "short-arn-left-out": _by_statement(_short_left_out),
    "short-arn-in-a-control-policy": _short_in_control,
}


def corrected(case: Case, names: Iterable[str] = tuple(CORRECTIONS)) -> Case:
    """A case of one request, rewritten by some of the corrections, in the order of the table."""
    case = replace(case, requests=case.requests[:1])
    for name, change in CORRECTIONS.items():
        if name in names:
            case = change(case)
    return case
