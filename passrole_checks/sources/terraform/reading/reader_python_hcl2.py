"""Fallback reader: python-hcl2, pure Python, for platforms without a tree-sitter-hcl wheel.

It is slower and stricter than the default reader. It rejects some valid HCL (``!!a``, ``"${~ a ~}"``), which loses only
the block that contains it. Both readers return the same tree for every file that both accept.

checkov's ``bc-python-hcl2`` installs a module of the same name, ``hcl2``; this module recognizes and ignores it.
"""

from __future__ import annotations

from functools import lru_cache, partial

from passrole_checks.sources.terraform.reading.python_hcl2_nodes import LarkTreeBuilder, ParseTree, TextOffsets
from passrole_checks.sources.terraform.reading.recovery import Item, PartialParse, parse_partial
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import Expression, ParsedFile, Span


class NotInstalled(ImportError):
    """Raised if python-hcl2 is not installed, or if another package provides the module ``hcl2``."""


@lru_cache(maxsize=1)
def _tree_parser() -> ParseTree:
    """Return python-hcl2's function that parses a text to a tree. Raises :class:`NotInstalled`."""
    try:
        import hcl2
    except ImportError as error:
        raise NotInstalled("python-hcl2 is not installed") from error
    parses_to_tree = getattr(hcl2, "parses_to_tree", None)
    if parses_to_tree is None:
        raise NotInstalled(
            "the installed module hcl2 is not python-hcl2 8 or later "
            "(checkov's bc-python-hcl2 installs a module of the same name)"
        )
    parse: ParseTree = parses_to_tree
    return parse


def check_installed() -> None:
    """Raise :class:`NotInstalled` if this reader cannot be used."""
    _tree_parser()


def read(source: SourceText) -> ParsedFile:
    """Parse an HCL file. Never raises for invalid content; raises :class:`NotInstalled`."""
    return parse_partial(source, partial(_parse_range, _tree_parser()))


def _parse_range(parse: ParseTree, source: SourceText, start: int, end: int) -> PartialParse:
    """Parse the attributes and blocks between two offsets; no items if there is an error."""
    text = source.text(start, end)
    try:
        tree = parse(text)
    except Exception as error:  # lark raises several error types, and its postlexer others
        offset = getattr(error, "pos_in_stream", None)
        before = text[:offset] if isinstance(offset, int) and offset >= 0 else ""
        return PartialParse((), start + len(before.encode()))
    offsets = _text_offsets(source)
    body = LarkTreeBuilder(parse, offsets, offsets.characters(start)).body(tree.children[0])
    items: tuple[Item, ...] = (*body.attributes, *body.blocks)
    return PartialParse(tuple((item, end) for item in items))


@lru_cache(maxsize=2)
def _text_offsets(source: SourceText) -> TextOffsets:
    return TextOffsets(source)


def read_template(source: SourceText) -> Expression:
    """Parse the text of a template file as a template. Raises :class:`NotInstalled`."""
    offsets = TextOffsets(source)
    end = len(offsets.text)
    whole = Span(*offsets.at(0), *offsets.at(end))
    return LarkTreeBuilder(_tree_parser(), offsets, 0).heredoc_parts(0, end, whole, flush=False, depth=0)
