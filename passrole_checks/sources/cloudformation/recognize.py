"""Recognize CloudFormation templates by content, quickly.

Any text is accepted, also malformed ones, so that a broken template is reported and not skipped. Source: AWS
CloudFormation User Guide, "CloudFormation template sections".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field

import yaml

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.yaml_loader import Loader

_CLUES = ("AWSTemplateFormatVersion", "AWS::Serverless", "Resources")
_TYPE = lazy_regex(r"(?:[A-Za-z0-9]+::[A-Za-z0-9]+::[A-Za-z0-9:]+|Custom::[\w@-]+)$")
_SERVERLESS = lazy_regex(r"AWS::Serverless-\d{4}-\d\d-\d\d")
_KEY = lazy_regex(r"""(?:"([^"\\]*)"|'([^']*)'|([A-Za-z_][^\s:#"'{}\[\],]*(?:::[^\s:#"'{}\[\],]*)*))\s*:(?=\s|$)""")
_ESCAPE = lazy_regex(r"\\(?:u00([2-7][0-9A-Fa-f])|x([2-7][0-9A-Fa-f])|U000000([2-7][0-9A-Fa-f])|(?:\r\n|\n)[ \t]*)")
_DOCUMENT, _BREAK = re.compile(r"---(?:\s|$)"), re.compile(r"(?:---|\.\.\.)(?:\s|$)")
_BLANKS, _BREAKS = frozenset({"", " ", "\t"}), frozenset({"-", "."})
# only comments before a version: the beginning of most templates
_VERSION_FIRST = lazy_regex(
    r"(?:[ \t]*(?:#[^\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]*)?\n|---[ \t]*\n)*"
    r"AWSTemplateFormatVersion[ \t]*:(?=\s)"
)
_LIST = lazy_regex(r"(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*-\s")
_BLOCK_TYPE = lazy_regex(r"""[\s{,"'-]["']?Type["']?\s*:\s*["']?([A-Za-z0-9]+::[\w:@-]+)""")
_TOKEN = lazy_regex(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\n]|'')*')|(?P<comment>(?<=\s)\#[^\n]*)|(?P<mark>[{}\[\],])"""
    r"""|(?P<colon>:(?=[\s"'{\[]))|(?P<plain>[^\s{}\[\],:"'\#](?:[^\s{}\[\],:]|:(?=[^\s"'{\[]))*)"""
)


def _is_flow_template(content: str) -> bool:
    """True if JSON, or YAML in flow style, is a template, judging by its keys and their depth; brackets may be
    unclosed."""
    path: list[str | None] = []
    word: str | None = None  # the last scalar
    key: str | None = None  # the key whose value is expected
    for token in _TOKEN.finditer(content):
        kind, text = token.lastgroup, token.group()
        if kind == "mark":
            if text in "{[":
                path.append(key)
                key = word = None
            elif text == ",":
                key = word = None
            else:
                if not path:
                    return False
                path.pop()
                key = word = None
        elif kind == "colon":
            key = word
            if len(path) == 1 and key == "AWSTemplateFormatVersion":
                return True
        elif kind in ("string", "plain"):
            word = unescape(text[1:-1]) if kind == "string" else text
            if key == "Type" and len(path) == 3 and path[1] == "Resources" and _TYPE.match(word):
                return True
            if _SERVERLESS.match(word) and (
                (len(path) == 1 and key == "Transform") or (len(path) == 2 and path[1] == "Transform")
            ):
                return True
    return False


def _top_level_blocks(content: str) -> Iterator[tuple[str, str]]:
    """Yield each top-level key of the first YAML document with the text below it; nothing if the text begins
    otherwise."""
    indent: str | None = None
    start = 0  # column of a key
    key: str | None = None
    block: list[str] = []
    for line in content.splitlines():
        if indent is None:
            bare = line.strip()
            if not bare or bare.startswith(("#", "%")) or _DOCUMENT.match(line):
                continue
            indent = line[: len(line) - len(line.lstrip())]
            start = len(indent)
            if not _KEY.match(line, start):
                return
        if line[:1] in _BREAKS and _BREAK.match(line):
            break
        match = None
        if line[start : start + 1] not in _BLANKS and line.startswith(indent):  # keys do not begin with a blank
            match = _KEY.match(line, start)
        if match:
            if key is not None:
                yield key, "\n".join(block)
            key, block = match.group(match.lastindex or 0), [line[match.end() :]]
        else:
            block.append(line)
    if key is not None:
        yield key, "\n".join(block)


def top_level_keys(content: str) -> frozenset[str]:
    """Return the top-level keys of YAML or JSON, as far as it can be parsed."""
    if not content.lstrip().startswith("{"):
        keys = frozenset(key for key, _ in _top_level_blocks(content))
        if keys:
            return keys
    root = _parse_leniently(content)
    return frozenset(key for key, _ in root.pairs()) if isinstance(root, _Branch) else frozenset()


def looks_like_part(content: str) -> bool:
    """True if a text has resources with properties and no template: AWS Chalice merges such a file into its template.

    Source: AWS Chalice documentation, "chalice package": ``--merge-template``.
    """
    root = _parse_leniently(content)
    resources = dict(root.pairs()).get("Resources") if isinstance(root, _Branch) else None
    values = [value for _, value in resources.pairs()] if isinstance(resources, _Branch) else []
    properties = [dict(value.pairs()).get("Properties") for value in values if isinstance(value, _Branch)]
    return any(isinstance(value, _Branch) and value.mapping for value in properties)


def unescape(text: str) -> str:
    r"""Return the text with ``\u0041``, ``\x41`` and similar escapes replaced by their letters."""
    return _ESCAPE.sub(_unescape_letter, text) if "\\" in text else text


def _unescape_letter(found: re.Match[str]) -> str:
    code = found.group(1) or found.group(2) or found.group(3)
    return chr(int(code, 16)) if code else ""


def looks_like_template(content: str) -> bool:
    """True if the text is a CloudFormation or SAM template, readable or not.

    It is one if it has a top-level ``AWSTemplateFormatVersion``, a top-level ``Transform`` that names
    ``AWS::Serverless-…``, or top-level ``Resources`` that contain a ``Type: X::Y::Z``, in any spelling that YAML or
    JSON allows.
    """
    content = content.removeprefix("\ufeff")
    if _VERSION_FIRST.match(content):
        return True
    unescaped_content = unescape(content)
    if not any(clue in unescaped_content for clue in _CLUES):
        return False
    if content.lstrip().startswith("{"):
        if _is_flow_template(content):
            return True
    elif _is_block_template(content):
        return True
    return ("::" in unescaped_content or _CLUES[0] in unescaped_content) and _is_parsed_template(content)


def _is_block_template(content: str) -> bool:
    """True if YAML in block style is a template, judging by its top-level keys."""
    blocks = list(_top_level_blocks(content))
    # AWS CodeDeploy User Guide, "AppSpec File structure": its Resources are a list, and a template has no version
    app_spec = any(key == "version" for key, _ in blocks)
    for key, block in blocks:
        if key == "AWSTemplateFormatVersion":
            return True
        if key == "Transform" and _SERVERLESS.search(block):
            return True
        if key == "Resources" and app_spec and _LIST.match(block):
            continue
        if key == "Resources" and any(_TYPE.match(blocks.group(1)) for blocks in _BLOCK_TYPE.finditer(block)):
            return True
    return False


# For tags, anchors, escapes, folded texts and complex keys the YAML parser decides. CloudFormation accepts templates of
# at most 1 MB, so the parser need not read further than this.
_MAX_LENGTH = 2_000_000


@dataclass(eq=False)
class _Branch:
    """A mapping (keys and values in turn) or a list."""

    mapping: bool
    items: list[_Branch | str] = field(default_factory=list)

    def pairs(self, seen: set[int] | None = None) -> Iterator[tuple[str, _Branch | str]]:
        """Yield the entries of a mapping, including merged ones."""
        seen = seen if seen is not None else set()
        if not self.mapping or id(self) in seen:
            return
        seen.add(id(self))
        for key, value in zip(self.items[::2], self.items[1::2], strict=False):
            if key == "<<" and isinstance(value, _Branch):
                for source in [value] if value.mapping else value.items:
                    if isinstance(source, _Branch):
                        yield from source.pairs(seen)
            elif isinstance(key, str):
                yield key, value


def _parse_leniently(content: str) -> _Branch | str | None:
    """Return the first YAML document as far as it can be parsed; None if there is none."""
    top = _Branch(mapping=False)
    open_branches = [top]
    anchors: dict[str, _Branch | str] = {}
    try:
        for event in yaml.parse(content[:_MAX_LENGTH], Loader=Loader):
            if isinstance(event, yaml.CollectionEndEvent):
                open_branches.pop()
            elif isinstance(event, yaml.NodeEvent):
                node: _Branch | str
                if isinstance(event, yaml.AliasEvent):
                    node = anchors.get(event.anchor or "", "")
                elif isinstance(event, yaml.ScalarEvent):
                    node = event.value
                else:
                    node = _Branch(isinstance(event, yaml.MappingStartEvent))
                if event.anchor and not isinstance(event, yaml.AliasEvent):
                    anchors[event.anchor] = node
                open_branches[-1].items.append(node)
                if isinstance(event, yaml.CollectionStartEvent) and isinstance(node, _Branch):
                    open_branches.append(node)
            elif isinstance(event, yaml.DocumentEndEvent):
                break
    except (yaml.YAMLError, UnicodeError, ValueError, RecursionError):
        pass  # the part before the error is enough
    return top.items[0] if top.items else None


def _is_parsed_template(content: str) -> bool:
    """True if a text is a template, judging by its parsed beginning."""
    root = _parse_leniently(content)
    if not isinstance(root, _Branch):
        return False
    for key, value in root.pairs():
        if key == "AWSTemplateFormatVersion":
            return True
        if key == "Transform":
            names = value.items if isinstance(value, _Branch) else [value]
            if any(isinstance(name, str) and _SERVERLESS.match(name) for name in names):
                return True
        if key == "Resources" and isinstance(value, _Branch) and _contains_typed_resource(value):
            return True
    return False


def _contains_typed_resource(resources: _Branch, depth: int = 0) -> bool:
    """True if a mapping of resources, including loops in it, contains a resource with a type."""
    looked_at: set[int] = set()  # aliases may repeat one resource a thousand times
    for key, value in resources.pairs():
        if not isinstance(value, _Branch) or id(value) in looked_at:
            continue
        looked_at.add(id(value))
        if any(name == "Type" and isinstance(kind, str) and _TYPE.match(kind.strip()) for name, kind in value.pairs()):
            return True
        if key.startswith("Fn::ForEach") and not value.mapping and depth < 5:
            body = value.items[-1] if value.items else ""
            if isinstance(body, _Branch) and _contains_typed_resource(body, depth + 1):
                return True
    return False
