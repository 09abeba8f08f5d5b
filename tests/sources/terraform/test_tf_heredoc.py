"""Positions of template sequences, which the python-hcl2 reader needs for heredocs."""

from __future__ import annotations

import pytest

from passrole_checks.sources.terraform.reading.heredoc import TemplateSequence, scan_sequences


def summary(text: str, one: TemplateSequence) -> tuple[str, str, str]:
    """The sequence, the word of its directive, and its expression."""
    return text[one.start : one.end], one.word, text[one.expression_start : one.expression_end]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a ${b} c", [("${b}", "", "b")]),
        ("${~ a ~}", [("${~ a ~}", "", " a ")]),
        ("$${a} %%{b} $$${c}", [("${c}", "", "c")]),
        ("${ {a = {b = 1}} }", [("${ {a = {b = 1}} }", "", " {a = {b = 1}} ")]),
        ('${f("}")}', [('${f("}")}', "", 'f("}")')]),
        (r'${f("\"}")}', [(r'${f("\"}")}', "", r'f("\"}")')]),
        ('${f("a${g("}")}b")}', [('${f("a${g("}")}b")}', "", 'f("a${g("}")}b")')]),
        ('${f("$${x")}', [('${f("$${x")}', "", 'f("$${x")')]),
        ("${a # }\n}", [("${a # }\n}", "", "a # }\n")]),
        ("${a // }\n}", [("${a // }\n}", "", "a // }\n")]),
        ("${a /* } */}", [("${a /* } */}", "", "a /* } */")]),
        ("${f(<<EOT)}", [("${f(<<EOT)}", "", "f(<<EOT)")]),
        ("%{ if x }%{ else }%{ endif }",
         [("%{ if x }", "if", "x "), ("%{ else }", "else", ""), ("%{ endif }", "endif", "")]),
        ("%{ odd }", [("%{ odd }", "?", " odd ")]),
        # what does not close ends the scan
        ("${a} ${b", [("${a}", "", "a")]),
        ('${f("a', []),
        ('${f("a${b', []),
        ('${f("a${b}', []),
        ("${a # }", []),
        ("${a /* }", []),
    ],
)  # fmt: skip
def test_sequence_ends_at_its_closing_brace(text: str, expected: list[tuple[str, str, str]]) -> None:
    """Strings and comments, with everything in them, are skipped."""
    assert [summary(text, one) for one in scan_sequences(text, 0, len(text))] == expected


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [("%{ for x in y }", None, "x"), ("%{ for k, v in y ~}", "k", "v"), ("%{ for in y }", None, "")],
)
def test_for_directive_has_one_or_two_names(text: str, key: str | None, value: str) -> None:
    """A directive ``for`` has a value, or a key and a value; any other directive has none."""
    (found,) = scan_sequences(text, 0, len(text))
    assert (found.word, found.key, found.value) == ("for", key, value)


def test_nested_interpolations_end() -> None:
    """The scan terminates for any number of nested strings."""
    text = '${f("' + "${a}" * 1_500 + '")}'
    assert list(scan_sequences(text, 0, len(text))) == []
