"""The page of grants in a real browser."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contrast import CONTRAST

from passrole_checks.output.grants_html import grants_html
from passrole_checks.scan.scanner import ScanOptions, scan_paths

ACCOUNT = "arn:aws:iam::111122223333"
HOSTILE = (
    "</script><script>document.title='taken'</script>"
    "<img src='http://127.0.0.1:9/x' onerror=\"document.title='taken'\">"
)
LAMBDA = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}

Make = Callable[..., Path]


def template(**holders: list[dict[str, Any]]) -> str:
    """Return a template in which each principal has a policy of statements that allow PassRole."""
    resources = {
        f"Policy{number}": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "Users": [user],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", **one} for one in statements],
                },
            },
        }
        for number, (user, statements) in enumerate(holders.items())
    }
    return json.dumps({"Resources": resources}, indent=1)


def few() -> dict[str, list[dict[str, Any]]]:
    return {
        "ann": [{"Resource": "*", "Sid": "Everything"}],
        "bob": [{"Resource": f"{ACCOUNT}:role/app-*", "Sid": "Apps"}],
        "cleo": [{"Resource": f"{ACCOUNT}:role/app-*", "Condition": LAMBDA, "Sid": "Functions"}],
        "dave": [{"Resource": f"{ACCOUNT}:role/build", "Condition": LAMBDA}, {"Effect": "Deny", "Resource": "*"}],
    }


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a function that writes the page of templates and returns its file."""
    monkeypatch.chdir(tmp_path)

    def written(**templates: str) -> Path:
        for name, text in templates.items():
            Path("code", name).mkdir(parents=True)
            Path("code", name, "iam.json").write_text(text, "utf-8")
        result = scan_paths([Path("code")], ScanOptions())
        (tmp_path / "page.html").write_text(grants_html(result, result.grants), "utf-8")
        return tmp_path / "page.html"

    return written


def node(label: str) -> str:
    """Return the JavaScript expression for the box with the accessible label ``label``."""
    return f"[...document.querySelectorAll('.node')].find((one) => one.getAttribute('aria-label').includes({label!r}))"


def texts(page: Any, selector: str) -> list[str]:
    found: list[str] = page.value(
        f"[...document.querySelectorAll({selector!r})].filter((one) => one.getClientRects().length)"
        ".map((one) => one.textContent)"
    )
    return found


def boxes(page: Any) -> list[str]:
    """Return the accessible labels of the boxes."""
    found: list[str] = page.value(
        "[...document.querySelectorAll('.node')].map((one) => one.getAttribute('aria-label'))"
    )
    return found


def test_page_draws_the_graph_without_requests(browser: Any, make: Make) -> None:
    """Loaded from a file, the page logs nothing and requests only itself; each column has its boxes."""
    file = make(app=template(**few()))
    page = browser.open(file)
    assert boxes(page) == [
        "Who: ann, any role, any service, highest severity high",
        "Who: bob, any service, highest severity medium",
        "Who: cleo, no findings",
        f"Role: {ACCOUNT}:role/app-*, name pattern \u00b7 111122223333 \u00b7 2 statements, any service,"
        " highest severity medium",
        "Service: lambda.amazonaws.com, no findings",
    ]
    assert page.value("document.querySelectorAll('.edge').length") == 3  # none to any role and any service
    assert page.complaints() == []
    assert page.requests() == [file.as_uri()]


def test_click_shows_the_statements_and_escape_closes_them(browser: Any, make: Make) -> None:
    """A click on a box shows its statements with file, line, findings and remedies, and dims the others."""
    page = browser.open(make(app=template(**few())))
    page.click(node("Role: arn"))
    assert texts(page, ".panel h2") == [f"{ACCOUNT}:role/app-*"]
    cards = texts(page, ".panel .card")
    assert ["iam.json:31" in card for card in cards] == [True, False]  # the worst first
    heading, remedy, place, source = (
        cards[0].find(words) for words in ("PASSROLE_002 any-service", "Instead:", "iam.json:31", '"Sid": "Apps"')
    )
    assert -1 < heading < remedy < place < source
    assert "PASSROLE" not in cards[1]
    assert page.value(f"{node('Who: ann')}.classList.contains('dim')")
    assert not page.value(f"{node('Who: bob')}.classList.contains('dim')")
    page.press("Escape")
    assert texts(page, ".panel h2") == []
    assert page.value("document.querySelectorAll('.dim').length") == 0


def test_click_on_a_line_shows_its_statements(browser: Any, make: Make) -> None:
    """The panel lists the statements that create the line."""
    page = browser.open(make(app=template(**few())))
    page.click(
        "[...document.querySelectorAll('.edge')].find((one) => one.getAttribute('aria-label').startsWith('bob'))"
    )
    assert texts(page, ".panel h2") == [f"bob \u2192 {ACCOUNT}:role/app-*"]
    assert len(texts(page, ".panel .card")) == 1


def test_search_and_filters_narrow_graph_and_table(browser: Any, make: Make) -> None:
    """All search terms must occur in a statement; severity, check, principal and service filter as well."""
    page = browser.open(make(app=template(**few())))
    assert texts(page, ".matched") == ["3 of 5 statements"]  # no Deny, and not what it takes away
    page.press("/")
    page.write("functions LAMBDA")
    page.wait_for("document.querySelector('.matched').textContent === '1 of 5 statements'")
    assert [box.partition(",")[0] for box in boxes(page)] == [
        "Who: cleo",
        f"Role: {ACCOUNT}:role/app-*",
        "Service: lambda.amazonaws.com",
    ]
    assert len(texts(page, "tbody tr")) == 1
    page.press("Escape")
    page.wait_for("document.querySelector('.matched').textContent === '3 of 5 statements'")
    page.click("document.querySelector('[name=severity][value=high]')")
    assert texts(page, ".matched") == ["2 of 5 statements"]
    page.click("document.querySelector('[name=clear]')")
    for name, value, count in (("check", "001", 1), ("principal", "bob", 1), ("service", "any service", 2)):
        choose = (
            f"(() => {{ const s = document.querySelector('select[name={name}]');"
            f" s.value = [...s.options].find((o) => o.value === {value!r} || o.text === {value!r}).value;"
            " s.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )
        page.value(choose)
        assert texts(page, ".matched") == [f"{count} of 5 statements"]
        page.click("document.querySelector('[name=clear]')")
    page.press("/")
    page.write("nowhere")
    page.wait_for("document.querySelector('.matched').textContent === '0 of 5 statements'")
    assert "No matches" in texts(page, ".picture svg")[0]
    assert page.complaints() == []


def test_denials_are_shown_on_request(browser: Any, make: Make) -> None:
    """Deny statements and denied grants are hidden at first, and drawn as denied on request."""
    page = browser.open(make(app=template(**few())))
    page.click("document.querySelector('[name=effect][value=deny]')")
    assert texts(page, ".matched") == ["4 of 5 statements"]
    assert "Who: dave, denied: any role, denied: any service, no findings" in boxes(page)


def test_keyboard_reaches_everything(browser: Any, make: Make) -> None:
    """Tab enters the graph once, arrows follow lines, Enter opens the panel and focuses it, Escape returns."""
    page = browser.open(make(app=template(**few())))
    here = "document.activeElement.getAttribute('aria-label')"
    page.value("document.querySelector('[name=save]').focus()")
    page.press("Tab")
    assert page.value(here) == "Who: ann, any role, any service, highest severity high"
    outline = "getComputedStyle(document.activeElement.querySelector('.box')).strokeWidth"
    assert page.value(outline) == "3.5px"
    page.press("ArrowDown")
    assert page.value(here) == "Who: bob, any service, highest severity medium"
    page.press("ArrowRight")
    assert page.value(here) == "bob \u2192 app-*: 1 statement, highest severity medium"
    page.press("ArrowRight", "ArrowRight")
    assert page.value(here) == "app-* \u2192 lambda.amazonaws.com: 1 statement, no findings"
    page.press("ArrowLeft", "Enter")
    assert page.value("document.activeElement.textContent") == f"{ACCOUNT}:role/app-*"
    assert len(texts(page, ".panel .card")) == 2
    page.press("Tab")
    assert page.value("document.activeElement.className") == "permalink"
    page.press("Tab")
    assert page.value(here) == "Close"
    page.press("Escape")
    assert page.value(here).startswith("Role: arn")


def test_hostile_names_execute_nothing(browser: Any, make: Make) -> None:
    """Names with markup are shown as text: no script runs, nothing is loaded, no policy is violated."""
    file = make(app=template(**{HOSTILE: [{"Resource": f"{ACCOUNT}:role/{HOSTILE}*", "Sid": HOSTILE}]}))
    page = browser.open(file)
    page.click(node("Who:"))
    assert texts(page, ".panel h2") == [HOSTILE]
    assert page.value("document.title") == "PassRole access: who may pass which role to which service"
    assert page.complaints() == []
    assert page.requests() == [file.as_uri()]


def test_table_works_without_javascript(browser: Any, make: Make) -> None:
    """All statements are in a table, worst first, that leads to findings and sources in full; controls that need
    JavaScript are hidden."""
    page = browser.open(make(app=template(**few())), scripts=False)
    root = page.call("DOM.getDocument")["root"]["nodeId"]
    for text in ("#f1 .finding", "#s1 pre", ".worst"):
        node = page.call("DOM.querySelector", nodeId=root, selector=text)["nodeId"]
        assert page.call("DOM.getBoxModel", nodeId=node)["model"]["height"] > 10
    page.call("Emulation.setScriptExecutionDisabled", value=False)  # for the questions of this test
    assert [row.split("iam.json")[0] for row in texts(page, "tbody tr")][:2] == [
        "high001 any-roleannany roleany service",
        "medium002 any-servicebobapp-*any service",
    ]
    assert len(texts(page, "tbody tr")) == 5
    assert texts(page, ".controls") == texts(page, ".stage") == []
    for link, words in ((".detail a", "PASSROLE_001 any-role"), (".more", '"Sid": "Everything"')):
        page.click(f"document.querySelector('tbody {link}')")
        assert words in page.value("document.querySelector(':target').textContent")


def _roles(team: int, number: int) -> list[str]:
    """Return one role; for the last grant ten, most of which its row folds."""
    last = [f"last{role}" for role in range(9)] if (team, number) == (9, 49) else []
    return [f"{ACCOUNT}:role/{name}" for name in (f"team{team}-{number}", *last)]


def many() -> dict[str, str]:
    """Return five hundred grants in ten templates."""
    return {
        f"team{team}": template(
            **{f"user{number}": [{"Resource": _roles(team, number), "Condition": LAMBDA}] for number in range(50)}
        )
        for team in range(10)
    }


def test_many_grants_are_grouped_and_expand_on_click(browser: Any, make: Make) -> None:
    """Five hundred grants show one box per folder; a click expands it, and a search shows single grants."""
    page = browser.open(make(**many()))
    assert texts(page, ".matched") == ["500 statements"]
    assert page.value("document.querySelectorAll('.node').length") == 21
    assert page.value(f"{node('Who: team3')}.getAttribute('aria-expanded')") == "false"
    page.click(node("Who: team3"))
    assert page.value("document.querySelectorAll('.node').length") == 71
    assert page.value(f"{node('Who: team3')}.getAttribute('aria-expanded')") == "true"
    page.click(node("Who: team3"))
    assert page.value("document.querySelectorAll('.node').length") == 21
    page.click(node("Service: lambda"))
    assert len(texts(page, ".panel .card")) == 20
    page.click("document.querySelector('.panel-body > button')")
    assert len(texts(page, ".panel .card")) == 40
    page.press("/")
    page.write("team3-17")
    page.wait_for("document.querySelector('.matched').textContent === '1 of 500 statements'")
    assert boxes(page)[0].partition(",")[0] == "Who: user17"
    assert page.complaints() == []


def test_rows_that_are_not_shown_are_printed_with_all_names(browser: Any, make: Make) -> None:
    """Paper has every row, and the names that rows fold; afterwards the page is as before."""
    page = browser.open(make(**many()))
    assert (len(first_cells(page)), texts(page, "tbody details div")) == (200, [])
    page.value("dispatchEvent(new Event('beforeprint'))")
    assert (len(first_cells(page)), len(texts(page, "tbody details div"))) == (500, 7)
    page.value("dispatchEvent(new Event('afterprint'))")
    assert (len(first_cells(page)), len(texts(page, "#texts pre"))) == (200, 0)


@pytest.mark.parametrize("width", [360, 800, 1400])
@pytest.mark.parametrize("dark", [False, True])
def test_page_is_responsive_and_has_contrast(browser: Any, make: Make, width: int, dark: bool) -> None:
    """At any width only the graph scrolls sideways, texts fit their boxes, and contrast is sufficient in both color
    schemes (WCAG 2.2, 1.4.3: 4.5 to 1)."""
    page = browser.open(make(app=template(**few())), width=width, dark=dark)
    assert page.value("document.documentElement.scrollWidth <= innerWidth")
    assert page.value(
        "[...document.querySelectorAll('.node')].every((one) => [...one.querySelectorAll('text')].every((text) =>"
        " text.getBoundingClientRect().right <= one.querySelector('.box').getBoundingClientRect().right))"
    )
    assert page.value(CONTRAST) >= 4.5


def test_page_is_printable(browser: Any, make: Make) -> None:
    """On paper there are the graph, the table, and all findings and sources, without controls."""
    page = browser.open(make(app=template(**few())))
    page.call("Emulation.setEmulatedMedia", media="print")
    page.value("dispatchEvent(new Event('beforeprint'))")
    assert texts(page, ".controls") == texts(page, ".hint") == []
    assert len(texts(page, "tbody tr")) == 3
    assert len(texts(page, "#texts pre")) == 5
    assert page.value("document.querySelectorAll('.node').length") == 5


def escalating() -> dict[str, list[dict[str, Any]]]:
    """Return principals that become administrators by any role, one that may not, and one that passes one role."""
    start = {"Action": ["lambda:CreateFunction", "lambda:InvokeFunction"], "Resource": "*"}
    return {
        "zoe": [{"Resource": "*", "Condition": LAMBDA, "Sid": "Worst"}, start],
        "ann": [{"Resource": f"{ACCOUNT}:role/app-*", "Condition": LAMBDA}],
        "root": [{"Action": "*", "Resource": "*"}],
    }


def test_worst_principals_come_first(browser: Any, make: Make) -> None:
    """The page begins with who can become administrator, and how; a click selects the principal."""
    page = browser.open(make(app=template(**escalating())))
    listed = [" ".join(words.split()) for words in texts(page, ".worst li")]
    assert listed == [
        "high zoe can act as any roleadministrators included,"
        " with lambda:CreateFunction, lambda:InvokeFunction (lambda-001)",
        "high root can be an administratorwithout another role",
    ]
    assert texts(page, ".worst h2") == ["Who can become administrator 2 of 3 principals"]
    page.click("document.querySelector('.worst a')")
    assert texts(page, ".panel h2") == ["zoe"]
    assert "PASSROLE_008" in texts(page, ".panel .card")[0]


def test_fourth_column_shows_what_principals_can_do_then(browser: Any, make: Make) -> None:
    """A line leads from the last box of a pass to its outcome; without outcomes, there is no such column."""
    other = browser.open(make(few=template(**few())))
    assert other.value("document.querySelectorAll('.edge.then').length") == 0
    assert "And can then" not in texts(other, "#statements th")
    page = browser.open(make(app=template(**escalating())))
    assert texts(page, ".picture .head") == ["Who", "may pass", "to", "and can then"]
    then = page.value("[...document.querySelectorAll('.edge.then')].map((one) => one.getAttribute('aria-label'))")
    assert [line.partition(":")[0] for line in then] == [
        "lambda.amazonaws.com \u2192 act as any role",
        "root \u2192 be an administrator",
    ]
    assert "And can then" in texts(page, "#statements th")


def first_cells(page: Any) -> list[str]:
    found: list[str] = page.value(
        "[...document.querySelectorAll('#statements tbody tr')].map((row) => row.children[1].textContent)"
    )
    return found


def test_table_is_sorted_by_click_and_by_keyboard(browser: Any, make: Make) -> None:
    """The worst statement is first; the buttons of the head sort both ways, and say so."""
    page = browser.open(make(app=template(**escalating())))
    order = "[...document.querySelectorAll('[aria-sort]')].map((th) => th.textContent + th.getAttribute('aria-sort'))"
    assert first_cells(page) == ["zoe", "root", "ann"]
    assert page.value(order) == ["Severitydescending"]
    page.click("document.querySelector('[data-sort=who] button')")
    assert (first_cells(page), page.value(order)) == (["ann", "root", "zoe"], ["Whoascending"])
    page.press("Enter")
    assert (first_cells(page), page.value(order)) == (["zoe", "root", "ann"], ["Whodescending"])
    page.click("document.querySelector('[data-sort=where] button')")
    assert first_cells(page) == ["zoe", "ann", "root"]


def test_names_break_after_separators_only(browser: Any, make: Make) -> None:
    """No name is broken within a word, at any width of the table."""
    names = {"a-user-with-a-rather-long-name": [{"Resource": f"{ACCOUNT}:role/team/applications/frontend-deployer-*"}]}
    page = browser.open(make(app=template(**names)), width=920)
    before_breaks = page.value(
        """[...document.querySelectorAll('#statements td code')].flatMap((code) => {
          const range = document.createRange(), found = [];
          const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
          let top = null, last = '';
          while (walker.nextNode()) for (let at = 0; at < walker.currentNode.length; at += 1) {
            range.setStart(walker.currentNode, at);
            range.setEnd(walker.currentNode, at + 1);
            const here = range.getBoundingClientRect().top;
            if (top !== null && here > top) found.push(last);
            [top, last] = [here, range.toString()];
          }
          return found;
        })"""
    )
    assert before_breaks and set(before_breaks) <= set("/:._- ")


def test_selection_has_a_permalink(browser: Any, make: Make) -> None:
    """The fragment of the URL names the selected box or line, and restores it in another window."""
    file = make(**many())
    page = browser.open(file)
    page.click(node("Who: team3"))
    page.click(node("Who: user17"))
    link = page.value("location.hash")
    assert link == page.value("document.querySelector('.permalink').getAttribute('href')") != ""
    other = browser.open(file, fragment=link)
    assert texts(other, ".panel h2") == ["user17"]
    assert "team3-17" in texts(other, ".panel .card")[0]
    page.press("Escape")
    assert page.value("location.hash") == ""
    for wrong in ("#select=0%3Anobody%40", "#select=%", "#select=%3Cimg%3E%3E", "#g99999", "#nothing"):
        strange = browser.open(file, fragment=wrong)
        assert (texts(strange, ".panel h2"), strange.complaints()) == ([], [])
    first = browser.open(file, fragment="#g1")
    assert len(texts(first, ".panel .card")) == 1


def test_graph_is_saved_as_svg(browser: Any, make: Make, tmp_path: Path) -> None:
    """The file is an image of its own: the same boxes and lines, with its styles, and without scripts."""
    page = browser.open(make(app=template(**escalating(), **{HOSTILE: [{"Resource": f"{ACCOUNT}:role/b"}]})))
    page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.click("document.querySelector('[name=save]')")
    saved = tmp_path / "passrole-access.svg"
    wait_for(saved.exists)
    wait_for(lambda: saved.read_bytes().rstrip().endswith(b"</svg>"))
    image = browser.open(saved)
    drawn = "[document.querySelectorAll('.node').length, document.querySelectorAll('.edge').length]"
    assert image.value(drawn) == page.value(drawn)
    assert image.value("getComputedStyle(document.querySelector('.node.high .bar')).fill") == "rgb(187, 31, 51)"
    assert image.value("document.querySelectorAll('script, img, [onload]').length") == 0
    assert (image.complaints(), image.requests()) == ([], [saved.as_uri()])


def wait_for(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_equal_boxes_are_one_stack(browser: Any, make: Make) -> None:
    """A principal that has the same access in several folders is one box with a count; the panel lists the folders."""
    one = template(deploy=[{"Resource": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/app-*"}}])
    other = template(deploy=[{"Resource": "*"}])
    page = browser.open(make(dev=one, test=one, prod=other))
    assert [box for box in boxes(page) if box.startswith("Who")] == [
        "Who: deploy, prod/iam.json, any role, any service, highest severity high",
        "Who: deploy, 2 places \u00b7 2 statements, any service, highest severity medium",
    ]
    page.click(node("2 places"))
    assert texts(page, ".panel .places") == ["In dev/iam.json, test/iam.json"]
    assert len(texts(page, ".panel .card")) == 2


def test_small_screen_has_cards_and_folded_filters(browser: Any, make: Make) -> None:
    """At 420 pixels, cards replace the graph, and the filters open on demand; a card leads to its details."""
    page = browser.open(make(app=template(**few())), width=420)
    assert texts(page, ".picture") == []
    chips = "document.querySelector('.chips').checkVisibility({contentVisibilityAuto: true})"
    assert not page.value(chips)
    assert len(texts(page, "#statements tbody tr")) == 3
    page.click("document.querySelector('.filters summary')")
    assert page.value(chips)
    page.click("document.querySelector('#statements .more')")
    assert '"Sid": "Everything"' in texts(page, ".panel .card")[0]
    assert page.value("document.documentElement.scrollWidth <= innerWidth")


def test_thousands_of_grants_are_shown_in_parts(browser: Any, make: Make) -> None:
    """Texts that statements have in common are in the page once, and only the first rows are laid out."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
    parts = {
        f"part{part}": json.dumps({"Resources": {f"P{part * 500 + number}": policy for number in range(500)}})
        for part in range(5)
    }
    file = make(**parts)
    assert file.stat().st_size < 2_000_000
    page = browser.open(file)
    assert texts(page, ".matched") == ["2,500 statements"]
    assert len(first_cells(page)) == 200
    assert page.value("document.querySelectorAll('*').length") < 8_000
    page.click("document.querySelector('[name=more]')")
    assert len(first_cells(page)) == 400
    page.press("/")
    page.write("P1711")
    page.wait_for("document.querySelector('.matched').textContent === '1 of 2,500 statements'")
    page.click("document.querySelector('#statements .more')")
    assert '"Action": "*"' in texts(page, ".panel .card")[0].replace("  ", " ")
    assert page.complaints() == []
