"""A real DICOMweb server: Orthanc (Debian: orthanc, orthanc-dicomweb), on the loopback address."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
from click.testing import CliRunner
from fastmcp import Client

from agent import Agent, Settings
from agent.cli import cli
from agent.server import build_consulting_server
from agent.workshop import archive
from specialists.errors import (
    FileMissing,
    FileTooLarge,
    InvalidInput,
    ServerUnreachable,
    TruncatedFile,
    UnknownHandle,
)
from tests.servers import free_port
from tools.dicomweb import Archive, StudyQuery, _save_parts

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("orthanc")]
DATA = Path(__file__).parents[1] / "data"
STUDY = "1.2.826.0.1.3680043.8.498.1"
FILM = DATA / "cxr" / "RG1_J2KI.dcm"
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
ORTHANC = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/bin")
needs_orthanc = pytest.mark.skipif(
    ORTHANC is None or not PLUGIN.exists(),
    reason="needs Orthanc with DICOMweb (Debian: apt-get install orthanc orthanc-dicomweb)",
)


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("orthanc")
    port = free_port()
    config = {
        "StorageDirectory": str(folder / "store"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {"ward": "round"},
        "Plugins": [str(PLUGIN)],
    }
    (folder / "orthanc.json").write_text(json.dumps(config))
    process = subprocess.Popen(
        [str(ORTHANC), str(folder / "orthanc.json")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(auth=("ward", "round"), timeout=60) as client:
            wait_for(client, url)
            for file in [FILM, *sorted((DATA / "ct" / "series").iterdir())]:
                client.post(f"{url}/instances", content=completed(file)).raise_for_status()
        yield f"{url}/dicom-web"
    finally:
        process.terminate()
        process.wait()


def completed(file: Path) -> bytes:
    """The bytes of a file, with the UIDs that an archive asks for where it has none."""
    one, out = pydicom.dcmread(file), io.BytesIO()
    if not one.StudyInstanceUID:
        one.PatientID, one.StudyInstanceUID, one.SeriesInstanceUID = "ct", STUDY, f"{STUDY}.1"
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID
    pydicom.dcmwrite(out, one)
    return out.getvalue()


def wait_for(client: httpx.Client, url: str) -> None:
    for _ in range(300):
        try:
            if client.get(f"{url}/system").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("Orthanc did not start")


@pytest.fixture
def connected(orthanc: str, settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "dicomweb_url": orthanc,
            "dicomweb_authorization": httpx.BasicAuth("ward", "round")._auth_header,
        }
    )


@needs_orthanc
async def test_study_is_found_read_and_answered_without_saying_who(connected: Settings) -> None:
    film = pydicom.dcmread(FILM, stop_before_pixels=True)
    async with Client(build_consulting_server(connected)) as client:
        found = await client.call_tool_mcp("find_studies", {"patient_id": str(film.PatientID)})
        (study,) = found.structured_content["studies"]
        answer = await client.call_tool_mcp(
            "consult", {"question": "Is there pneumonia?", "files": [study["handle"]]}
        )
    told = json.dumps([found.structured_content, answer.structured_content])
    assert study["series"][0]["modality"] == "CR"
    assert {one["tool"] for one in answer.structured_content["evidence"]} == {"report_chest_xray"}
    assert all(str(film[name].value) not in told for name in ("StudyInstanceUID", "PatientName"))


@needs_orthanc
@pytest.mark.parametrize("level", [1, 2, 3])
async def test_study_series_or_instance_is_named_by_uid(connected: Settings, level: int) -> None:
    film = pydicom.dcmread(FILM, stop_before_pixels=True)
    uids = [film.StudyInstanceUID, film.SeriesInstanceUID, film.SOPInstanceUID][:level]
    async with Agent(connected) as agent:
        seen = await agent.inspect(["dicomweb:" + "/".join(uids)])
    assert [one.manifest.modality for one in seen.files if one.manifest] == ["CR"]


@needs_orthanc
async def test_series_of_many_slices_is_one_volume(connected: Settings) -> None:
    async with Agent(connected) as agent:
        answer = await agent.ask_async("What does this CT show?", [f"dicomweb:{STUDY}"])
    assert {one.tool for one in answer.evidence} == {"report_ct"}


@needs_orthanc
def test_stored_instance_is_there_to_be_fetched(connected: Settings) -> None:
    server = archive(connected)
    assert server is not None
    new = pydicom.dcmread(FILM)
    new.SOPInstanceUID = new.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    server.store([new])
    uids = [new.StudyInstanceUID, new.SeriesInstanceUID, new.SOPInstanceUID]
    (file,) = server.fetch("dicomweb:" + "/".join(uids)).iterdir()
    assert pydicom.dcmread(file).SOPInstanceUID == new.SOPInstanceUID


@needs_orthanc
def test_what_cannot_be_fetched_is_told_without_its_uid(connected: Settings) -> None:
    server = archive(connected)
    assert server is not None
    with pytest.raises(FileMissing) as missing:
        server.fetch("dicomweb:1.2.3.4.5")
    assert "1.2.3.4.5" not in missing.value.client_message
    with pytest.raises(UnknownHandle):
        server.fetch("study-" + "0" * 16)
    with pytest.raises(InvalidInput):
        server.find(StudyQuery())
    closed = Archive(server.url, server.folder / "other")
    with pytest.raises(ServerUnreachable):
        closed.find(StudyQuery(modality="CR"))


@needs_orthanc
def test_report_of_a_study_is_stored_beside_it(
    connected: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("dicomweb_url", "dicomweb_authorization", "state_dir"):
        monkeypatch.setenv(f"WARDROUND_{name.upper()}", str(getattr(connected, name)))
    study = f"dicomweb:{pydicom.dcmread(FILM, stop_before_pixels=True).StudyInstanceUID}"
    run = CliRunner()
    asked = run.invoke(cli, ["ask", "Is there pneumonia?", study, "--json"])
    (tmp_path / "answer.json").write_text(asked.stdout)
    words = ["export", str(tmp_path / "answer.json"), study, "--to", "dicom-sr", "--store"]
    done = run.invoke(cli, [*words, "--out", str(tmp_path / "report.dcm")])
    assert done.exit_code == 0, done.output
    server = archive(connected)
    assert server is not None
    server.fresh_s = 0
    kinds = {pydicom.dcmread(file).Modality for file in server.fetch(study).iterdir()}
    assert kinds == {"CR", "SR"}


def test_server_that_is_down_is_told(tmp_path: Path) -> None:
    server = Archive(f"http://127.0.0.1:{free_port()}/dicom-web", tmp_path)
    with pytest.raises(ServerUnreachable):
        server.find(StudyQuery(modality="CT"))


def body(*parts: bytes, end: bytes = b"--\r\n") -> bytes:
    heads = b"\r\nContent-Type: application/dicom\r\n\r\n"
    return b"\r\n".join(b"--x" + heads + part for part in parts) + b"\r\n--x" + end


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_parts_are_told_apart_however_the_bytes_come(size: int, tmp_path: Path) -> None:
    parts = [b"first\r\n--y", b"", b"\r\n-\r\n--", b"last"]
    whole = body(*parts)
    chunks = (whole[at : at + size] for at in range(0, len(whole), size))
    _save_parts(chunks, b"\r\n--x", tmp_path, 10**6)
    assert [file.read_bytes() for file in sorted(tmp_path.iterdir())] == parts


@pytest.mark.parametrize(
    ("whole", "limit", "error"),
    [
        (body(b"abc", end=b""), 10**6, TruncatedFile),
        (body(b"abc")[:-8], 10**6, TruncatedFile),
        (b"", 10**6, TruncatedFile),
        (body(b"a" * 100), 50, FileTooLarge),
    ],
)
def test_body_that_breaks_off_or_goes_on_is_an_error(
    whole: bytes, limit: int, error: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(error):
        _save_parts([whole], b"\r\n--x", tmp_path, limit)


def test_tool_is_there_only_with_a_server(settings: Settings) -> None:
    async def names(chosen: Settings) -> set[str]:
        async with Client(build_consulting_server(chosen)) as client:
            return {tool.name for tool in await client.list_tools()}

    import anyio

    with_one: Any = settings.model_copy(update={"dicomweb_url": "http://127.0.0.1:1/dicom-web"})
    assert "find_studies" not in anyio.run(names, settings)
    assert "find_studies" in anyio.run(names, with_one)
