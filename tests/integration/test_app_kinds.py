"""The page of every kind of answer, light and dark, wide and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from agent import Agent, Settings
from tests.browser import Tab, browser
from tests.screenshots import KINDS, SHOTS, page_of, shown

pytestmark = pytest.mark.xdist_group("app-kinds")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Agent(Settings(state_dir=tmp_path_factory.mktemp("state"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("kind", KINDS)
def test_page_of_a_real_answer_is_whole_in_every_window(
    kind: str, agent: Agent, tab: Tab, tmp_path: Path
) -> None:
    page = page_of(agent, kind, tmp_path)
    tab.complaints.clear()
    tab.requests.clear()
    for width in (1280, 390):
        for theme in ("light", "dark"):
            shown(tab, page, width, theme)
            assert tab.run("document.documentElement.scrollWidth <= innerWidth")
            assert tab.run("document.querySelectorAll('.detail .model').length") >= 1
            shot = tmp_path / f"{theme}-{width}.png"
            tab.screenshot(shot)
            light = Image.open(BytesIO(shot.read_bytes())).convert("L").getpixel((2, 2))
            assert (light > 200) == (theme == "light")
    assert tab.outside() == [] and tab.complaints == []


def test_slices_of_a_ct_lie_where_its_picture_says(agent: Agent, tab: Tab, tmp_path: Path) -> None:
    shown(tab, page_of(agent, "ct", tmp_path), 1280, "dark")
    tab.run("document.querySelector('.strip button').click()")
    told = "document.querySelector('.slices output').textContent"
    tab.run("document.querySelector('.stage canvas').focus()")
    tab.press("Home")
    assert tab.run(told) == "1 / 20"
    for _ in range(11):
        tab.press("ArrowUp")
    assert tab.run(told) == "20 / 20"
    assert "Bone" in tab.run("document.querySelector('.key').textContent")


def test_screenshots_of_the_readme_are_small() -> None:
    found = sorted(SHOTS.iterdir())
    assert [one.name for one in found] == ["ct-dark.png", "film-light.png"]
    for one in found:
        assert one.stat().st_size < 300_000
        assert Image.open(BytesIO(one.read_bytes())).width == 1280
