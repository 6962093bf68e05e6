"""The four packages have plain names: a foreign one of the same name is told apart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_foreign_package_of_the_same_name_is_noticed_with_both_paths(tmp_path: Path) -> None:
    foreign = tmp_path / "tools"
    foreign.mkdir()
    (foreign / "__init__.py").touch()
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import agent"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert str(foreign) in run.stderr
    assert str(Path(__file__).parents[2] / "tools") in run.stderr
