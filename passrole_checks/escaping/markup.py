"""Text of scanned files, made harmless for the place that it is written to.

Nobody vouches for the names, Sids and paths in what is scanned: whatever of it is written somewhere goes through one of
these functions, which cut it, spell out what cannot be seen (:func:`~passrole_checks.escaping.terminal.sanitize`) and
leave nothing of it that the place would take for its own marks.

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
from passrole_checks.escaping.terminal import BLANKS, sanitize

_LABEL, _NAME, _PROSE = 60, 200, 2_000

# A word that no Markdown takes for anything else: letters, or a short number. What has other characters may be a mark,
# a mention, a reference or an address.
_PLAIN_WORD = re.compile(r"\(?(?:[A-Za-z]+(?:['-][A-Za-z]+)*|[0-9]{1,6})[.,;:!?)]*")
_COMMIT = re.compile(r"(?<![A-Za-z])[A-Fa-f]{7,}(?![A-Za-z])")  # letters that may be the beginning of a commit's name
_PUNCTUATED = re.compile(r"(\(?)(.*?)([.,;:]*)")
_BETWEEN_NAMES = re.compile(r"([.,;:)]* |[.,;:)]*)(.*?)( \(?|\(?)")
_BEFORE_NAME = re.compile(r"()(.*?)( \(?|\(?)")
_AT_END = re.compile(r"\)[.,;:]*\Z")
_MOST_NAMES, _MOST_WORDS = 200, 40
_MERMAID_MARK = re.compile(r"[^A-Za-z0-9 ,./_*?+=()\u2026-]")  # whatever does not stand for itself within quotes
_MERMAID_WORDS = re.compile(r"style|classdef|linkstyle|click", re.IGNORECASE)  # looked for anywhere in a line
_COMMENT = r"\x3c!--"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def code(text: str, *, in_table: bool = False, most: int = _NAME) -> str:
    """A code span of Markdown, with a fence that is longer than any within; in a table a bar is escaped, and what is
    before it. In a code span nothing is a mark, a mention, a reference or a link. The beginning of a comment of HTML is
    spelled out all the same: other programs look for their comments by one, wherever in a text it stands."""
    return _code_span(sanitize(text), in_table=in_table, most=most)


def _code_span(text: str, *, in_table: bool = False, most: int = _PROSE) -> str:
    """The same of text that is harmless: once more, what is taken out of a line would pass for the beginning of one."""
    text = truncate(text.replace("<!--", _COMMENT), most) or " "
    if in_table:
        text = re.sub(r"(\\*)\|", r"\1\1\\|", text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def html_code(text: str, *, most: int = _NAME) -> str:
    """Text as code in HTML, where Markdown allows HTML and is not read itself (the summary of a ``<details>``). Forges
    look for mentions and references in no ``<code>``."""
    return f"<code>{html.escape(truncate(sanitize(text), most)) or ' '}</code>"


def fence(text: str) -> str:
    """A fence for a code block of Markdown that nothing in ``text`` closes."""
    return "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))


def is_safe_in_code_block(text: str) -> bool:
    """Whether ``text`` can stand in a code block as it is, to be copied or applied: nobody should accept what cannot be
    seen. Not where it holds invisible characters, tabulators and line feeds aside; not where a comment of HTML begins
    in it, by which other programs find theirs; and not where a line begins with a slash, since GitLab does not take
    every fence for one and reads ``/close`` at the beginning of a line as a command.
    """
    if "<!--" in text or not BLANKS.isdisjoint(text):
        return False
    return all(line.isprintable() and not line.startswith("/") for line in text.replace("\t", " ").split("\n"))


def prose(words: str, names: Collection[str] = ()) -> str:
    """Sentences in Markdown, on one line, to stand behind something else on theirs: plain words stay, the rest becomes
    code spans. The address of a published path, as knowledge holds it, is the only link that is left.

    ``names`` that stand in the sentences are a code span each, as a whole, so that plain words in them do not pass for
    ours; a key of Terraform in square brackets is one anyway.
    """
    text = truncate(sanitize(" ".join(words.split())), _PROSE)
    known = {sanitize(" ".join(name.split())) for name in names}
    guarded = sorted(filter(_has_plain_words, known), key=len, reverse=True)[:_MOST_NAMES]
    if not guarded:
        return " ".join(_format_words(text.split(" ")))
    name = re.compile(rf"(?<![^ (])(?:{'|'.join(map(re.escape, guarded))})(?=[.,;:)]*(?: |$))")
    said, at = [], 0
    for found in name.finditer(text):
        said += [_format_between(text[at : found.start()], behind=at > 0), _code_span(found[0])]
        at = found.end()
    return "".join([*said, _format_between(text[at:], behind=at > 0)])


def _has_plain_words(name: str) -> bool:
    return any(_PLAIN_WORD.fullmatch(word) for word in name.split(" "))


def _format_between(text: str, *, behind: bool) -> str:
    """What stands beside a name, or ``behind`` one, with the blanks at its ends, and with brackets and punctuation that
    touch it."""
    found = (_BETWEEN_NAMES if behind else _BEFORE_NAME).fullmatch(text)
    before, words, after = found.groups() if found is not None else ("", text, "")
    return before + (" ".join(_format_words(words.split(" "))) if words else "") + after


def _format_words(words: list[str]) -> Iterator[str]:
    addresses = {path.url for path in escalation_paths()} if any("//" in word for word in words) else set()
    run: list[str] = []
    within = 0  # so many words more belong to a key in brackets
    for number, word in enumerate(words):
        within = max(within - 1, _bracketed_key_length(words, number))
        kind = "code" if within else _classify_word(word, addresses)
        if run and (kind != "code" or (word.startswith("(") and within <= 1)):
            yield _code_run(" ".join(run))
            run = []
        if kind == "code":
            run.append(word)
            if within <= 1 and _AT_END.search(word) and word.count(")") > word.count("("):
                yield _code_run(" ".join(run))
                run = []
        else:
            yield _link(word) if kind == "link" else word
    if run:
        yield _code_run(" ".join(run))


def _bracketed_key_length(words: list[str], number: int) -> int:
    """How many words, from this one on, a key in brackets takes that begins in it: ``["two words"]``."""
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
    """A code span, without the brackets and the punctuation of the sentence around it."""
    found = _PUNCTUATED.fullmatch(run)
    before, within, after = found.groups() if found is not None else ("", run, "")
    if within.endswith(")") and within.count(")") > within.count("("):
        within, after = within[:-1], f"){after}"
    return before + (_code_span(within) if within else "") + after


def label(text: str) -> str:
    """The text of a node of a Mermaid flowchart, within its quotes: other characters are written as their numbers."""
    text = sanitize(text)
    if len(text) > _LABEL:  # names differ at their ends
        text = f"{text[: _LABEL // 3]}…{text[1 - (_LABEL - _LABEL // 3) :]}"
    numbered = _MERMAID_MARK.sub(lambda found: f"#{ord(found[0])};", text)
    return _MERMAID_WORDS.sub(lambda found: f"#{ord(found[0][0])};{found[0][1:]}", numbered) or " "


def command_data(text: str) -> str:
    """The message of a workflow command of GitHub Actions; a line break in it stays one, and begins no command."""
    lines = (truncate(sanitize(line), _PROSE) for line in text.split("\n"))
    return "%0A".join(line.replace("%", "%25") for line in lines)


def command_property(text: str) -> str:
    """The value of a property (``file``, ``title``) of a workflow command of GitHub Actions."""
    return sanitize(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


def xml(text: str) -> str:
    """Text that any XML document can hold, on as many lines as before, marks unescaped (a writer of XML does that)."""
    lines = (truncate(sanitize(line), _PROSE) for line in text.split("\n"))
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", "\n".join(lines))


def json_text(document: object) -> str:
    """A document as JSON. It is left in ASCII, which holds on every terminal and in every encoding, and by which
    nothing scanned can steer a terminal; no text in it is a command where it stands in the log of a workflow."""
    return json.dumps(document, indent=2).replace("##[", r"#\u0023[") + "\n"


def truncate(text: str, most: int) -> str:
    """``text``, cut where it has more than ``most`` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"
