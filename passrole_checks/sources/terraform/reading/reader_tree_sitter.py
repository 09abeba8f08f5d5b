"""Default reader: tree-sitter-hcl, fast and with exact positions.

tree-sitter recovers from an error by guessing, and can swallow the next valid block. Therefore a tree with an error is
not used: the file is parsed in pieces.
"""

from __future__ import annotations

from functools import lru_cache

import tree_sitter
import tree_sitter_hcl

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.terraform.reading.recovery import Item, PartialParse, parse_partial
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import Expression, ParsedFile, Span, Unparsed
from passrole_checks.sources.terraform.reading.tree_sitter_nodes import TreeSitterBuilder

# HCL's specification, "Numeric Literals": an exponent needs no fraction before it; tree-sitter-hcl requires one.
_WITH_EXPONENT = lazy_regex(rb"(?<![\w.])\d+[eE][+-]?\d+(?!\w)")


@lru_cache(maxsize=1)
def _language() -> tree_sitter.Language:
    return tree_sitter.Language(tree_sitter_hcl.language())


def read(source: SourceText) -> ParsedFile:
    """Parse an HCL file. Never raises for invalid content."""
    return parse_partial(source, _parse_range)


def _parse_range(source: SourceText, start: int, end: int) -> PartialParse:
    """Parse the attributes and blocks between two offsets, up to the first error."""
    data = source.data if (start, end) == (0, len(source.data)) else source.data[start:end]
    root = _parse_tree(data).root_node
    builder = TreeSitterBuilder(source, start)
    items: list[tuple[Item, int]] = []
    for child in _top_nodes(root):
        kind = child.type
        if kind == "comment":
            continue
        if child.has_error or kind not in ("attribute", "block") or not _header_on_one_line(child):
            return PartialParse(tuple(items), _first_error(child).start_byte + start)
        item = builder.block(child) if kind == "block" else builder.attribute(child)
        items.append((item, child.end_byte + start))
    return PartialParse(tuple(items), start if root.has_error else None)


def _parse_tree(data: bytes) -> tree_sitter.Tree:
    """Parse a text. After an error, parse it again with digits instead of numbers with exponents."""
    parser = tree_sitter.Parser(_language())
    tree = parser.parse(data)
    if tree.root_node.has_error and _WITH_EXPONENT.search(data):
        return parser.parse(_WITH_EXPONENT.sub(lambda match: b"1" * len(match[0]), data))
    return tree


def read_template(source: SourceText) -> Expression:
    """Parse the text of a template file, or of a string in Terraform's JSON syntax, as a template."""
    mark = "TEMPLATE_END"
    while mark.encode() in source.data:
        mark += "_"
    head = f"t = <<{mark}\n".encode()
    # the heredoc marker takes the first line, so the content starts on the second
    wrapped = SourceText(source.file, head + source.data + f"\n{mark}\n".encode(), source.first_line - 1, 1)
    tree = _parse_tree(wrapped.data)
    children = [child for child in _top_nodes(tree.root_node) if child.type == "attribute"]
    first = Span(source.first_line, source.first_column, source.first_line, source.first_column)
    if tree.root_node.has_error or len(children) != 1:
        return Unparsed("invalid template", first)
    return TreeSitterBuilder(wrapped, 0, content_end=len(head) + len(source.data)).attribute(children[0]).value


def _top_nodes(root: tree_sitter.Node) -> list[tree_sitter.Node]:
    """Return the nodes of the file's body, and those beside it after an error, in source order."""
    nodes: list[tree_sitter.Node] = []
    for child in root.children:
        if child.type == "body" and root.type != "ERROR":
            nodes.extend(child.children)
        else:
            nodes.append(child)
    return sorted(nodes, key=lambda node: node.start_byte) if len(root.children) > 1 else nodes


def _header_on_one_line(node: tree_sitter.Node) -> bool:
    """True if the type, labels and brace of a block are on one line: required by HCL, not by tree-sitter-hcl."""
    for child in node.children:
        if child.type == "block_start":
            return child.start_point.row == node.start_point.row
    return True


def _first_error(node: tree_sitter.Node) -> tree_sitter.Node:
    """Return the first error or missing token below a node."""
    current = node
    while not (current.is_error or current.is_missing):
        deeper = next((child for child in current.children if child.has_error or child.is_missing), None)
        if deeper is None:
            return current
        current = deeper
    return current
