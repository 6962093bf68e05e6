"""Another package adds a specialist and a backend through entry points."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PACKAGE = """
from specialists.base import BackendSpec, SpecialistSpec
from specialists.schema import Accepts

SPEC = SpecialistSpec(
    name="read_ecg", title="ECG", description="Reads ECGs.", takes="ECG", gives="rhythm",
    accepts=(Accepts(role="ecg", description="an ECG", kinds=("image",), modalities=("ECG",)),),
)
BACKEND = BackendSpec(name="mine", target="ecg_plugin:Model")
"""
ENTRY_POINTS = """
[wardround.specialists]
read_ecg = ecg_plugin:SPEC

[wardround.backends]
answer_image_question = ecg_plugin:BACKEND
"""


def test_installed_package_adds_a_specialist_and_a_backend(tmp_path: Path) -> None:
    (tmp_path / "ecg_plugin.py").write_text(PACKAGE)
    info = tmp_path / "ecg_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ecg-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    code = (
        f"import sys, json; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from specialists.registry import specs\n"
        "print(json.dumps({n: [b.name for b in s.backends] for n, s in specs().items()}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    assert "read_ecg" in found
    assert found["answer_image_question"][0] == "mine"
