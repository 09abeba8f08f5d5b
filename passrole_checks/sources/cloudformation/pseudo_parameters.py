"""Values of pseudo parameters that the user gives with ``--parameters AWS::Partition=aws``.

CloudFormation sets pseudo parameters itself, so that no deployment takes them as parameters. Giving them here says
where a template is deployed, and decides conditions and values that depend on it. Source: AWS CloudFormation User
Guide, "Get AWS values using pseudo parameters"
(docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from passrole_checks.errors import ConfigurationError

_FORMS = {
    "AWS::AccountId": (re.compile(r"\d{12}", re.ASCII), "12 digits"),
    "AWS::Partition": (re.compile(r"aws(?:-[a-z0-9]+)*"), "a partition such as aws or aws-cn"),
    "AWS::Region": (re.compile(r"[a-z]+(?:-[a-z]+)+-\d{1,2}"), "a Region such as eu-west-1"),
    "AWS::StackName": (re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}"), "letters, digits and hyphens"),
}
SHARED = ("AWS::AccountId", "AWS::Partition", "AWS::Region")  # the same in a nested stack
_SUFFIXES = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}


def is_pseudo_parameter(name: str) -> bool:
    """True if a name has the prefix of pseudo parameters."""
    return name.startswith("AWS::")


def check_pseudo_parameter(name: str, value: str) -> None:
    """Raise :class:`ConfigurationError` if a name with the prefix of pseudo parameters cannot have this value."""
    if name not in _FORMS:
        names = ", ".join(_FORMS)
        raise ConfigurationError(f"--parameters: {name} cannot be set; the pseudo parameters that can be set: {names}")
    pattern, form = _FORMS[name]
    if not pattern.fullmatch(value):
        raise ConfigurationError(f"--parameters: {name}={value[:80]!r} is invalid; expected {form}")


def pseudo_value(name: str, given: Mapping[str, str]) -> str | None:
    """Return the value of a pseudo parameter as far as the user gives it; None if it is unknown.

    ``AWS::URLSuffix`` follows from the partition.
    """
    if name == "AWS::URLSuffix":
        return _SUFFIXES.get(given.get("AWS::Partition", ""))
    return given.get(name)


def given_to_stack_set(given: Mapping[str, str]) -> dict[str, str]:
    """Return the given values that hold in a stack set: its accounts and Regions are in the same partition."""
    return {name: given[name] for name in ("AWS::Partition",) if name in given}


def given_to_nested(given: Mapping[str, str]) -> dict[str, str]:
    """Return the given values that hold in a nested stack as well."""
    return {name: given[name] for name in SHARED if name in given}
