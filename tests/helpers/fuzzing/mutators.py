"""Changes of a file that keep most of it: of bytes, lines, tokens, brackets, and of the values of JSON and YAML.

Each mutator takes a content, a source of chance, and the format (see :mod:`corpus`), and gives a content.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from fuzzing.corpus import pieces

Mutator = Callable[[bytes, random.Random, str], bytes]

_MOST_BYTES = 150_000  # of what a mutator makes
_TOKEN = re.compile(rb'"(?:[^"\\\n]|\\.)*"|\$\{|%\{|[A-Za-z_][\w.:-]*|\d+(?:\.\d+)?|<<-?\w+|[^\w\s]|\s+')
_QUOTED = re.compile(rb'"((?:[^"\\\n]|\\.)*)"')
_PLAIN = re.compile(rb"(?:: |- )([^\n:{}\[\],'\"#]+)$", re.M)
_OPEN, _CLOSE = b"{[(", b"}])"

ODD_TEXTS = (
    "\ufeff", "\0", "\u2028", "\u0085", "\u200d", "\u202e", "e\u0301", "😀", "\x1b[2J", "\x7f", "\uff11\uff12",
    "ß", "İ", "\x0b",
    "\\ud800", "\\u0000", "\\x", "\\N{DEGREE}", "'", "\\", "%", "$$", "\t", "*", "?", "::", "#", "//", "/*", "*/",
)  # fmt: skip
ODD_NUMBERS = (
    "0", "-1", "1e999", "-0.0", "9" * 400, "1" + "0" * 5000, "1e-400", "0x10", "0o7", "017", "1_000", "1.", ".5", "NaN",
    "Infinity", ".inf", "12345678901234567890", "1e5", "2147483648", "60:30", "2026-01-01",
)  # fmt: skip
IAM = (
    "iam:PassRole", "iam:pAssrOle", "i*:?ass*", "*", "iam:*", "sts:AssumeRole", "", " ", "lambda:CreateFunction",
    "arn:aws:iam::*:role/*", "arn:aws:iam::111122223333:role/app", "arn:*:*:*:*:*",
    "arn:aws:iam::${AWS::AccountId}:role/x", "arn:aws-cn:iam::1:role/aws-service-role/*", "role/*", "a*" * 40,
    "?" * 60, "*a" * 30 + "*", "${aws:username}", "${*}", "iam:PassedToService", "IAM:passedtoservice",
    "iam:AssociatedResourceArn", "aws:ResourceTag/a", "ec2.amazonaws.com", "*.amazonaws.com", "lambda",
    "StringEqualsIfExists", "ForAnyValue:StringLike", "ForAllValues:StringNotLike", "Null", "ArnLike", "Bool",
    "NumericLessThan", "Allow", "Deny", "NotAction", "NotResource", "NotPrincipal", "2012-10-17", "2008-10-17",
)  # fmt: skip
WORDS: dict[str, tuple[str, ...]] = {
    "hcl": (
        "${", "%{", "~}", "%{ if true }", "%{ endif }", "%{ for a in b }", "$${", "%%{", "<<EOT\n", "<<-X\n",
        "\nEOT\n", "[*]", ".*", "...", "? :", "=>", "for k, v in x :", "if", "null", "each.value", "count.index",
        "self", "path.module", "var.x", "local.a", "module.m.o", "data.aws_iam_policy_document.d.json",
        "aws_iam_role.r.arn", "aws_iam_role.r[*].arn", "aws_iam_role.r[\"a\"].arn", "for_each = ", "count = 2\n",
        "dynamic \"statement\" {\n", "jsonencode(", "templatefile(\"a\", {", "file(\"main.tf\")", "try(", "merge(",
        "toset([", "flatten([", "!", "-", "&&", "==", "(", ")", "{", "}", "[", "]", "\"", "=", "\n", "/*", "*/", "#",
        "provider::aws::arn_parse(", "depends_on", "lifecycle {", "source = \"./\"\n", "override",
    ),
    "json": (
        "{", "}", "[", "]", ",", ":", "\"", "null", "true", "[]", "{}", "\"a\": 1,", "\"//\": \"${\",", "\"${\"",
        "{\"Ref\": \"A\"}", "{\"Fn::If\": [\"C\", 1, {\"Ref\": \"AWS::NoValue\"}]}", "{\"Fn::GetAtt\": \"A.Arn\"}",
        "{\"Fn::Sub\": \"${A.Arn}\"}", "{\"Fn::Join\": [\"\", []]}", "{\"Fn::ForEach::X\": []}", "//", "'",
    ),
    "yaml": (
        "&a ", "*a", "<<: *a\n", "<<: [*a, *a]\n", "? ", "? [a]: b\n", "!Sub ", "!GetAtt A.Arn", "!Ref A",
        "!If [C, 1, !Ref AWS::NoValue]", "!!binary ", "!!python/object:os.system ", "!!set ", "!!timestamp ", "!Foo ",
        "!<tag:yaml.org,2002:str> ", "|\n", ">-\n", "---\n", "...\n", "%YAML 1.2\n---\n", "- ", ": ", "~", "null",
        "yes", "[", "]", "{", "}", "#", "Fn::ForEach::X:", "!Transform ", "Fn::Transform:", "Condition: C\n",
        "DependsOn: A\n", "\n", "  ", "\t", "'", "\"", "@", "`", "!ImportValue x", "!Select [9, [a]]",
        "!FindInMap [A, B, C]", "!Split [',', a]", "!Cidr [a, 1]", "!Base64 ", "!Join ['', []]",
    ),
}  # fmt: skip


_AROUND = {
    "hcl": (
        ("[", "]"),
        ("(", ")"),
        ("{ a = ", " }"),
        ("jsonencode(", ")"),
        ("!", ""),
        ("-", ""),
        ('"${', '}"'),
        ("x ? ", " : 1"),
        ("[for a in ", " : a]"),
        ("try(", ")"),
        ("a {\n", "}\n"),
        ("%{ if a }", "%{ endif }"),
        ("{for k, v in ", " : k => v}"),
    ),
    "json": (
        ("[", "]"),
        ('{"a":', "}"),
        ('{"Fn::If": ["C", 1, ', "]}"),
        ('{"Fn::Join": ["", [', "]]}"),
        ('{"Fn::Sub": ["", {"a":', "}]}"),
    ),
    "yaml": (
        ("[", "]"),
        ("{a: ", "}"),
        ("!If [C, 1, ", "]"),
        ("- ", ""),
        ("!Join ['', [", "]]"),
        ("? ", ""),
        ("!Not [", "]"),
        ("!Sub [a, {b: ", "}]"),
    ),
}
"""What a value is nested in."""


def mutated(content: bytes, rng: random.Random, kind: str) -> bytes:
    """The content after one to six changes."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4, 6))):
        content = rng.choices(_MUTATORS, _WEIGHTS)[0](content, rng, kind)[:_MOST_BYTES]
    return content


# -- bytes


def flip(content: bytes, rng: random.Random, kind: str) -> bytes:
    """A few bytes are others, which mostly is no UTF-8."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def truncate(content: bytes, rng: random.Random, kind: str) -> bytes:
    """The end is missing, maybe from within a character on."""
    text = content + rng.choice((b"", "é".encode(), "😀".encode()))
    return text[: rng.randrange(len(text) + 1)]


def erase(content: bytes, rng: random.Random, kind: str) -> bytes:
    start, end = _range(content, rng)
    return content[:start] + content[end:]


def repeat(content: bytes, rng: random.Random, kind: str) -> bytes:
    """Repeat a part several times, sometimes very often."""
    start, end = _range(content, rng)
    times = rng.choice((2, 2, 3, 10, 60, 400))
    return content[:end] + content[start:end] * min(times, 40_000 // max(end - start, 1)) + content[end:]


def insert_odd(content: bytes, rng: random.Random, kind: str) -> bytes:
    return _insert(content, rng.choice(ODD_TEXTS), rng)


def insert_word(content: bytes, rng: random.Random, kind: str) -> bytes:
    return _insert(content, rng.choice(WORDS[kind] + IAM), rng)


def _insert(content: bytes, text: str, rng: random.Random) -> bytes:
    place = rng.choice([rng.randrange(len(content) + 1), *rng.sample(_ends_of_tokens(content), 1)])
    return content[:place] + text.encode() + content[place:]


def _ends_of_tokens(content: bytes) -> list[int]:
    return [match.end() for match in _TOKEN.finditer(content[:_MOST_BYTES])] or [0]


def _range(content: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(content) + 1)
    return start, min(len(content), start + rng.choice((1, 2, 5, 20, 80, 300)))


# -- lines


def lines(content: bytes, rng: random.Random, kind: str) -> bytes:
    """Lines are left out, doubled, or in another order; or they are further to the right, or to the left."""
    found = content.splitlines(keepends=True)
    if not found:
        return content
    one, other = rng.randrange(len(found)), rng.randrange(len(found))
    last = one + rng.choice((1, 1, 2, 5))
    action = rng.randrange(6)
    if action == 0:
        del found[one:last]
    elif action == 1:
        found[one:one] = found[one:last]
    elif action == 2:
        found[one], found[other] = found[other], found[one]
    elif action == 3:
        found[other:other] = found[one:last]
    elif action == 4:
        found[one:last] = [b"  " + line for line in found[one:last]]
    else:
        found[one:last] = [line.removeprefix(b" ").removeprefix(b" ") for line in found[one:last]]
    return b"".join(found)


def line_ends(content: bytes, rng: random.Random, kind: str) -> bytes:
    """Some or all lines end otherwise."""
    ends = rng.choice(
        ((b"\r\n",), (b"\r",), (b"\n", b"\r\n"), (b"\n", b"\r", b"\r\n", b"\n\n", "\u2028".encode(), b"\x0c"))
    )
    return b"".join(line + rng.choice(ends) for line in content.splitlines())


# -- tokens


def tokens(content: bytes, rng: random.Random, kind: str) -> bytes:
    """A token is another one of the same file, of another file, or of the language; or two change places."""
    found = _TOKEN.findall(content)
    if not found:
        return content
    one, other = rng.randrange(len(found)), rng.randrange(len(found))
    action = rng.randrange(5)
    if action == 0:
        found[one], found[other] = found[other], found[one]
    elif action == 1:
        found[one] = found[other]
    elif action == 2:
        word = rng.choice(WORDS[kind] + IAM).encode()
        found[one] = b'"%s"' % word if found[one].startswith(b'"') and rng.random() < 0.7 else word
    elif action == 3:
        del found[one]
    else:
        theirs = _TOKEN.findall(rng.choice(pieces(kind)))
        start = rng.randrange(len(theirs))
        found[one:one] = theirs[start : start + rng.choice((1, 3, 12, 60))]
    return b"".join(found)


def texts(content: bytes, rng: random.Random, kind: str) -> bytes:
    """A text is another one, of this file, of another, or of the language of policies; the form stays as it is."""
    pattern = _PLAIN if kind == "yaml" and rng.random() < 0.7 else _QUOTED
    places = list(pattern.finditer(content))
    if not places:
        return tokens(content, rng, kind)
    place = rng.choice(places)
    others = places if rng.random() < 0.3 else list(pattern.finditer(rng.choice(pieces(kind))))
    word = rng.choice(others)[1] if others and rng.random() < 0.6 else rng.choice(IAM).encode()
    return content[: place.start(1)] + word + content[place.end(1) :]


def numbers(content: bytes, rng: random.Random, kind: str) -> bytes:
    """A number, or else a token, is an odd number."""
    places = list(re.finditer(rb"\b\d+\b", content)) or list(_TOKEN.finditer(content))
    if not places:
        return content
    place = rng.choice(places)
    return content[: place.start()] + rng.choice(ODD_NUMBERS).encode() + content[place.end() :]


# -- brackets


def balanced(content: bytes, rng: random.Random, kind: str) -> bytes:
    """Remove the content of a pair of brackets, double it, move it, or nest it in itself."""
    pairs = list(_pairs(content))
    if not pairs:
        return content
    (start, end), (to, to_end) = rng.choice(pairs), rng.choice(pairs)
    part = content[start:end]
    action = rng.randrange(5)
    if action == 0:
        return content[:start] + content[end:]
    if action == 1:
        return content[:end] + rng.choice((b"", b",", b"\n")) + part + content[end:]
    if action == 2:
        return content[:to] + part + content[to_end:]
    if action == 3:
        return content[:start] + part[:1] + part + part[1:] + content[end:]
    return content[: start + 1] + content[end - 1 :]


def deep(content: bytes, rng: random.Random, kind: str) -> bytes:
    """A value is nested deeply."""
    opened, closed = rng.choice(_AROUND[kind])
    count = rng.choice((2, 5, 20, 70, 130, 1000))
    pairs = list(_pairs(content)) + [match.span() for match in re.finditer(rb'"[^"\n]*"', content)]
    start, end = rng.choice(pairs or [(len(content), len(content))])
    closing = closed.encode() * (count if rng.random() < 0.9 else count // 2)
    return content[:start] + opened.encode() * count + content[start:end] + closing + content[end:]


def _pairs(content: bytes) -> Iterator[tuple[int, int]]:
    """Where brackets open and where they close, as far as they fit, texts or not."""
    pending: list[int] = []
    for place, byte in enumerate(content[:_MOST_BYTES]):
        if byte in _OPEN:
            pending.append(place)
        elif byte in _CLOSE and pending:
            yield pending.pop(), place + 1


# -- values


def values(content: bytes, rng: random.Random, kind: str) -> bytes:
    """A value of JSON or YAML is of another type, elsewhere, doubled or gone; HCL is changed by its brackets."""
    if kind == "hcl":
        return balanced(content, rng, kind)
    try:
        if kind == "json":
            document = json.loads(content)
            _change(document, rng)
            return json.dumps(document, indent=rng.choice((None, 1, 2)), ensure_ascii=rng.random() < 0.5).encode()
        node = yaml.compose(content.decode(), Loader=yaml.SafeLoader)
        if node is None:
            return content
        _change_node(node, rng)
        written: str = yaml.serialize(node)
        return written.encode()
    except (ValueError, RecursionError, yaml.YAMLError, UnicodeError, TypeError, AttributeError):
        return tokens(content, rng, kind)


def _change(document: Any, rng: random.Random) -> None:
    places = list(_places(document))
    if not places:
        return
    holder, key = rng.choice(places)
    other, from_key = rng.choice(places)
    action = rng.randrange(7)
    if action == 0:
        del holder[key]
    elif action == 1:
        holder[key] = rng.choice((None, True, 0, -1.5, "", [], {}, [[]], [None], {"": None}, 10**30, "\ud800", *IAM))
    elif action == 2:
        holder[key] = json.loads(json.dumps(other[from_key]))
    elif action == 3:
        holder[key] = [holder[key]] if rng.random() < 0.5 else {rng.choice(IAM): holder[key]}
    elif action == 4 and isinstance(holder, list):
        holder[key:key] = [holder[key]] * rng.choice((1, 2, 30))
    elif action == 5 and isinstance(holder, dict):
        holder[rng.choice((*IAM, "Fn::If", "Ref", "Type", "Id", "values", "address"))] = holder.pop(key)
    else:
        holder[key] = rng.choice(IAM)


def _places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    if depth > 60:
        return
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key], depth + 1)


def _change_node(top: yaml.Node, rng: random.Random) -> None:
    nodes: list[yaml.Node] = []
    pending, seen = [top], set[int]()
    while pending:
        node = pending.pop()
        if id(node) not in seen:
            seen.add(id(node))
            nodes.append(node)
            if isinstance(node, yaml.MappingNode):
                pending.extend(part for pair in node.value for part in pair)
            elif isinstance(node, yaml.SequenceNode):
                pending.extend(node.value)
    one, other = rng.choice(nodes), rng.choice(nodes)
    action = rng.randrange(5)
    if action == 0:
        one.tag = rng.choice(
            ("!Sub", "!Ref", "!GetAtt", "!If", "!Join", "!Select", "!Transform", "!!int", "!Condition")
        )
    elif action == 1 and isinstance(one, (yaml.MappingNode, yaml.SequenceNode)) and one.value:
        del one.value[rng.randrange(len(one.value))]
    elif action == 2 and isinstance(one, yaml.MappingNode):
        one.value.append((yaml.ScalarNode("tag:yaml.org,2002:str", rng.choice(IAM)), other))
    elif action == 3 and isinstance(one, yaml.SequenceNode):
        one.value.append(other)  # an alias, sometimes of what it stands in
    elif isinstance(one, yaml.ScalarNode):
        one.value = rng.choice((*IAM, *ODD_NUMBERS, "null", "true", "${A.Arn}", "${A}${B}", "{{resolve:ssm:/a}}"))


_MUTATORS: list[Mutator] = [
    flip, truncate, erase, repeat, insert_odd, insert_word, lines, line_ends, tokens, texts, numbers, balanced, deep,
    values,
]  # fmt: skip
_WEIGHTS = [1, 1, 1, 2, 2, 3, 5, 1, 6, 16, 2, 5, 2, 12]
MUTATORS = tuple(_MUTATORS)
