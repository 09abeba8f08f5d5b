"""Choose the HCL reader: tree-sitter-hcl, or python-hcl2 if tree-sitter-hcl is not installed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import Body, Expression, ParsedFile, Span, SyntaxProblem, Unparsed


@dataclass(frozen=True)
class HclReader:
    """Functions that parse a file and the text of a template."""

    read: Callable[[SourceText], ParsedFile]
    read_template: Callable[[SourceText], Expression]


@lru_cache(maxsize=1)
def reader() -> HclReader:
    """Return the installed reader, or one that reports the missing parser for every file."""
    try:
        from passrole_checks.sources.terraform.reading import reader_tree_sitter

        return HclReader(reader_tree_sitter.read, reader_tree_sitter.read_template)
    except ImportError:
        from passrole_checks.sources.terraform.reading import reader_python_hcl2

        missing = missing_parser_reason()
        return (
            _unavailable_reader(missing)
            if missing
            else HclReader(reader_python_hcl2.read, reader_python_hcl2.read_template)
        )


def missing_parser_reason() -> str:
    """Return the reason why no reader works; empty if tree-sitter-hcl or python-hcl2 is installed."""
    try:
        from passrole_checks.sources.terraform.reading import reader_tree_sitter  # noqa: F401
    except ImportError:
        from passrole_checks.sources.terraform.reading import reader_python_hcl2

        try:
            reader_python_hcl2.check_installed()
        except ImportError as error:
            return f"no parser: tree-sitter-hcl is not installed, and {error}"
    return ""


def _unavailable_reader(reason: str) -> HclReader:
    def read(source: SourceText) -> ParsedFile:
        return ParsedFile(source, Body(), (SyntaxProblem(1, reason),))

    def read_template(source: SourceText) -> Expression:
        return Unparsed(reason, Span(source.first_line, 1, source.first_line, 1))

    return HclReader(read, read_template)
