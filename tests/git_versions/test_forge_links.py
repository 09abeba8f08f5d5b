"""URLs of lines on GitHub, GitLab and Gitea."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from reports_of_tests import BASE, HEAD, LINKS

from passrole_checks.git_versions.forge_links import Links

GITLAB = replace(LINKS, server="https://gitlab.example.com", repository="acme/platform/infra", forge="gitlab")


GITEA = replace(LINKS, server="https://git.example.com", forge="gitea")


@pytest.mark.parametrize(
    ("links", "lines", "end"),
    [
        (LINKS, (3, 9), f"https://github.com/acme/infra/blob/{HEAD}/a/b.tf#L3-L9"),
        (LINKS, (3, 3), f"https://github.com/acme/infra/blob/{HEAD}/a/b.tf#L3"),
        (LINKS, (0, 0), f"https://github.com/acme/infra/blob/{HEAD}/a/b.tf"),
        (GITEA, (3, 9), f"https://git.example.com/acme/infra/src/commit/{HEAD}/a/b.tf#L3-L9"),
        (GITLAB, (3, 9), f"https://gitlab.example.com/acme/platform/infra/-/blob/{HEAD}/a/b.tf#L3-9"),
        (replace(LINKS, server="https://ghe.example.com:8443/"), (3, 3),
         f"https://ghe.example.com:8443/acme/infra/blob/{HEAD}/a/b.tf#L3"),
        (replace(LINKS, unlike_head=("a/b.tf",)), (3, 9), f"https://github.com/acme/infra/blob/{HEAD}/a/b.tf"),
    ],
)  # fmt: skip
def test_line_fragments(links: Links, lines: tuple[int, int], end: str) -> None:
    """GitHub and Gitea write #L3-L9 and GitLab #L3-9. A single line has no range; line 0, and a file whose lines differ
    in the linked commit, have no fragment."""
    assert links.blob("a/b.tf", *lines) == end


def test_base_lines_link_to_the_base_commit() -> None:
    """Removed lines are linked in the base commit."""
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
def test_incomplete_context_has_no_links(links: Links) -> None:
    """There is no link without a valid server, repository and commit id."""
    assert links.blob("a.tf", 1) is None


def test_too_long_url_is_not_linked() -> None:
    """A path of thousands of characters is not linked."""
    assert LINKS.blob("a/" * 2_000 + "b.tf", 1) is None


@pytest.mark.parametrize(("run", "expected"), [("https://x/1", "https://x/1"), ("", None), ("https://x/) [a](b", None)])
def test_run_url_must_be_safe_in_markdown(run: str, expected: str | None) -> None:
    """The URL of the run is used only if it is safe in Markdown."""
    assert replace(LINKS, run=run).run_url() == expected


@given(
    st.text(min_size=1, max_size=40) | st.sampled_from(["a)b.tf", "a](x)", "a b\n.tf", "\udcff.tf", "\ud800", "ä|.tf"])
)
def test_any_name_is_within_one_link(file: str) -> None:
    """Any file name results in one link to the same repository and commit."""
    address = LINKS.blob(file, 1)
    assert address is not None
    children = MarkdownIt().parse(f"[x]({address}) y")[1].children or []
    assert [token.type for token in children] == ["link_open", "text", "link_close", "text"]
    assert str(children[0].attrs["href"]).startswith(f"https://github.com/acme/infra/blob/{HEAD}/")
