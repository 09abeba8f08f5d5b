"""Addresses of lines, as the forges have them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from reports_of_tests import BASE, HEAD, LINKS

from passrole_checks.review.markdown.links import Links

GITLAB = replace(LINKS, server="https://gitlab.example.com", repository="acme/platform/infra", gitlab=True)


@pytest.mark.parametrize(
    ("links", "lines", "end"),
    [
        (LINKS, (3, 9), f"https://github.com/acme/infra/blob/{HEAD}/a/b.tf#L3-L9"),
        (LINKS, (3, 3), f"https://github.com/acme/infra/blob/{HEAD}/a/b.tf#L3"),
        (LINKS, (0, 0), f"https://github.com/acme/infra/blob/{HEAD}/a/b.tf"),
        (GITLAB, (3, 9), f"https://gitlab.example.com/acme/platform/infra/-/blob/{HEAD}/a/b.tf#L3-9"),
        (replace(LINKS, server="https://ghe.example.com:8443/"), (3, 3),
         f"https://ghe.example.com:8443/acme/infra/blob/{HEAD}/a/b.tf#L3"),
        (replace(LINKS, unlike_head=("a/b.tf",)), (3, 9), f"https://github.com/acme/infra/blob/{HEAD}/a/b.tf"),
    ],
)  # fmt: skip
def test_lines(links: Links, lines: tuple[int, int], end: str) -> None:
    """GitHub writes #L3-L9 and GitLab #L3-9; one line has no range, no line no fragment; nor has a
    file whose lines are others in the commit that is linked."""
    assert links.blob("a/b.tf", *lines) == end


def test_lines_of_base() -> None:
    """What is gone is linked where it was."""
    links = replace(LINKS, unlike_head=("a.tf",))
    assert links.blob("a.tf", 1, in_base=True) == f"https://github.com/acme/infra/blob/{BASE}/a.tf#L1"


@pytest.mark.parametrize(
    "links",
    [
        Links(),
        replace(LINKS, server=""),
        replace(LINKS, repository=""),
        replace(LINKS, head="HEAD"),
        replace(LINKS, server="javascript:alert(1)//"),
        replace(LINKS, server="https://a b"),
        replace(LINKS, server='https://a">'),
    ],
)
def test_no_link_without_all_of_it(links: Links) -> None:
    """Without a server, a repository and the id of a commit there is no link, nor with a server that is none."""
    assert links.blob("a.tf", 1) is None


def test_no_link_that_is_too_long() -> None:
    """A path of thousands of characters is not linked."""
    assert LINKS.blob("a/" * 2_000 + "b.tf", 1) is None


@pytest.mark.parametrize(("run", "expected"), [("https://x/1", "https://x/1"), ("", None), ("https://x/) [a](b", None)])
def test_the_run(run: str, expected: str | None) -> None:
    """The address of the run is used only where it can stand in Markdown."""
    assert replace(LINKS, run=run).run_url() == expected


@given(
    st.text(min_size=1, max_size=40) | st.sampled_from(["a)b.tf", "a](x)", "a b\n.tf", "\udcff.tf", "\ud800", "ä|.tf"])
)
def test_any_name_is_within_one_link(file: str) -> None:
    """Whatever a file is called, its link is one link to the same repository and commit."""
    address = LINKS.blob(file, 1)
    assert address is not None
    children = MarkdownIt().parse(f"[x]({address}) y")[1].children or []
    assert [token.type for token in children] == ["link_open", "text", "link_close", "text"]
    assert str(children[0].attrs["href"]).startswith(f"https://github.com/acme/infra/blob/{HEAD}/")
