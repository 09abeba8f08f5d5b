"""Numbers of contents are shared by all objects of a process, and texts of patterns name their unresolved parts."""

from __future__ import annotations

import json

import pytest

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.patterns import glob
from passrole_checks.iam.permissions import permissions
from passrole_checks.iam.permissions.permissions import ContentClasses, Permissions
from passrole_checks.iam.values.nodes import Position, Unresolved, text


def statements(resource: str) -> Permissions:
    """Return the permissions of a policy with one statement."""
    document = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": resource}]}
    return Permissions(parse_document(text(json.dumps(document), Position("policy.json", 1))).statements)


def test_equal_contents_have_one_number_in_two_objects() -> None:
    """Two configurations with the same policy are compared once."""
    one, other = ContentClasses(), ContentClasses()
    assert one.of(statements("a")) == other.of(statements("a"))
    assert one.of(statements("a")) != other.of(statements("b"))


def test_numbers_of_contents_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit a new object begins anew; one that is in use keeps its numbers, and none is used twice."""
    monkeypatch.setattr(permissions, "_MAX_CONTENTS", 1)
    old = ContentClasses()
    before = [old.of(statements(name)) for name in "abc"]
    new = ContentClasses()
    assert [old.of(statements(name)) for name in "abc"] == before
    assert new.of(statements("a")) not in before


def test_text_of_a_pattern_names_its_unresolved_parts() -> None:
    """Wildcards are written as in a policy, unresolved parts as placeholders, policy variables without an owner."""
    name, variable = (
        glob.symbol_for(Unresolved("var.name")),
        glob.symbol_for(Unresolved("x"), "the role's ${aws:username}"),
    )
    pattern = f"arn:{glob.STAR}:{name}/{glob.QUESTION}{variable}{glob.ANY_TEXT}"
    assert glob.to_text(pattern) == "arn:*:${var.name}/?${aws:username}*"
