"""Every specialist of images or genotypes gives a picture that opens and says what it is."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent import Agent, Settings
from specialists.machine import why_not
from specialists.registry import specs
from tests.samples import CASES

DATA = Path(__file__).parents[1] / "data"
MOST_BYTES = 700_000


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Agent(Settings(state_dir=tmp_path_factory.mktemp("state"))) as opened:
        yield opened


@pytest.mark.parametrize("tool", [tool for tool in specs() if tool != "read_patient_record"])
def test_picture_is_small_and_says_what_it_shows(tool: str, agent: Agent, tmp_path: Path) -> None:
    backends = specs()[tool].backends
    if all(why_not(backend) for backend in backends):
        pytest.skip("no model of it can run here")
    files, options = CASES[tool]
    outcome = agent.call(tool, [DATA / name for name in files], **options)
    pictures = outcome.pictures(tool)
    assert pictures
    for picture, path in zip(pictures, agent.save_pictures(pictures, tmp_path), strict=True):
        content = path.read_bytes()
        assert len(content) < MOST_BYTES
        assert len(picture.title.split()) >= 3
        with Image.open(BytesIO(content)) as opened:
            assert opened.format == "PNG"
            assert np.asarray(opened.convert("L")).std() > 1
