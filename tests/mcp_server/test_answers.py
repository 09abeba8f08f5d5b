"""Answers are bounded, say what they leave out, and contain no character that a reader cannot see."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.mcp_server.answers import (
    MOST_CHARACTERS,
    MOST_TEXT,
    OMITTED,
    bounded_document,
    bounded_text,
    error_answer,
    is_plain,
    omitted_in_words,
)

SMUGGLED = "".join(chr(0xE0000 + ord(letter)) for letter in "ignore")  # tags: invisible letters
HOSTILE = ["\x1b[31mred", "a\u202eb", f"x{SMUGGLED}", "zero\u200bwidth", "line\nbreak", "\x00"]


def test_limit_applies_to_each_list() -> None:
    document = bounded_document(json.dumps({"findings": [1, 2, 3], "notes": ["a"], "version": 1}), 2)
    assert document == {"findings": [1, 2], "notes": ["a"], "version": 1, OMITTED: {"findings": 1}}


@pytest.mark.parametrize("count", [1, 10, 1_000])
@pytest.mark.parametrize("length", [10, 1_000, 10_000])
def test_size_of_a_document_is_bounded(count: int, length: int) -> None:
    entries = [{"message": "x" * length, "line": number} for number in range(count)]
    document = bounded_document(json.dumps({"findings": entries, "not_evaluated": entries}), 200)
    assert len(json.dumps(document)) <= MOST_CHARACTERS
    for key in ("findings", "not_evaluated"):
        assert len(document[key]) + document[OMITTED].get(key, 0) == count
        assert [entry["line"] for entry in document[key]] == list(range(len(document[key])))  # the first remain
    assert document["findings"]


def test_one_huge_entry_is_left_out() -> None:
    document = bounded_document(json.dumps({"suggestions": [{"statement": "x" * 100_000}]}), 20)
    assert document == {"suggestions": [], OMITTED: {"suggestions": 1}}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_strings_and_keys_are_escaped(hostile: str) -> None:
    document = bounded_document(json.dumps({"findings": [{hostile: {"sid": [hostile]}}]}), 20)
    assert is_plain(str(document)) and "\n" not in str(document)


def test_exact_values_are_kept_or_left_out() -> None:
    patch = "--- a\n+++ b\n-\tx\r\n+y # ünï 🎉\n"
    assert bounded_document(json.dumps({"patch": patch}), 20) == {"patch": patch, OMITTED: {}}
    for exact in (f"{patch}\x1b", f"{patch}{SMUGGLED}", patch * 1_000):
        assert bounded_document(json.dumps({"patch": exact}), 20) == {"patch": "", OMITTED: {"patch": 1}}


@pytest.mark.parametrize("text", ["x" * 100_000, "line\n" * 100_000, *HOSTILE])
def test_text_is_bounded_and_escaped(text: str) -> None:
    shown = bounded_text(text)
    assert len(shown) <= MOST_TEXT + 100 and is_plain(shown)
    assert len(text) < MOST_TEXT or "more lines" in shown or shown.endswith("…")


@given(st.text())
def test_no_text_contains_invisible_characters(text: str) -> None:
    for shown in (bounded_text(text), error_answer(text).text):
        assert not {unicodedata.category(one) for one in shown} & {"Cf", "Cs", "Zl", "Zp"}
        assert all(one == "\n" or unicodedata.category(one) != "Cc" for one in shown)


def test_omitted_entries_are_named() -> None:
    assert omitted_in_words({}, ["findings"]) == ""
    words = omitted_in_words({"not_evaluated": 2, "findings": 5}, ["findings", "not_evaluated"])
    assert words.startswith("Left out: 5 findings, 2 not evaluated")
