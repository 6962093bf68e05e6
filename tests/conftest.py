"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.settings import Settings
from specialists.base import SpecialistSpec
from tools.server import Workshop, build_server

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session", autouse=True)
def _no_downloads() -> None:
    """No score is fetched from the PGS Catalog in this process."""
    from specialists.polygenic import library

    library.configure(address=None)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def data() -> Path:
    """The sample files that the project carries."""
    return DATA


@pytest.fixture
def score(data: Path) -> Path:
    """The cheapest file to inspect."""
    return data / "genomics" / "PGS000802_hmPOS_GRCh37.txt"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that see nothing of the machine's environment; plans are by rules, for speed."""
    import os

    for name in [key for key in os.environ if key.startswith("WARDROUND_")]:
        monkeypatch.delenv(name)
    return Settings(state_dir=tmp_path / "state", gemma_embedded=False)


@pytest.fixture
def serve(data: Path) -> Iterator[Callable[..., Any]]:
    """Build a server of toys; the sample files and one more folder may be named."""

    def build(*specs: SpecialistSpec, root: Path | None = None) -> Any:
        shop = Workshop.create([data, *([root] if root else [])])
        return build_server(specs={spec.name: spec for spec in specs}, workshop=shop)

    yield build
