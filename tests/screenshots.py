"""Pages of real answers; `python -m tests.screenshots` takes the README's screenshots anew."""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from agent import Agent
from tests.browser import Tab, browser

__all__ = ["KINDS", "QUIET", "page_of", "shown"]

ROOT = Path(__file__).parents[1]
DATA, SHOTS = ROOT / "tests" / "data", ROOT / "examples" / "screenshots"
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "film": ("Is there pneumonia?", ("cxr/RG1_J2KI.dcm",)),
    "ct": ("What does this CT show?", ("ct/series",)),
    "genome": (
        "What is the polygenic score PGS001229 of sample 1, with min overlap 0.01?",
        ("genomics/tiny1000G.vcf.gz", "genomics/PGS001229_hmPOS_GRCh38.txt.gz"),
    ),
    "skin": (
        "Which diagnoses come into question for this skin lesion?",
        ("skin/PAT_778_1471_835.png",),
    ),
}
QUIET = "document.querySelector('.stage canvas')?.width > 400"
"""The picture of the first statement is drawn."""
_STATEMENT = {"film": 0, "ct": 4}
_COLOURS = 255


def page_of(agent: Agent, kind: str, folder: Path) -> Path:
    """Ask about a sample file and write the answer's page."""
    question, names = KINDS[kind]
    answer = agent.ask(question, [DATA / name for name in names])
    page = folder / f"{kind}.page.html"
    page.write_bytes(agent.export(answer, "page"))
    return page


def shown(tab: Tab, page: Path, width: int, theme: str) -> None:
    """Show a page and wait for its picture."""
    tab.show(page.as_uri(), width=width, height=900 if width > 600 else 844, theme=theme)
    tab.until(QUIET)


def _small(shot: Path) -> None:
    """Fewer colours: below 300 kB."""
    image = Image.open(BytesIO(shot.read_bytes())).convert("RGB")
    few = image.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    few.save(shot, "PNG", optimize=True)


def main() -> None:
    """Write both."""
    SHOTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, Agent() as agent:
        folder = Path(name)
        with browser(folder / "profile") as tab:
            for kind, theme in (("film", "light"), ("ct", "dark")):
                shown(tab, page_of(agent, kind, folder), 1280, theme)
                tab.run(f"document.querySelectorAll('.opener')[{_STATEMENT[kind]}].click()")
                tab.until(QUIET)
                shot = SHOTS / f"{kind}-{theme}.png"
                tab.screenshot(shot)
                _small(shot)
                sys.stderr.write(f"{shot.name}: {shot.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
