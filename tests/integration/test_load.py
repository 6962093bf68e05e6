"""Many consultations at once over HTTP: none is lost, and none is told another's data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loaded import loaded

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("load")]


async def test_consultations_at_once_are_all_answered_each_from_its_own_file(
    tmp_path: Path,
) -> None:
    with loaded(tmp_path, callers=3, files=8) as server:
        asked = await server.consult_all(24)
    assert [one.told for one in asked] == [(float(one.number),) for one in asked]
