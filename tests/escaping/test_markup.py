"""Hostile names in markup: none can mention, refer, link, close a block or break out."""

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

# Permitted outside of code spans: letters and short numbers, and the punctuation of sentences around them.
WORD = re.compile(r"\(*(?:[A-Za-z]+(?:['-][A-Za-z]+)*|[0-9]{1,6})?[.,;:!?)]*")


def inline(text: str) -> list[Token]:
    """Return the tokens of a text on one Markdown line, preceded by other text as on our pages."""
    assert "\n" not in text
    assert "\r" not in text
    blocks = MARKDOWN.parse(f"x {text}")
    assert [block.type for block in blocks] == ["paragraph_open", "inline", "paragraph_close"]
    children = blocks[1].children
    assert children is not None
    return children


def outside(tokens: list[Token]) -> list[str]:
    """Return the words outside of code spans, and verify that there is nothing else."""
    assert {token.type for token in tokens} <= {"text", "code_inline"}
    text = "\0".join(token.content if token.type == "text" else "" for token in tokens)
    return [word for word in re.split("[ \0]", text) if word]


def escaped(text: str) -> str:
    """Return the text with invisible characters and comment starts escaped."""
    return sanitize(text).replace("<!--", r"\x3c!--")


@given(HOSTILE)
def test_name_is_one_code_span(name: str) -> None:
    """For any name, the code span contains it with invisible characters escaped."""
    tokens = inline(markup.code(name))
    assert [token.type for token in tokens] == ["text", "code_inline"]
    shown = tokens[1].content
    assert shown.strip(" ") == markup.truncate(escaped(name), 200).strip(" ")


@given(HOSTILE, HOSTILE)
def test_name_stays_in_its_table_cell(first: str, second: str) -> None:
    """Two names in a table are two cells, each with one code span."""
    row = f"| {markup.code(first, in_table=True)} | {markup.code(second, in_table=True)} |"
    tokens = MARKDOWN.parse(f"| a | b |\n|---|---|\n{row}")
    cells = [after for before, after in itertools.pairwise(tokens) if before.type == "td_open"]
    assert [[child.type for child in cell.children or ()] for cell in cells] == [["code_inline"], ["code_inline"]]


@given(HOSTILE)
def test_sentences_are_plain_words_and_code_spans(words: str) -> None:
    """Outside of code spans there are plain words only: no markup, mention, reference, URL or commit id."""
    for word in outside(inline(markup.prose(words))):
        assert WORD.fullmatch(word), word
        assert not re.search("(?<![A-Za-z])[A-Fa-f]{7,}(?![A-Za-z])", word), word


@given(HOSTILE)
@example("(::error::")
def test_sentences_keep_their_text(words: str) -> None:
    """Without the fences of code spans, the text is unchanged."""
    text = "".join(token.content for token in inline(markup.prose(words)))
    expected = f"x{escaped(' '.join(words.split()))}"
    assert re.sub("[ `]", "", text) == re.sub("[ `]", "", expected)


@pytest.mark.parametrize(
    ("words", "markdown"),
    [
        ("Any role can be passed.", "Any role can be passed."),
        ("a condition on iam:PassedToService.", "a condition on `iam:PassedToService`."),
        ("Using the default of `var.roles`, or not.", "Using the default of `var.roles`, or not."),
        ('Add "Condition": {"a": {"b": "c"}} with it.', 'Add `"Condition": {"a": {"b": "c"}}` with it.'),
        ("it holds when Stage is (call(x)).", "it holds when Stage is (`call(x)`)."),
        ("ask @octocat about #1 and GH-1", "ask `@octocat` about `#1` and `GH-1`"),
        ("a `tick` here", "a `tick` here"),
        ('pass `a.b`, `Action: "*"` and c`d', 'pass `a.b`, `Action: "*"` and ``c`d``'),
        ("the facade, effaced", "the facade, `effaced`"),
        ("account 111122223333 and 12", "account `111122223333` and 12"),
        ("to a.com (x.y and z.w); with a:B (c-1).", "to `a.com` (`x.y` and `z.w`); with `a:B` (`c-1`)."),
        ('r.x["Approved by us and"] can pass a-*.', '`r.x["Approved by us and"]` can pass `a-*`.'),
        ('r.x["no end can pass a-*.', '`r.x["no` end can pass `a-*`.'),
        ("on ${a.b}; c.d, which has e:F", "on `${a.b}`; `c.d`, which has `e:F`"),
    ],
)
def test_code_spans_join_adjacent_words(words: str, markdown: str) -> None:
    """Code spans join what belongs together, and exclude the punctuation of the sentence."""
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
def test_known_name_is_one_code_span(words: str, names: list[str], markdown: str) -> None:
    """A known name in a sentence is one code span, so that none of its words is taken for ours."""
    assert markup.prose(words, names) == markdown


@given(HOSTILE, st.lists(HOSTILE, max_size=3))
def test_hostile_known_names_stay_in_code_spans(words: str, names: list[str]) -> None:
    """Known names remove no text, and expose nothing outside of code spans."""
    markdown = markup.prose(words, [*names, *words.split()[:1]])
    text = "".join(token.content for token in inline(markdown))
    expected = f"x{escaped(' '.join(words.split()))}"
    assert re.sub("[ `]", "", text) == re.sub("[ `]", "", expected)
    for word in outside(inline(markdown)):
        assert WORD.fullmatch(word), word


def test_only_published_path_urls_are_links() -> None:
    """The URL of a published path is a link; any other, also on the same host, is code."""
    known = escalation_paths()[0].url
    assert markup.prose(f"See ({known}).") == f"See (<{known}>)."
    assert markup.prose(f"See {known}-x and {known}.evil.example") == f"See `{known}-x` and `{known}.evil.example`"


def test_long_texts_are_truncated() -> None:
    """A name has at most 200 characters, a text at most 2,000."""
    assert markup.code("x" * 1_000) == f"`{'x' * 199}…`"
    assert markup.prose("y" * 10_000) == f"`{'y' * 1_999}…`"


@given(HOSTILE)
def test_command_message_is_one_line(text: str) -> None:
    """The runner decodes the message to the original text and line breaks."""
    data = markup.command_data(text)
    assert not re.search(r"[\r\n\x85\u2028\u2029]", data)
    unescaped = data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
    assert unescaped == "\n".join(map(sanitize, text.split("\n")))


@given(HOSTILE)
def test_command_property_cannot_end_early(text: str) -> None:
    """The value contains neither a delimiter nor a line break, and decodes to the original."""
    value = markup.command_property(text)
    assert not re.search(r"[\r\n:,]", value)
    unescaped = value.replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
    assert unescaped == sanitize(text)


@given(HOSTILE)
def test_any_text_is_valid_xml(text: str) -> None:
    """For any name, an XML document containing it can be parsed."""
    element = ElementTree.Element("a", b=markup.xml(text))
    element.text = markup.xml(text)
    read = ElementTree.fromstring(ElementTree.tostring(element))
    assert len(read) == 0
    assert (read.text or "") == markup.xml(text) == read.attrib["b"]


@given(HOSTILE)
def test_json_round_trips_and_contains_no_command(text: str) -> None:
    """A JSON reader gets the original text; no line is a workflow command."""
    document = markup.json_text({"sid": f"{text}##[set-output name=x]y"})
    assert "##[" not in document
    assert not any(line.strip().startswith("::") for line in document.splitlines())
    assert json.loads(document) == {"sid": f"{text}##[set-output name=x]y"}


@given(HOSTILE)
def test_no_text_starts_an_html_comment(text: str) -> None:
    """Other programs find their comments by markers; a name must not imitate one."""
    written = [markup.code(text), markup.html_code(text), markup.prose(text), markup.label(text)]
    assert not any("<!--" in one for one in written)


@given(HOSTILE)
def test_name_in_html_is_one_element(name: str) -> None:
    """For any name, the code element contains it with invisible characters escaped."""
    element = ElementTree.fromstring(markup.xml(markup.html_code(name)))
    assert (element.tag, len(element)) == ("code", 0)
    assert element.text == (markup.xml(markup.truncate(sanitize(name), 200)) or " ")


@given(HOSTILE)
def test_code_block_cannot_be_closed_by_its_content(text: str) -> None:
    """The block contains exactly the text; text with invisible characters is refused."""
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
def test_visible_text_is_safe_in_a_code_block(text: str, can: bool) -> None:
    """Letters, spaces, tabs and line feeds are safe; invisible characters, HTML comments and lines that begin with a
    slash are not."""
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
def test_forge_references_are_code(reference: str) -> None:
    """Mentions, references, links and images of GitHub and GitLab are in code spans."""
    for text in (f"see {reference} now", reference):
        written = markup.prose(text)
        assert not any(reference in word for word in outside(inline(written))), written
        assert not written.startswith("/")


@given(HOSTILE)
def test_mermaid_label_stays_within_its_quotes(text: str) -> None:
    """A label contains no quote, bracket, line break or Mermaid keyword."""
    label = markup.label(text)
    assert re.fullmatch(r"[A-Za-z0-9 ,./_*?+=()#;\u2026-]+", label)
    assert not re.search("style|classdef|linkstyle|click", label, re.IGNORECASE)


@pytest.mark.parametrize(
    ("words", "markdown"),
    [
        ("aws_iam_role.a, aws_iam_role.b and 2 more can", "`aws_iam_role.a`, `aws_iam_role.b` and 2 more can"),
        ("(4 paths, e.g. ec2-001, ecs-008)", "(4 paths, e.g. `ec2-001`, `ecs-008`)"),
        ("no instance (count = var.on ? 1 : 0)", "no instance (`count = var.on ? 1 : 0`)"),
        ('Add it (test = "A", values = ["B", "C"]).', 'Add it (`test = "A"`, `values = ["B", "C"]`).'),
        ('Applies when Stage = "test" or not.', 'Applies when `Stage = "test"` or not.'),
        ('Add "A": {"B": ["C", "D"]}, naming', 'Add `"A": {"B": ["C", "D"]}`, naming'),
    ],
)
def test_code_font_covers_each_name_and_whole_assignments(words: str, markdown: str) -> None:
    assert markup.prose(words) == markdown
