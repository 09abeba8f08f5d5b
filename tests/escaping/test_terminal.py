"""File names and untrusted text in the output."""

from __future__ import annotations

import ntpath
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.escaping import terminal
from passrole_checks.escaping.terminal import display_path, sanitize, to_uri


def test_path_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for files above the working directory."""
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
def test_control_sequences_are_escaped(foreign: str, safe: str) -> None:
    """Control characters, direction marks, non-UTF-8 bytes and starts of workflow commands become visible text."""
    assert sanitize(foreign) == safe


@given(st.text())
def test_sanitized_text_is_one_printable_line(foreign: str) -> None:
    """For any text, the result is one line without control characters."""
    safe = sanitize(foreign)
    assert len(safe.splitlines()) <= 1
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in safe)


def test_uri_is_relative_below_the_working_directory_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere it is a file URI; both are percent-encoded."""
    monkeypatch.chdir(tmp_path)
    assert to_uri(str(tmp_path / "a b" / "ü%.tf")) == ("a%20b/%C3%BC%25.tf", True)
    address, relative = to_uri(str(tmp_path.parent / "x.tf"))
    assert not relative
    assert address == (tmp_path.parent / "x.tf").as_uri()


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("C:\\work\\a b\\x.tf", "a%20b/x.tf"),
        ("C:\\other\\x.tf", "file:///C:/other/x.tf"),
        ("D:\\a b\\x.tf", "file:///D:/a%20b/x.tf"),
        ("\\\\server\\share\\a b\\x.tf", "file://server/share/a%20b/x.tf"),
    ],
)
def test_uris_have_the_drives_and_shares_of_windows(file: str, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 8089, appendix E.2 and E.3."""
    monkeypatch.setattr(terminal.os, "sep", "\\")
    monkeypatch.setattr(terminal.os, "path", ntpath)
    monkeypatch.setattr(terminal.os, "getcwd", lambda: "C:\\work")
    monkeypatch.setattr(terminal, "PurePath", PureWindowsPath)
    assert to_uri(file) == (uri, not uri.startswith("file:"))
