"""The second reader: python-hcl2, pure Python, for places that a compiled wheel cannot reach.

It is slower and stricter than the default reader: it rejects some valid HCL (``!!a``, ``"${~ a ~}"``), and then only
the block that holds it is lost. It gives the same tree for every file that both accept.

checkov's ``bc-python-hcl2`` installs a module of the same name, ``hcl2``; that one is recognised and not used.
"""

from __future__ import annotations

from functools import lru_cache, partial

from passrole_checks.sources.terraform.reading.python_hcl2_nodes import LarkTreeBuilder, ParseTree, TextOffsets
from passrole_checks.sources.terraform.reading.recovery import Item, PartialParse, parse_partial
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import Expression, ParsedFile, Span


class NotInstalled(ImportError):
    """There is no python-hcl2 here, or another package has taken its module's name."""


@lru_cache(maxsize=1)
def _tree_parser() -> ParseTree:
    """python-hcl2's parser of a text to a tree. Raises :class:`NotInstalled`."""
    try:
        import hcl2
    except ImportError as error:
        raise NotInstalled("python-hcl2 is not installed") from error
    found = getattr(hcl2, "parses_to_tree", None)
    if found is None:
        raise NotInstalled(
            "the module hcl2 that is installed is not python-hcl2 8 or later "
            "(checkov's bc-python-hcl2 installs a module of the same name)"
        )
    parse: ParseTree = found
    return parse


def check_installed() -> None:
    """Raises :class:`NotInstalled` where this reader cannot be used."""
    _tree_parser()


def read(source: SourceText) -> ParsedFile:
    """Read a file of HCL. Never raises for what is in it; raises :class:`NotInstalled`."""
    return parse_partial(source, partial(_parse_range, _tree_parser()))


def _parse_range(parse: ParseTree, source: SourceText, start: int, end: int) -> PartialParse:
    """The attributes and blocks between two offsets; none where there is an error."""
    text = source.text(start, end)
    try:
        tree = parse(text)
    except Exception as error:  # lark has a family of errors, and the postlexer raises its own
        place = getattr(error, "pos_in_stream", None)
        before = text[:place] if isinstance(place, int) and place >= 0 else ""
        return PartialParse((), start + len(before.encode()))
    places = _places(source)
    body = LarkTreeBuilder(parse, places, places.characters(start)).body(tree.children[0])
    items: tuple[Item, ...] = (*body.attributes, *body.blocks)
    return PartialParse(tuple((item, end) for item in items))


@lru_cache(maxsize=2)
def _places(source: SourceText) -> TextOffsets:
    return TextOffsets(source)


def read_template(source: SourceText) -> Expression:
    """Read the text of a template file as a template. Raises :class:`NotInstalled`."""
    places = TextOffsets(source)
    end = len(places.text)
    whole = Span(*places.at(0), *places.at(end))
    return LarkTreeBuilder(_tree_parser(), places, 0).heredoc_parts(0, end, whole, flush=False, depth=0)
