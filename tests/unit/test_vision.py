from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("timm")


def test_torchvision_can_be_imported_whatever_torch_it_was_built_for() -> None:
    code = "import specialists, torchvision, timm; from transformers import SiglipImageProcessor"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
