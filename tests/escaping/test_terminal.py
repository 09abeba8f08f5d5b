"""File names and foreign text in the output."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.escaping.terminal import display_path, sanitize, to_uri


def test_a_file_is_shown_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is named as one would type it from the working directory, also one above it."""
    monkeypatch.chdir(tmp_path)
    assert display_path(str(tmp_path / "app" / "iam.tf")) == "app/iam.tf"
    assert display_path(str(tmp_path.parent / "iam.tf")) == "../iam.tf"


@pytest.mark.parametrize(
    ("foreign", "safe"),
    [
        ("plain words, ünd ☃", "plain words, ünd ☃"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("two\nlines\r", "two\\x0alines\\x0d"),
        ("\tindented", "    indented"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("a\u3164b\u2800", "a\\u3164b\\u2800"),
        ("a\u2028b", "a\\u2028b"),
        ("\udcff.tf", "\\udcff.tf"),
        ("\U000e0041", "\\U000e0041"),
        ("a ##[set-output name=x]y", "a #\\x23[set-output name=x]y"),
        ("::add-mask::x", "\\x3a:add-mask::x"),
        ("a \u3000::add-mask::x", "a \u3000\\x3a:add-mask::x"),
        (
            "arn:aws:iam::aws:policy/x, ::/0 and provider::aws::f",
            "arn:aws:iam::aws:policy/x, ::/0 and provider::aws::f",
        ),
    ],
)
def test_what_steers_a_terminal_is_spelled_out(foreign: str, safe: str) -> None:
    """Control characters, direction marks, bytes that are not UTF-8 and what begins a workflow command are shown as
    escapes; all other text stays."""
    assert sanitize(foreign) == safe


@given(st.text())
def test_harmless_text_holds_no_control_character(foreign: str) -> None:
    """Whatever the text, what is printed is one line without control characters."""
    safe = sanitize(foreign)
    assert len(safe.splitlines()) <= 1
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in safe)


def test_a_uri_is_relative_below_the_working_directory_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the working directory a URI is relative and percent-encoded; elsewhere it is a file URI."""
    monkeypatch.chdir(tmp_path)
    assert to_uri(str(tmp_path / "a b" / "ü%.tf")) == ("a%20b/%C3%BC%25.tf", True)
    address, relative = to_uri(str(tmp_path.parent / "x.tf"))
    assert not relative
    assert address == (tmp_path.parent / "x.tf").as_uri()
