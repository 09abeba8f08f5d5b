"""Parse values for parameters in all common forms.

Sources: AWS CLI Command Reference, "cloudformation create-stack" (``ParameterKey=…,ParameterValue=…``, and a JSON list
of such pairs) and "cloudformation deploy" (``Key=Value``); AWS CodePipeline User Guide, "Template configuration file"
(``{"Parameters": {…}}``); AWS SAM Developer Guide, "AWS SAM CLI configuration file" (``parameter_overrides``).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from passrole_checks.errors import ConfigurationError, InputError
from passrole_checks.files.decoded_json import get_nested
from passrole_checks.files.safe_read import read_bounded
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.cloudformation.pseudo_parameters import check_pseudo_parameter, is_pseudo_parameter
from passrole_checks.sources.files.read_boundary import decoded
from passrole_checks.sources.model.configuration import NoteKind, Unreadable

Pairs = tuple[tuple[str, str], ...]

MAX_BYTES = 5_000_000
_NAME = lazy_regex(r"(?:AWS::)?[A-Za-z0-9]+")
_SHORTHAND = lazy_regex(r"ParameterKey=(?P<key>(?:AWS::)?[A-Za-z0-9]+),ParameterValue=(?P<value>.*)", re.DOTALL)
_FORMS = 'a list of {"ParameterKey", "ParameterValue"}, an object of names and values, or {"Parameters": {…}}'


def parse_parameter_options(arguments: Iterable[str]) -> Pairs:
    """Return the values of ``--parameters``: each argument is ``Key=Value`` or a file name, optionally after
    ``file://``.

    Later values win. Raises :class:`InputError` for an invalid file, :class:`ConfigurationError` for an argument that
    is neither, and for a pseudo parameter that cannot have the value.
    """
    values: dict[str, str] = {}
    for argument in arguments:
        path = parameter_file(argument)
        if path is None:
            values.update(_pairs(argument))
        elif "=" in argument and not os.path.isfile(argument):
            raise ConfigurationError(f"--parameters: {argument!r} is neither KEY=VALUE nor a file")
        else:
            values.update(read_parameters(path))
    for name, value in values.items():
        if is_pseudo_parameter(name):
            check_pseudo_parameter(name, value)
    return tuple(values.items())


def parameter_file(argument: str) -> Path | None:
    """Return the file that an argument of ``--parameters`` names; None if it contains values."""
    return None if _pairs(argument) else Path(argument.removeprefix("file://"))


def _pairs(argument: str) -> Pairs:
    """Return the values in an argument: one, or several if every word is one (like AWS SAM's ``--parameter-overrides
    "A=1 B=2"``); none if it is a file name."""
    pair = _pair(argument)
    if pair is None:
        return ()
    try:
        words = [_pair(word) for word in shlex.split(argument)]
    except ValueError:
        return (pair,)
    several = tuple(word for word in words if word is not None)
    return several if 1 < len(several) == len(words) else (pair,)


def _pair(text: str) -> tuple[str, str] | None:
    """Parse ``Key=Value``, or the shorthand of the AWS CLI; None for other texts."""
    shorthand = _SHORTHAND.fullmatch(text)
    if shorthand is not None:
        return shorthand["key"], shorthand["value"]
    name, equals, value = text.partition("=")
    return (name, value) if equals and _NAME.fullmatch(name) else None


def read_parameters(path: Path) -> Pairs:
    """Return the values in a file. Raises :class:`InputError`."""
    file = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(file, "too large for a parameter file")
        data = read_bounded(path, MAX_BYTES, pipes=True)
    except FileNotFoundError:
        raise InputError(file, "no such file (--parameters takes KEY=VALUE or a file)") from None
    except (OSError, ValueError) as error:
        raise InputError(file, f"cannot be opened: {getattr(error, 'strerror', None) or error}") from None
    return parse_parameters(file, decoded(path, data))


def parse_parameters(file: str, content: str) -> Pairs:
    """Return the values in the text of a file. Raises :class:`InputError`."""
    if file.endswith(".toml"):
        return tuple(_from_samconfig(file, content))
    try:
        document = json.loads(content)
    except json.JSONDecodeError as error:
        raise InputError(file, f"not valid JSON: {error.msg}", error.lineno) from None
    except (RecursionError, ValueError):
        raise InputError(file, "not valid JSON: nested too deeply, or a number with too many digits") from None
    return tuple(_from_json(file, document))


def _from_json(file: str, document: Any) -> Iterator[tuple[str, str]]:
    """Yield the values in a decoded JSON document. Raises :class:`InputError`."""
    if isinstance(document, dict) and isinstance(document.get("Parameters"), (dict, list)):
        document = document["Parameters"]
    if isinstance(document, list):
        for item in document:
            if isinstance(item, str) and (pair := _pair(item)) is not None:
                yield pair  # as `aws cloudformation deploy --parameter-overrides file://…` takes them
            elif isinstance(item, dict) and isinstance(item.get("ParameterKey"), str):
                if "ParameterValue" in item:  # otherwise the previous value is used
                    yield item["ParameterKey"], _text(file, item["ParameterKey"], item["ParameterValue"])
            else:
                raise InputError(file, f"contains no parameters: expected {_FORMS}")
    elif isinstance(document, dict):
        for name, value in document.items():
            yield name, _text(file, name, value)
    else:
        raise InputError(file, f"contains no parameters: expected {_FORMS}")


def _text(file: str, name: str, value: Any) -> str:
    """Return a JSON value as CloudFormation's text. Raises :class:`InputError`."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return ",".join(item if isinstance(item, str) else json.dumps(item) for item in value)
    raise InputError(file, f"the value of {name[:80]} is neither a string nor a list of strings")


def decode_toml(file: str, content: str) -> dict[str, Any]:
    """Return a decoded TOML document. Raises :class:`InputError`."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document: dict[str, Any] = tomllib.loads(content)
    except (ValueError, RecursionError) as error:  # not TOML, or a number with too many digits
        raise InputError(file, f"not valid TOML: {error}") from None
    return document


def _from_samconfig(file: str, content: str) -> Iterator[tuple[str, str]]:
    """Yield ``parameter_overrides`` of the environment ``default``."""
    document = decode_toml(file, content)
    overrides = [
        settings["parameter_overrides"]
        for settings in deploy_settings(document.get("default"))
        if settings.get("parameter_overrides") is not None
    ]
    if not overrides:
        raise InputError(file, "contains no parameter_overrides in default.deploy.parameters")
    for item in overrides:
        yield from parse_overrides(file, item)


def deploy_settings(environment: Any) -> Iterator[dict[str, Any]]:
    """Yield the settings of one environment of a decoded samconfig file: the global ones, then those of ``deploy``."""
    for command in ("global", "deploy"):
        parameters = get_nested(environment, command, "parameters")
        if isinstance(parameters, dict):
            yield parameters


def parse_overrides(file: str, overrides: Any) -> Iterator[tuple[str, str]]:
    """Yield the values of ``parameter_overrides``. Raises :class:`InputError`."""
    if isinstance(overrides, dict):
        yield from _from_json(file, overrides)
        return
    try:
        words = shlex.split(overrides) if isinstance(overrides, str) else overrides
    except ValueError:
        words = None
    for word in words if isinstance(words, list) else [None]:
        pair = _pair(word) if isinstance(word, str) else None
        if pair is None:
            raise InputError(file, "parameter_overrides is not a string or list of KEY=VALUE")
        yield pair


def undeclared_parameters(parameters: Pairs, declared: frozenset[str]) -> tuple[Unreadable, ...]:
    """Return a note for each value whose parameter no template declares, most likely a typo."""
    return tuple(
        Unreadable(
            f"--parameters {name}",
            f"no scanned template declares the parameter {name}; its value is not used",
            kind=NoteKind.VALUE_FILE,
        )
        for name, _ in parameters
        if name not in declared and not is_pseudo_parameter(name)
    )
