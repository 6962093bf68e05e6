from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from specialists.errors import FileMissing, FileNotAllowed, UnknownHandle
from tools.files import FileStore, is_handle


@pytest.fixture
def root(tmp_path: Path, score: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    shutil.copy(score, folder / "score.txt")
    return folder


def test_find_path_and_handle_give_the_same_file(root: Path) -> None:
    store = FileStore([root])
    (by_path,) = store.find([str(root / "score.txt")])
    (by_handle,) = store.find([by_path.handle])
    assert is_handle(by_path.handle)
    assert by_handle == by_path
    assert by_path.manifest.kind == "scoring_file"


def test_find_relative_name_is_below_a_root(root: Path) -> None:
    (held,) = FileStore([root]).find(["score.txt"])
    assert held.found.paths == (root / "score.txt",)


def test_handle_says_nothing_of_the_name(root: Path) -> None:
    (held,) = FileStore([root]).find(["score.txt"])
    assert "score" not in held.handle


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.txt", "root/../../secret.txt", "/"])
def test_find_outside_the_roots_is_refused(root: Path, name: str) -> None:
    (root.parent / "secret.txt").write_text("x")
    with pytest.raises(FileNotAllowed) as caught:
        FileStore([root]).find([name])
    assert "secret" not in caught.value.client_message
    assert str(root) not in caught.value.client_message


def test_find_symbolic_link_out_of_the_root_is_refused(root: Path) -> None:
    os.symlink("/etc/passwd", root / "link.txt")
    with pytest.raises(FileNotAllowed):
        FileStore([root]).find(["link.txt"])


def test_find_link_inside_a_folder_leads_nowhere_outside(root: Path, data: Path) -> None:
    series = root / "series"
    series.mkdir()
    for path in sorted((data / "ct" / "series").iterdir())[:2]:
        shutil.copy(path, series)
    os.symlink(data / "cxr" / "RG1_J2KI.dcm", series / "out.dcm")
    found = [held.found for held in FileStore([root]).find(["series"])]
    assert all(root in path.parents for one in found if one.manifest for path in one.paths)


def test_find_nothing_there_is_missing(root: Path) -> None:
    with pytest.raises(FileMissing):
        FileStore([root]).find(["other.txt"])


def test_find_without_roots_allows_nothing(root: Path) -> None:
    with pytest.raises(FileNotAllowed):
        FileStore().find([str(root / "score.txt")])


def test_find_unknown_handle_is_refused(root: Path) -> None:
    with pytest.raises(UnknownHandle):
        FileStore([root]).find(["file-0123456789abcdef"])


def test_handle_of_a_changed_file_is_refused(root: Path) -> None:
    store = FileStore([root])
    (held,) = store.find(["score.txt"])
    with (root / "score.txt").open("a") as stream:
        stream.write("\n")
    with pytest.raises(UnknownHandle, match="changed"):
        store.find([held.handle])
