"""Escape untrusted text for Markdown, HTML, Mermaid, workflow commands, XML and JSON.

Names, Sids and paths in scanned files are untrusted. Each function truncates them, escapes invisible characters
(:func:`~passrole_checks.escaping.terminal.sanitize`), and neutralizes the markup of its output format.

Sources: GitHub Flavored Markdown Spec (https://github.github.com/gfm/, code spans, autolinks, tables); GitHub Docs,
"Autolinked references and URLs" and "Workflow commands for GitHub Actions"; GitLab Docs, "GitLab Flavored Markdown"
(references) and "GitLab quick actions"; https://mermaid.js.org/syntax/flowchart.html (entity codes); XML 1.0,
production 2 (Char).
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection, Iterator

from passrole_checks.aws.escalation_paths import escalation_paths
from passrole_checks.escaping.shorten import truncate
from passrole_checks.escaping.terminal import BLANKS, sanitize
from passrole_checks.iam.lazy_regex import lazy_regex

_LABEL, _NAME, _PROSE = 60, 200, 2_000

# Words without a meaning in Markdown: letters, or a short number. Other characters may form markup, a mention, a
# reference or a URL.
_PLAIN_WORD = lazy_regex(r"\(?(?:[A-Za-z]+(?:['-][A-Za-z]+)*|[0-9]{1,6}|e\.g|\u2026)[.,;:!?)]*")
_COMMIT = lazy_regex(r"(?<![A-Za-z])[A-Fa-f]{7,}(?![A-Za-z])")  # may be an abbreviated commit id
_PUNCTUATED = lazy_regex(r"(\(?)(.*?)([.,;:]*)")
_BETWEEN_NAMES = lazy_regex(r"([.,;:)]* |[.,;:)]*)(.*?)( \(?|\(?)")
_BEFORE_NAME = lazy_regex(r"()(.*?)( \(?|\(?)")
_IN_BACKTICKS = lazy_regex("`[^`]+`")
_AT_END = lazy_regex(r"\)[.,;:]*\Z")
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"))
_MOST_NAMES, _MOST_WORDS = 200, 40
_MERMAID_MARK = lazy_regex(r"[^A-Za-z0-9 ,./_*?+=()\u2026-]")  # not literal within quotes
_MERMAID_WORDS = lazy_regex(r"style|classdef|linkstyle|click", re.IGNORECASE)  # keywords anywhere in a line
_COMMENT = r"\x3c!--"
_NOT_XML = lazy_regex("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def code(text: str, *, in_table: bool = False) -> str:
    """Return a Markdown code span, with a fence longer than any run of backticks within; in a table, bars are escaped.

    Code spans contain no markup, mentions, references or links. The start of an HTML comment is escaped nevertheless,
    since other programs search the raw text for their comments.
    """
    return _code_span(sanitize(text), in_table=in_table, most=_NAME)


def code_in_table(text: str) -> str:
    """Return a code span for a table cell."""
    return code(text, in_table=True)


def _code_span(text: str, *, in_table: bool = False, most: int = _PROSE) -> str:
    """Return a code span of text that is already sanitized; sanitizing a fragment again could escape a line's
    beginning."""
    text = truncate(text.replace("<!--", _COMMENT), most) or " "
    if in_table:
        text = re.sub(r"(\\*)\|", r"\1\1\\|", text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def html_code(text: str) -> str:
    """Return text as an HTML code element, where Markdown permits HTML but is not parsed itself, as in ``<summary>``.

    Forges do not resolve mentions and references in ``<code>``.
    """
    return f"<code>{html.escape(truncate(sanitize(text), _NAME)) or ' '}</code>"


def fence(text: str) -> str:
    """Return a fence for a Markdown code block that nothing in ``text`` closes."""
    return "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))


def is_safe_in_code_block(text: str) -> bool:
    """True if ``text`` may appear verbatim in a code block to copy or apply: nobody should accept invisible changes.

    False if it contains invisible characters other than tabs and line feeds, or the start of an HTML comment, by which
    other programs find their comments, or a line that begins with a slash: GitLab does not recognize every fence, and
    runs ``/close`` at the beginning of a line as a quick action.
    """
    if "<!--" in text or not BLANKS.isdisjoint(text):
        return False
    return all(line.isprintable() and not line.startswith("/") for line in text.replace("\t", " ").split("\n"))


def prose(words: str, names: Collection[str] = ()) -> str:
    """Return sentences as Markdown on one line: plain words stay as they are, everything else becomes code spans.

    The only links that remain are URLs of published escalation paths. Each of ``names`` that occurs in the sentences
    becomes one code span, so that plain words in it are not taken for ours; keys in square brackets (Terraform) always
    do.
    """
    text = truncate(sanitize(" ".join(words.split())), _PROSE)
    sanitized = {sanitize(" ".join(name.split())) for name in names}
    guarded = sorted(filter(_has_plain_words, sanitized), key=len, reverse=True)[:_MOST_NAMES]
    if not guarded:
        return " ".join(_format_words(text.split(" ")))
    name = re.compile(rf"(?<![^ (])(?:{'|'.join(map(re.escape, guarded))})(?=[.,;:)]*(?: |$))")
    parts, at = [], 0
    for match in name.finditer(text):
        parts += [_format_between(text[at : match.start()], behind=at > 0), _code_span(match[0])]
        at = match.end()
    return "".join([*parts, _format_between(text[at:], behind=at > 0)])


def _has_plain_words(name: str) -> bool:
    return any(_PLAIN_WORD.fullmatch(word) for word in name.split(" "))


def _format_between(text: str, *, behind: bool) -> str:
    """Format the text before, after (``behind``) or between names; keep its outer spaces, brackets and punctuation."""
    match = (_BETWEEN_NAMES if behind else _BEFORE_NAME).fullmatch(text)
    before, words, after = match.groups() if match is not None else ("", text, "")
    return before + (" ".join(_format_words(words.split(" "))) if words else "") + after


def _format_words(words: list[str]) -> Iterator[str]:
    addresses = {path.url for path in escalation_paths()} if any("//" in word for word in words) else set()
    run: list[str] = []
    within = 0  # number of further words that belong to a key in brackets, or to an expression
    for number, word in enumerate(words):
        within = max(within - 1, _bracketed_key_length(words, number), _expression_length(words, number))
        kind = "code" if within else _classify_word(word, addresses)
        ends_run = word.startswith(("(", "`")) or (bool(run) and run[-1].rstrip(".,;:)").endswith("`"))
        if run and (kind != "code" or (ends_run and within <= 1)):
            yield _code_run(" ".join(run))
            run = []
        if kind == "code":
            run.append(word)
            is_last = within <= 1 and _AT_END.search(word) and word.count(")") > word.count("(")
            if is_last or _ends_list_element(run):
                yield _code_run(" ".join(run))
                run = []
        else:
            yield _link(word) if kind == "link" else word
    if run:
        yield _code_run(" ".join(run))


def _ends_list_element(run: list[str]) -> bool:
    """True if a comma or semicolon ends an element of a list of names, and not of one in brackets or quotes."""
    text = "".join(run).lstrip("(")
    return (
        text.endswith((",", ";"))
        and text.count('"') % 2 == 0
        and all(text.count(a) <= text.count(b) for a, b in _PAIRS)
    )


def _expression_length(words: list[str], number: int) -> int:
    """Return how many words an assignment or a comparison spans of which this is the first, such as
    ``(count = var.enabled ? 1 : 0)``; 0 if none begins here. Without a bracket before it, it ends behind its operator.
    """
    if words[number + 1 : number + 2] != ["="] or not _PLAIN_WORD.fullmatch(words[number]):
        return 0
    if not words[number].startswith("("):
        return 3
    depth = 0
    for length, word in enumerate(words[number : number + _MOST_WORDS], 1):
        depth += word.count("(") - word.count(")")
        if depth <= 0:
            return length
    return 3


def _bracketed_key_length(words: list[str], number: int) -> int:
    """Return how many words a key in brackets, such as ``["two words"]``, spans that begins in this word; 0 if none
    does."""
    start = words[number].find('["')
    if start < 0 or '"]' in words[number][start:]:
        return 0
    ends = (at for at in range(number + 1, min(len(words), number + _MOST_WORDS)) if '"]' in words[at])
    end = next(ends, None)
    return 0 if end is None else end - number + 1


def _classify_word(word: str, addresses: set[str]) -> str:
    if word.strip("().,;") in addresses and _link(word):
        return "link"
    return "plain" if _PLAIN_WORD.fullmatch(word) and not _COMMIT.search(word) else "code"


def _link(word: str) -> str:
    address = word.strip("().,;")
    before, _, after = word.partition(address)
    return f"{before}<{address}>{after}"


def _code_run(run: str) -> str:
    """Return a code span, without the brackets and punctuation of the sentence around it."""
    match = _PUNCTUATED.fullmatch(run)
    before, within, after = match.groups() if match is not None else ("", run, "")
    if within.endswith(")") and within.count(")") > within.count("("):
        within, after = within[:-1], f"){after}"
    if _IN_BACKTICKS.fullmatch(within):
        within = within[1:-1]  # our own code font
    return before + (_code_span(within) if within else "") + after


def label(text: str) -> str:
    """Return the quoted text of a Mermaid node; special characters are written as entity codes."""
    text = sanitize(text)
    if len(text) > _LABEL:  # keep both ends: names often differ at their ends
        text = f"{text[: _LABEL // 3]}…{text[1 - (_LABEL - _LABEL // 3) :]}"
    escaped = _MERMAID_MARK.sub(lambda match: f"#{ord(match[0])};", text)
    return _MERMAID_WORDS.sub(lambda match: f"#{ord(match[0][0])};{match[0][1:]}", escaped) or " "


def command_data(text: str) -> str:
    """Return the message of a GitHub Actions workflow command. Line breaks are kept, and cannot start another
    command."""
    lines = (truncate(sanitize(line), _PROSE) for line in text.split("\n"))
    return "%0A".join(line.replace("%", "%25") for line in lines)


def command_property(text: str) -> str:
    """Return the value of a property (``file``, ``title``) of a GitHub Actions workflow command."""
    return sanitize(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


def xml(text: str) -> str:
    """Return text that is valid in XML, with its line breaks. Markup is left to the XML writer to escape."""
    lines = (truncate(sanitize(line), _PROSE) for line in text.split("\n"))
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", "\n".join(lines))


def json_text(document: object) -> str:
    """Return a document as indented JSON.

    Output is ASCII: safe in every encoding, and scanned text cannot control a terminal. No text can become a runner
    command in a workflow log.
    """
    return json.dumps(document, indent=2).replace("##[", r"#\u0023[") + "\n"


def json_line(document: object) -> str:
    """Return a document as JSON on one line, in ASCII as :func:`json_text`."""
    return json.dumps(document, separators=(",", ":")).replace("##[", r"#\u0023[") + "\n"
