"""Hostile names: nothing of them may mention, refer, link, close or break out, wherever they are written."""

from __future__ import annotations

import itertools
import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from passrole_checks.aws.escalation_paths import escalation_paths
from passrole_checks.escaping import markup
from passrole_checks.escaping.terminal import sanitize

MARKDOWN = MarkdownIt("commonmark").enable("table")
PIECES = [
    "@octocat", "#1", "GH-1", "owner/repo#2", "closes #3", "!4", "%5", "&6", "~bug", "deadbeefcafe", "1234567",
    "https://evil.example", "www.evil.example", "a@evil.example", "mailto:a@evil.example", ":smile:", "[x](y)",
    "![x](y)", "<img src=x>", "<!-- marker -->", "</details>", "&lt;b&gt;", "`", "``", "```", "|", "\\", "\\|", "*a*",
    "__b__", "$x$", "~~c~~", "- d", "1. e", "# f", "> g", "\n", "\r\n", "\u2028", "\u202e", "\u200b", "\x1b[31m",
    "\x00", "\ud800", "\ufffe", "(", ")", ".", ",", ":", "%0A", "%", "::error::", "##[error]", "]]>", "<", ">", "&",
    '"', "'", "word", "a", "\t", "\u00a0", "é", "配", "\U0001f600",
]  # fmt: skip
HOSTILE = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4), st.just(" ")), max_size=14).map("".join)

# What may stand outside of code spans: letters and short numbers, and the punctuation of sentences around them.
WORD = re.compile(r"\(*(?:[A-Za-z]+(?:['-][A-Za-z]+)*|[0-9]{1,6})?[.,;:!?)]*")


def inline(text: str) -> list[Token]:
    """The tokens of the only line of Markdown that a text is, put behind something else as on our pages."""
    assert "\n" not in text
    assert "\r" not in text
    blocks = MARKDOWN.parse(f"x {text}")
    assert [block.type for block in blocks] == ["paragraph_open", "inline", "paragraph_close"]
    children = blocks[1].children
    assert children is not None
    return children


def outside(tokens: list[Token]) -> list[str]:
    """The words outside of code spans; there is nothing but words and code spans."""
    assert {token.type for token in tokens} <= {"text", "code_inline"}
    text = "\0".join(token.content if token.type == "text" else "" for token in tokens)
    return [word for word in re.split("[ \0]", text) if word]


def spelled(text: str) -> str:
    """The text with what cannot be seen, and the beginning of a comment, spelled out."""
    return sanitize(text).replace("<!--", r"\x3c!--")


@given(HOSTILE)
def test_a_name_is_one_code_span(name: str) -> None:
    """A name is one code span and nothing else, and what is within is the name with what cannot be seen spelled out."""
    tokens = inline(markup.code(name))
    assert [token.type for token in tokens] == ["text", "code_inline"]
    shown = tokens[1].content
    assert shown.strip(" ") == markup.truncate(spelled(name), 200).strip(" ")


@given(HOSTILE, HOSTILE)
def test_a_name_stays_in_its_cell(first: str, second: str) -> None:
    """Two names in a table are two cells, each with one code span."""
    row = f"| {markup.code(first, in_table=True)} | {markup.code(second, in_table=True)} |"
    tokens = MARKDOWN.parse(f"| a | b |\n|---|---|\n{row}")
    cells = [after for before, after in itertools.pairwise(tokens) if before.type == "td_open"]
    assert [[child.type for child in cell.children or ()] for cell in cells] == [["code_inline"], ["code_inline"]]


@given(HOSTILE)
def test_sentences_are_plain_words_and_code_spans(words: str) -> None:
    """Outside of code spans stand plain words only: no mark, mention, reference, address or name of a commit."""
    for word in outside(inline(markup.prose(words))):
        assert WORD.fullmatch(word), word
        assert not re.search("(?<![A-Za-z])[A-Fa-f]{7,}(?![A-Za-z])", word), word


@given(HOSTILE)
@example("(::error::")
def test_sentences_keep_their_text(words: str) -> None:
    """Code spans take nothing away: without their fences the text is the one that was given."""
    text = "".join(token.content for token in inline(markup.prose(words)))
    assert text.replace(" ", "") == f"x{spelled(' '.join(words.split()))}".replace(" ", "")


@pytest.mark.parametrize(
    ("words", "markdown"),
    [
        ("Any role can be passed.", "Any role can be passed."),
        ("a condition on iam:PassedToService.", "a condition on `iam:PassedToService`."),
        ("By default (var.roles), or not.", "By default (`var.roles`), or not."),
        ('Add "Condition": {"a": {"b": "c"}} with it.', 'Add `"Condition": {"a": {"b": "c"}}` with it.'),
        ("it holds when Stage is (call(x)).", "it holds when Stage is (`call(x)`)."),
        ("ask @octocat about #1 and GH-1", "ask `@octocat` about `#1` and `GH-1`"),
        ("a `tick` here", "a `` `tick` `` here"),
        ("the facade, effaced", "the facade, `effaced`"),
        ("account 111122223333 and 12", "account `111122223333` and 12"),
        ("to a.com (x.y and z.w); with a:B (c-1).", "to `a.com` (`x.y` and `z.w`); with `a:B` (`c-1`)."),
        ('r.x["Approved by us and"] can pass a-*.', '`r.x["Approved by us and"]` can pass `a-*`.'),
        ('r.x["no end can pass a-*.', '`r.x["no` end can pass `a-*`.'),
    ],
)
def test_sentences_read_well(words: str, markdown: str) -> None:
    """Code spans take up what belongs together, and leave the sentence its punctuation."""
    assert markup.prose(words) == markdown


@pytest.mark.parametrize(
    ("words", "names", "markdown"),
    [
        ("Approved by us and can pass a-*.", ["Approved by us and"], "`Approved by us and` can pass `a-*`."),
        ("role, x (role).", ["role"], "`role`, x (`role`)."),
        ("roles of a-role", ["role"], "roles of a-role"),
        ("a b c", ["a b", "a b c"], "`a b c`"),
        ("x.y of z", ["x.y"], "`x.y` of z"),
    ],
)
def test_names_in_sentences(words: str, names: list[str], markdown: str) -> None:
    """A name that stands in a sentence is one code span, so that no words in it pass for ours."""
    assert markup.prose(words, names) == markdown


@given(HOSTILE, st.lists(HOSTILE, max_size=3))
def test_sentences_with_hostile_names(words: str, names: list[str]) -> None:
    """Names that are asked for take nothing away, and let nothing out of the code spans."""
    told = markup.prose(words, [*names, *words.split()[:1]])
    text = "".join(token.content for token in inline(told))
    assert text.replace(" ", "") == f"x{spelled(' '.join(words.split()))}".replace(" ", "")
    for word in outside(inline(told)):
        assert WORD.fullmatch(word), word


def test_only_the_address_of_a_published_path_is_a_link() -> None:
    """A path that knowledge holds is linked; another address, also on the same host, is code."""
    known = escalation_paths()[0].url
    assert markup.prose(f"See ({known}).") == f"See (<{known}>)."
    assert markup.prose(f"See {known}-x and {known}.evil.example") == f"See `{known}-x` and `{known}.evil.example`"


def test_long_texts_are_cut() -> None:
    """A name has at most 200 characters, a text at most 2,000."""
    assert markup.code("x" * 1_000) == f"`{'x' * 199}…`"
    assert markup.prose("y" * 10_000) == f"`{'y' * 1_999}…`"


@given(HOSTILE)
def test_a_message_of_a_command_is_one_line(text: str) -> None:
    """A message is one line, and what the runner makes of it is the text again, on as many lines."""
    data = markup.command_data(text)
    assert not re.search(r"[\r\n\x85\u2028\u2029]", data)
    unescaped = data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
    assert unescaped == "\n".join(map(sanitize, text.split("\n")))


@given(HOSTILE)
def test_a_property_of_a_command_ends_nowhere_else(text: str) -> None:
    """The value of a property holds neither the mark that ends it nor a line break, and comes back as it was."""
    value = markup.command_property(text)
    assert not re.search(r"[\r\n:,]", value)
    unescaped = value.replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
    assert unescaped == sanitize(text)


@given(HOSTILE)
def test_any_text_fits_into_xml(text: str) -> None:
    """Whatever is in a name, an XML document that holds it can be read, and holds it alone."""
    element = ElementTree.Element("a", b=markup.xml(text))
    element.text = markup.xml(text)
    read = ElementTree.fromstring(ElementTree.tostring(element))
    assert len(read) == 0
    assert (read.text or "") == markup.xml(text) == read.attrib["b"]


@given(HOSTILE)
def test_json_is_the_same_and_holds_no_command(text: str) -> None:
    """What a reader of JSON gets is the text as it was; the log of a workflow takes no line of it for a command."""
    document = markup.json_text({"sid": f"{text}##[set-output name=x]y"})
    assert "##[" not in document
    assert not any(line.strip().startswith("::") for line in document.splitlines())
    assert json.loads(document) == {"sid": f"{text}##[set-output name=x]y"}


@given(HOSTILE)
def test_no_text_begins_a_comment_of_html(text: str) -> None:
    """Other programs find their comments by what stands in one; a name cannot make them take ours for theirs."""
    written = [markup.code(text), markup.html_code(text), markup.prose(text), markup.label(text)]
    assert not any("<!--" in one for one in written)


@given(HOSTILE)
def test_a_name_in_html_is_one_element(name: str) -> None:
    """In HTML a name is one code element, and what is within is the name with what cannot be seen spelled out."""
    element = ElementTree.fromstring(markup.xml(markup.html_code(name)))
    assert (element.tag, len(element)) == ("code", 0)
    assert element.text == (markup.xml(markup.truncate(sanitize(name), 200)) or " ")


@given(HOSTILE)
def test_nothing_in_a_code_block_closes_it(text: str) -> None:
    """A code block is one block, and what is within is the text; what has characters that nobody sees cannot be in
    one."""
    if not markup.is_safe_in_code_block(text):
        return
    fence = markup.fence(text)
    tokens = MARKDOWN.parse(f"{fence}suggestion\n{text}\n{fence}\n\nx")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content == f"{text}\n"


@pytest.mark.parametrize(
    ("text", "can"),
    [
        ('Resource = "*"\n\tAction = "iam:PassRole"', True),
        ("a\u202eb", False),
        ("a\u200bb", False),
        ("a\u00a0b", False),
        ("a\u3164b", False),
        ("\u26a0\ufe0f", True),
        ("a\rb", False),
        ("x\n/close", False),
        ("x /close", True),
        ("# <!-- sticky -->", False),
    ],
)
def test_what_can_be_seen_can_be_shown(text: str, can: bool) -> None:
    """Letters, blanks, tabulators and line feeds can be shown; invisible characters, comments of HTML and lines that
    begin with a slash cannot."""
    assert markup.is_safe_in_code_block(text) is can


@pytest.mark.parametrize(
    "reference",
    [
        "@octocat", "@acme/team", "#1", "GH-1", "acme/infra#1", "a5c3785ed8d6a35868bc169f07e40e889087fd2e", "closes #1",
        "https://evil.example", "http://evil.example", "www.evil.example", "ftp://evil.example", "a@evil.example", "!1",
        "~bug", '~"a bug"', "%milestone", "%1", "&1", "$1", "[[wiki]]", "[vulnerability:1]", "[issue:1]", "$`a`$",
        "$$a$$", "{+ a +}", "[- a -]", ":smile:", "^[a]", "[^1]", "*iteration:1", "JIRA-1", "#1+", "#1+s", "/close",
    ],
)  # fmt: skip
def test_references_of_forges_are_code(reference: str) -> None:
    """Whatever GitHub or GitLab would make a mention, a reference, a link or a picture of is in a code span, and no
    line begins with it."""
    for text in (f"see {reference} now", reference):
        written = markup.prose(text)
        assert not any(reference in word for word in outside(inline(written))), written
        assert not written.startswith("/")


@given(HOSTILE)
def test_a_label_of_mermaid_stays_within_its_quotes(text: str) -> None:
    """In a label there is no quote, bracket or line break, and no word that Mermaid looks for in a line."""
    label = markup.label(text)
    assert re.fullmatch(r"[A-Za-z0-9 ,./_*?+=()#;\u2026-]+", label)
    assert not re.search("style|classdef|linkstyle|click", label, re.IGNORECASE)
