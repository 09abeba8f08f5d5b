"""Whether a text is meant to be a CloudFormation template, decided by content and cheaply.

It is asked of any text, also of one that does not parse, so that a broken template is named and not passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_CLUES = ("AWSTemplateFormatVersion", "AWS::Serverless", "Resources")
_TYPE = re.compile(r"(?:[A-Za-z0-9]+::[A-Za-z0-9]+::[A-Za-z0-9:]+|Custom::[\w@-]+)$")
_SERVERLESS = re.compile(r"AWS::Serverless-\d{4}-\d\d-\d\d")
_KEY = re.compile(r"""(?:"([^"\\]*)"|'([^']*)'|([A-Za-z_][^\s:#"'{}\[\],]*(?:::[^\s:#"'{}\[\],]*)*))\s*:(?=\s|$)""")
_BLOCK_TYPE = re.compile(r"""[\s{,"'-]["']?Type["']?\s*:\s*["']?([A-Za-z0-9]+::[\w:@-]+)""")
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\n]|'')*')|(?P<comment>(?<=\s)\#[^\n]*)|(?P<mark>[{}\[\],])"""
    r"""|(?P<colon>:(?=[\s"'{\[]))|(?P<plain>[^\s{}\[\],:"'\#](?:[^\s{}\[\],:]|:(?=[^\s"'{\[]))*)"""
)


def _flow(content: str) -> bool:
    """JSON, or YAML in flow style: keys by their depth, whether or not the brackets ever close."""
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
            word = text[1:-1] if kind == "string" else text
            if key == "Type" and len(path) == 3 and path[1] == "Resources" and _TYPE.match(word):
                return True
            if _SERVERLESS.match(word) and (
                (len(path) == 1 and key == "Transform") or (len(path) == 2 and path[1] == "Transform")
            ):
                return True
    return False


def _blocks(content: str) -> Iterator[tuple[str, str]]:
    """Each top-level key of the first YAML document with the text below it; nothing where it begins otherwise."""
    indent: str | None = None
    key: str | None = None
    block: list[str] = []
    for line in content.splitlines():
        bare = line.strip()
        if indent is None and (not bare or bare.startswith(("#", "%")) or re.match(r"---(?:\s|$)", line)):
            continue
        if re.match(r"(?:---|\.\.\.)(?:\s|$)", line):
            break
        if indent is None:
            indent = line[: len(line) - len(line.lstrip())]
            if not _KEY.match(line, len(indent)):
                return
        found = _KEY.match(line, len(indent)) if line.startswith(indent) else None
        if found:
            if key is not None:
                yield key, "\n".join(block)
            key, block = found.group(found.lastindex or 0), [line[found.end() :]]
        else:
            block.append(line)
    if key is not None:
        yield key, "\n".join(block)


def looks_like_template(content: str) -> bool:
    """Whether the text is meant as a CloudFormation or SAM template, readable or not.

    Yes for a top-level ``AWSTemplateFormatVersion``, a top-level ``Transform`` that names ``AWS::Serverless-…``, or
    top-level ``Resources`` that hold a ``Type: X::Y::Z``.
    """
    if not any(clue in content for clue in _CLUES):
        return False
    content = content.removeprefix("\ufeff")
    if content.lstrip().startswith("{"):
        return _flow(content)
    for key, block in _blocks(content):
        if key == "AWSTemplateFormatVersion":
            return True
        if key == "Transform" and _SERVERLESS.search(block):
            return True
        if key == "Resources" and any(_TYPE.match(found.group(1)) for found in _BLOCK_TYPE.finditer(block)):
            return True
    return False
