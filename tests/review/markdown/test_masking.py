"""Masking of account ids."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from reports_of_tests import ALL_KINDS, ANY_SERVICE, EMPTY, NEW, WIDENED

from passrole_checks.review.markdown.masking import mask_accounts
from passrole_checks.review.report import ReportNote


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [text for one in value for text in texts(one)]
    return (
        [text for field in fields(value) for text in texts(getattr(value, field.name))] if is_dataclass(value) else []
    )


def test_equal_ids_are_masked_alike() -> None:
    """Each id has its own number, wherever it occurs."""
    message = "arn:aws:iam::444455556666:role/deploy is of another account than 111122223333, the one deployed to."
    remark = replace(ANY_SERVICE, message=message, remediation="Name the role of account 111122223333.")
    report = replace(ALL_KINDS, items=(replace(NEW, remarks=(remark,)),))
    result = mask_accounts(report).items[0].remarks[0]
    assert result.message == (
        "arn:aws:iam::ACCOUNT-1:role/deploy is of another account than ACCOUNT-2, the one deployed to."
    )
    assert result.remediation == "Name the role of account ACCOUNT-2."


def test_other_digits_are_not_masked() -> None:
    """Thirteen digits, or digits within a word, are not an account id."""
    report = replace(EMPTY, notes=(ReportNote("", 0, "1234567890123 a123456789012 123456789012b 123456789012"),))
    assert mask_accounts(report).notes[0].reason == "1234567890123 a123456789012 123456789012b ACCOUNT-1"


def test_no_id_is_left() -> None:
    """Only paths, keys and replacement lines contain an id after masking."""
    arn = "arn:aws:iam::999988887777:role/x"
    access = replace(WIDENED.access, roles=(arn,), principals=(arn,), services=(arn,), conditions=(arn,))
    item = replace(
        WIDENED,
        resource=arn,
        uses=(arn,),
        sid="999988887777",
        access=access,
        before=access,
        replacement=replace(WIDENED.replacement, text="", says=arn),
        advice=arn,
    )
    less = tuple(replace(one, before=access, after=access, resource=arn) for one in ALL_KINDS.less)
    fixed = tuple(replace(one, resource=arn) for one in ALL_KINDS.fixed)
    report = mask_accounts(replace(ALL_KINDS, items=(item,), less=less, fixed=fixed))
    assert not [text for text in texts(report) if "999988887777" in text]


def test_replacement_lines_are_not_masked() -> None:
    """Replacement lines are not masked, since they would be wrong."""
    assert mask_accounts(ALL_KINDS).items[0].replacement == ALL_KINDS.items[0].replacement
    assert "111122223333" in ALL_KINDS.items[0].replacement.text
