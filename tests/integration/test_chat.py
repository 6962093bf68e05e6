"""`wardround chat` as a person meets it."""

from __future__ import annotations

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from agent.commands.drawing import drawn
from agent.commands.typing_ahead import completions

SKIN = "skin/PAT_778_1471_835.png"
COMMANDS = ["/attach", "/files", "/export", "/picture", "/why"]


def chat(folder: Path, *lines: str, files: tuple[Path, ...] = ()) -> tuple[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WARDROUND_")}
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "agent", "chat", *map(str, files)],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=300,
        check=True,
        env={
            **kept,
            "WARDROUND_STATE_DIR": str(folder / "state"),
            "WARDROUND_GEMMA_EMBEDDED": "0",
            "PYTHONPATH": root,
        },
    )
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def talked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    folder = tmp_path_factory.mktemp("chat")
    film = Path(__file__).parents[1] / "data" / SKIN
    told = chat(
        folder, "/why", "/attach nowhere.dcm", f"/attach {film}", "Could this mole be melanoma?",
        "/files", "/tools", "/why", "/why 1", "/why e2", "/why E99", "/picture", "/picture 1",
        "/export", "/export html page.html", "/export pdf", "/export fhir", "/help", "/quit",
    )  # fmt: skip
    return folder, *told


def test_answer_goes_to_stdout_and_everything_else_to_stderr(
    talked: tuple[Path, str, str],
) -> None:
    _, out, err = talked
    assert out.startswith("# Could this mole be melanoma?")
    assert "Conversation chat-" not in out
    assert "read_patient_record: Patient record; a patient's record" in err


@pytest.mark.parametrize(
    "said",
    [
        "There is no answer yet.",
        "There is no nowhere.dcm.",
        "1 file(s) will go with the next question.",
        "A1: a PNG XC photograph of the skin",
        "1. Inconclusive for a malignant skin lesion",
        "E1 (classify_skin_lesion, A1): Inconclusive",
        "E2 (classify_skin_lesion, A1): Diagnosis",
        "There is no such statement or evidence.",
        "1. Skin lesion with what speaks for the likeliest diagnosis",
        "There is no form pdf. The forms are:",
        "/export [FORM] [PATH]",
    ],
)
def test_commands_tell(talked: tuple[Path, str, str], said: str) -> None:
    assert said in talked[2]


def test_picture_and_exports_are_written_where_told(talked: tuple[Path, str, str]) -> None:
    folder, _, err = talked
    (picture,) = (folder / "pictures").glob("*.png")
    assert f"pictures/{picture.name}" in err
    assert (folder / "page.html").read_text().startswith("<!doctype html>")
    assert err.count("wrote ") == 3


def test_completion_offers_commands_and_paths(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    (tmp_path / "scan.dcm").touch()
    (tmp_path / ".hidden").touch()
    assert completions("/a", COMMANDS) == ["/attach"]
    assert completions("wha", COMMANDS) == []
    assert completions(f"/attach {tmp_path}/s", COMMANDS) == [
        f"{tmp_path}/scan.dcm",
        f"{tmp_path}/series/",
    ]
    assert completions(f"/attach {tmp_path}/", COMMANDS) == [
        f"{tmp_path}/scan.dcm",
        f"{tmp_path}/series/",
    ]
    assert completions(f"/attach {tmp_path}/none/x", COMMANDS) == []
    assert completions("what is in s", COMMANDS) == []


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_drawing_keeps_proportions_within_the_terminal(mode: str) -> None:
    png = BytesIO()
    Image.new(mode, (400, 200)).save(png, "PNG")
    lines = drawn(png.getvalue(), columns=40, lines=30).splitlines()
    assert len(lines) == 10
    assert all(line.count("▀") == 40 for line in lines)
