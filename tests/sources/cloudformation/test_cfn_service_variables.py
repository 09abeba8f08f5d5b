"""The syntax of the Serverless Framework's variables."""

from __future__ import annotations

import pytest

from passrole_checks.sources.cloudformation.service_variables import (
    Source,
    Variable,
    has_variables,
    parse_variables,
    split_address,
)


def alternatives(text: str) -> tuple[Source | str, ...]:
    (variable,) = parse_variables(text)
    assert isinstance(variable, Variable) and variable.written == text
    return variable.alternatives


@pytest.mark.parametrize(
    "text",
    [
        "${AWS::Region}",
        "${Role.Arn}",
        "${Role}",
        "${!self:literal}",
        "\\${self:custom.x}",
        "${self:custom.x",
        "${",
        "${}",
        "${'x'}",
        "#{AWS::AccountId}",
        "${file(x.yml}",
        "${" * 50 + "}" * 50,
    ],
)
def test_other_placeholders_are_text(text: str) -> None:
    """Those of CloudFormation, escaped and malformed ones."""
    assert not has_variables(text)


def test_sources_in_order_of_precedence() -> None:
    """Quotes, parentheses and braces protect commas."""
    assert alternatives("${opt:a, self:custom.b,'c, d' }") == (
        Source("opt", (), ("a",)),
        Source("self", (), ("custom.b",)),
        "c, d",
    )
    assert alternatives("${env:X, 1}")[1] == "1"
    assert alternatives("${self:}") == (Source("self", (), ()),)
    assert alternatives("${ssm(eu-west-1, raw):/a/b}") == (Source("ssm", ("eu-west-1, raw",), ("/a/b",)),)


def test_nested_variables() -> None:
    """In a file name, in an address, and as a default."""
    (source,) = alternatives("${file(c.${sls:stage}.yml):a.${opt:x, 'y'}}")
    assert isinstance(source, Source)
    assert [part if isinstance(part, str) else part.written for part in source.argument] == [
        "c.",
        "${sls:stage}",
        ".yml",
    ]
    assert [part if isinstance(part, str) else part.written for part in source.address] == ["a.", "${opt:x, 'y'}"]
    nested = alternatives("${opt:stage, ${self:provider.stage}}")[1]
    assert isinstance(nested, Source) and isinstance(nested.address[0], Variable)


def test_variables_in_a_text() -> None:
    """With the text around them."""
    parts = parse_variables("arn:${AWS::Partition}:${self:a}-${opt:b}")
    assert [part if isinstance(part, str) else part.start for part in parts] == ["arn:${AWS::Partition}:", 22, "-", 32]


def test_address_is_split_into_keys() -> None:
    """A key may contain a variable."""
    keys = list(split_address(parse_variables("custom.${sls:stage}-roles.0")))
    assert [len(key) for key in keys] == [1, 2, 1]
    assert keys[0] == ("custom",) and keys[1][1] == "-roles" and keys[2] == ("0",)
