"""The interactive page in a headless Chromium: what it shows, its keys, and what it may not do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from agent.answer import Answer, Fact
from agent.app.page import empty_page, to_page
from agent.export.material import Material
from specialists.pictures import Layout, Panel, beside, png
from specialists.schema import Box
from tests.browser import Tab, browser
from tests.stated import PICTURE_URI as URI
from tests.stated import stated

HOSTILE = "</script><script>window.hurt = 1</script><img src=x onerror='window.hurt = 1'>"


pytestmark = pytest.mark.xdist_group("app-page")


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def show(tab: Tab, tmp_path: Path) -> Iterator[Callable[..., Tab]]:
    """Show an answer with its pictures; nothing may have been asked for or refused at the end."""

    def shown(answer: Answer, pictures: dict[str, bytes] | None = None, **window: object) -> Tab:
        tab.requests.clear()
        tab.complaints.clear()
        page = tmp_path / "answer.page.html"
        page.write_text(to_page(Material(answer, pictures=pictures or {})), encoding="utf-8")
        tab.show(page.as_uri(), **window)  # type: ignore[arg-type]
        tab.until("document.querySelector('header h1')")
        return tab

    yield shown
    assert tab.outside() == []
    assert tab.complaints == []


def _halves() -> bytes:
    """A picture of two panels: dark grey, and the same with a mark."""
    image = Image.new("RGB", (208, 150), (100, 100, 100))
    image.paste((160, 40, 40), (108, 0, 208, 100))
    return png(image, Layout(beside(100, 100, 8, ("Film", "With a mark")), note="Not an outline."))


def _slices() -> bytes:
    """Four slices in a row, each with a grey value of its own."""
    image = Image.new("RGB", (400, 100))
    for at in range(4):
        image.paste((50 * at, 50 * at, 50 * at), (100 * at, 0, 100 * at + 100, 100))
    panels = tuple(
        Panel("Section", (100 * at, 0, 100 * at + 100, 100), slice=5 * at + 1, slices=20)
        for at in range(4)
    )
    return png(image, Layout(panels, (("Bone", (245, 170, 110)),)))


def _pixel(tab: Tab, x: float, y: float) -> list[int]:
    """Red, green and blue of the shown picture, at shares of its width and height."""
    script = (
        "(() => { const shown = document.querySelector('.stage canvas');"
        " const pen = new OffscreenCanvas(1, 1).getContext('2d');"
        f" pen.drawImage(shown, -Math.round(shown.width * {x}), -Math.round(shown.height * {y}));"
        " return [...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)]; })()"
    )
    value: list[int] = tab.run(script)
    return value


def _grey(tab: Tab) -> int:
    """The red of the shown picture's middle."""
    return _pixel(tab, 0.5, 0.5)[0]


def _text(tab: Tab, selector: str) -> str:
    text: str = tab.run(f"document.querySelector({json.dumps(selector)}).textContent")
    return text


def test_first_statement_is_open_with_its_evidence_and_model(show) -> None:
    tab = show(stated())
    assert tab.run("document.querySelectorAll('[data-chosen]').length") == 1
    assert "E1" in _text(tab, ".detail")
    assert "Evaluated on" in _text(tab, ".detail .model")


def test_click_and_arrow_keys_move_the_evidence(show) -> None:
    tab = show(stated())
    tab.run("document.querySelectorAll('.opener')[1].click()")
    assert "E2" in _text(tab, ".detail .card")
    tab.run("document.querySelectorAll('.opener')[1].focus()")
    tab.press("ArrowUp")
    assert tab.run("document.activeElement.getAttribute('aria-expanded')") == "true"
    assert "E1" in _text(tab, ".detail .card")
    tab.press("End", "Enter")
    last = "document.activeElement === [...document.querySelectorAll('.opener')].at(-1)"
    assert tab.run(last)


def test_every_control_is_reached_by_tab_and_shows_its_focus(show) -> None:
    tab = show(stated(), {URI: _halves()})
    tab.until("document.querySelector('.segmented')")
    count = tab.run("document.querySelectorAll('button, input, canvas[tabindex], summary').length")
    reached = set()
    tab.run("document.querySelectorAll('*').forEach((one, at) => { one.dataset.at = at; })")
    for _ in range(count + 5):
        tab.press("Tab")
        seen = tab.run(
            "(() => { const one = document.activeElement; return one === document.body ? null :"
            " [one.dataset.at, getComputedStyle(one).outlineStyle]; })()"
        )
        if seen:
            assert seen[1] != "none"
            reached.add(seen[0])
    hidden = "one => one.checkVisibility() && !one.closest('[hidden]')"
    wanted = tab.run(
        "[...document.querySelectorAll('button, input, canvas[tabindex], summary')]"
        f".filter({hidden}).map(one => one.dataset.at)"
    )
    assert set(wanted) <= reached


def test_keys_accept_strike_and_reword(show) -> None:
    tab = show(stated())
    tab.run("document.querySelector('.opener').focus()")
    tab.press("a")
    assert tab.run("document.querySelector('li[data-state]').dataset.state") == "accepted"
    tab.press("s")
    assert tab.run("document.querySelector('li[data-state]').dataset.state") == "struck"
    tab.press("e")
    tab.send("Input.insertText", text="Mine: ")
    tab.run("document.querySelector('textarea').value = 'In my own words.'")
    tab.run("[...document.querySelectorAll('.editor button')][0].click()")
    assert "In my own words." in _text(tab, ".words")
    assert "not verified" in _text(tab, ".chip.mark")
    assert "1 / 3" in _text(tab, ".status")


def test_saved_review_has_the_answer_as_it_was_and_is_shown_again(tab: Tab, tmp_path: Path) -> None:
    answer = stated()
    page = tmp_path / "page.html"
    review = {
        "reader": "Dr. Weiß",
        "statements": [
            {"statement": 0, "state": "reworded", "text": "Otherwise."},
            {"statement": 1, "state": "struck"},
        ],
    }
    page.write_text(to_page(Material(answer, review=review)), encoding="utf-8")
    tab.show(page.as_uri())
    tab.until("document.querySelector('.opener')")
    assert tab.run("document.querySelector('.sign input').value") == "Dr. Weiß"
    tab.run(
        "URL.createObjectURL = (blob) => { blob.text().then((text) => { window.saved = text; });"
        " return '#'; }"
    )
    tab.run("document.querySelector('.actions button').click()")
    tab.until("window.saved")
    saved = json.loads(tab.run("window.saved"))
    assert Answer.model_validate(saved["answer"]) == answer
    assert saved["review"]["complete"] is False
    assert [one["state"] for one in saved["review"]["statements"]] == ["reworded", "struck", "open"]
    tab.run("window.saved = ''; document.querySelectorAll('.actions button')[1].click()")
    tab.until("window.saved")
    markdown = tab.run("window.saved")
    assert "the reader's own words, not verified" in markdown
    assert f"~~{answer.statements[1].text}~~" in markdown


def test_hostile_text_stays_text(show) -> None:
    answer = stated()
    evil = {
        "question": HOSTILE,
        "message": HOSTILE,
        "statements": tuple(one.model_copy(update={"text": HOSTILE}) for one in answer.statements),
        "evidence": tuple(one.model_copy(update={"text": HOSTILE}) for one in answer.evidence),
        "caveats": (HOSTILE,),
        "not_assessed": (HOSTILE,),
    }
    tab = show(answer.model_copy(update=evil))
    assert _text(tab, "h1") == HOSTILE
    assert HOSTILE in _text(tab, ".opener")
    assert tab.run("window.hurt") is None
    assert tab.run("document.querySelectorAll('img').length") == 0
    assert tab.run("document.scripts.length") == 3


def test_panels_of_a_picture_are_shown_one_by_one(show) -> None:
    tab = show(stated(), {URI: _halves()})
    tab.until("document.querySelector('.segmented')")
    assert _grey(tab) == 160
    assert "Not an outline." in _text(tab, "figcaption")
    tab.run("document.querySelector('.segmented button').click()")
    assert _grey(tab) == 100
    assert tab.run("document.activeElement.getAttribute('aria-pressed')") == "true"


def test_window_and_level_by_slider_and_by_drag(show) -> None:
    tab = show(stated(), {URI: _halves()})
    tab.until("document.querySelector('.levels')")
    tab.run("document.querySelector('.segmented button').click()")
    tab.run(
        "(() => { const level = document.querySelector('[data-level=level]'); level.value = 100;"
        " level.dispatchEvent(new Event('input')); })()"
    )
    assert _grey(tab) == pytest.approx(128, abs=1)
    tab.run("document.querySelector('.pair button').click()")
    assert _grey(tab) == pytest.approx(127, abs=1)
    tab.run("document.querySelectorAll('.pair button')[1].click()")
    assert _grey(tab) == 100
    x, y = tab.run(
        "(() => { const r = document.querySelector('.stage canvas').getBoundingClientRect();"
        " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
    )
    tab.mouse("mousePressed", x, y, button="left", clickCount=1)
    tab.mouse("mouseMoved", x - 100, y, button="left")
    tab.mouse("mouseReleased", x - 100, y, button="left", clickCount=1)
    assert _grey(tab) < 95


def test_slices_scroll_by_key_and_slider_and_open_where_the_evidence_says(show) -> None:
    answer = stated()
    texts = ("In slice 6 of 20, fat takes up 80 cm2.", *(one.text for one in answer.statements))
    statements = tuple(
        one.model_copy(update={"text": text})
        for one, text in zip(answer.statements, texts, strict=False)
    )
    tab = show(answer.model_copy(update={"statements": statements}), {URI: _slices()})
    tab.until("document.querySelector('.slices')")
    assert _text(tab, ".slices output") == "6 / 20"
    assert _grey(tab) == 50
    assert "Bone" in _text(tab, ".key")
    tab.run("document.querySelector('.stage canvas').focus()")
    tab.press("ArrowUp")
    assert _text(tab, ".slices output") == "11 / 20"
    tab.press("End")
    assert _grey(tab) == 150
    assert "16 / 20" in tab.run("document.querySelector('.stage canvas').ariaLabel")


def test_box_of_a_finding_is_drawn_on_the_picture(show) -> None:
    answer = stated()
    box = Box(left=20, top=20, right=60, bottom=60)
    facts = {"E1": Fact(kind="finding", name="nodule", box=box, backend="toy")}
    tab = show(answer.model_copy(update={"facts": facts}), {URI: _halves()})
    tab.until("document.querySelector('.segmented')")
    red, green, blue = _pixel(tab, 0.2, 0.4)
    assert red > 200 and green > 150 and blue < 120


def test_numbers_are_bars_with_what_was_excluded(show) -> None:
    answer = stated()
    fact = Fact(
        kind="set", name="diagnosis", labels=("one", "two"), shares=(0.3, 0.5), coverage=0.9
    )
    tab = show(answer.model_copy(update={"facts": {"E1": fact}}))
    rows = tab.run("[...document.querySelectorAll('.detail .row')].map(one => one.textContent)")
    assert rows == ["two0.50", "one0.30", "excluded classes0.20"]
    assert "90%" in _text(tab, ".detail")


def test_what_is_not_known_is_told(show) -> None:
    answer = stated()
    tab = show(answer)
    told = _text(tab, ".notes")
    assert "Bones and vessels." in told
    assert "The film is dark." in told
    assert "1 statement was left out" in told
    for each in answer.disagreements:
        assert each.text.rstrip(".") in told


@pytest.mark.parametrize("language, title", [("de", "Nicht beurteilt"), ("zh", "未评估")])
def test_labels_are_in_the_language_of_the_answer(show, language, title) -> None:
    tab = show(stated().model_copy(update={"language": language}))
    assert title in _text(tab, ".notes")
    assert tab.run("document.documentElement.lang") == language


def test_picture_that_is_not_at_hand_or_broken_leaves_its_place(show) -> None:
    tab = show(stated())
    tab.until("!document.querySelector('.missing').hidden")
    tab = show(stated(), {URI: b"no picture"})
    tab.until("!document.querySelector('.missing').hidden")


def test_a_phone_has_the_evidence_below_its_statement(show) -> None:
    tab = show(stated(), {URI: _halves()}, width=390, height=844, theme="dark")
    tab.until("document.querySelector('li[data-chosen] .viewer canvas')")
    assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    ground = tab.run("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(","))) < 120


def test_an_answer_that_asks_back_is_shown_as_its_message(show) -> None:
    bare = {"statements": (), "evidence": (), "sections": (), "action": "clarify"}
    tab = show(stated().model_copy(update={**bare, "message": "Which eye?"}))
    assert _text(tab, ".message") == "Which eye?"
    assert tab.run("document.querySelector('#evidence')") is None


def test_page_alone_says_what_it_is_for(tab: Tab, tmp_path: Path) -> None:
    page = tmp_path / "empty.html"
    page.write_text(empty_page(), encoding="utf-8")
    tab.show(page.as_uri())
    tab.until("document.querySelector('h1')")
    assert "wardround view" in _text(tab, "main")


def test_page_may_load_nothing_and_run_no_other_script(tab: Tab, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(to_page(Material(stated())), encoding="utf-8")
    tab.show(page.as_uri())
    tab.until("document.querySelector('h1')")
    tab.complaints.clear()
    tab.run("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/a.png'}))")
    tab.run("fetch('http://127.0.0.1:9/b').catch(() => null)")
    tab.run(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.hurt = 1'}))"
    )
    refused = " ".join(tab.complaints)
    assert "img-src" in refused and "default-src" in refused and "script-src" in refused
    assert tab.run("window.hurt") is None


def test_enlarged_picture_goes_back_to_its_place(show) -> None:
    tab = show(stated(), {URI: _halves()})
    tab.until("document.querySelector('.larger')")
    small = tab.run("document.querySelector('.stage canvas').getBoundingClientRect().height")
    tab.run("document.querySelector('.larger').click()")
    assert tab.run("document.querySelector('dialog[open] .viewer canvas') !== null")
    assert tab.run("document.querySelector('.stage canvas').getBoundingClientRect().height") > small
    tab.press("Escape")
    tab.until("document.querySelector('#evidence > .viewer')")
    assert tab.run("document.activeElement.className") == "larger"
    assert tab.run("document.querySelector('dialog')") is None
