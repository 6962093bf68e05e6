"""Fetching, checking and removing hub models, against a stand-in of the hub."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli import cli
from agent.gemma.checkpoint import find_checkpoint
from specialists import hub, hub_files, hub_stream
from specialists.errors import (
    BackendUnavailable,
    InvalidInput,
    LimitExceeded,
    NotAuthorised,
    PlannerUnavailable,
    ServerUnreachable,
    TruncatedFile,
    WardroundError,
)
from specialists.hub_pull import look, pull
from tests.hubs import COMMIT, NEWER, READER, STRANGER, StandInHub, standing_in, weights
from tools import hub as models

NAME = "maker/tiny"
TINY = hub.model_of(NAME)


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInHub]:
    """A hub, an empty folder of models, and none of the machine's tokens and caches."""
    for name in [key for key in os.environ if key.startswith(("WARDROUND_", "HF_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("specialists.hub_stream._PAUSE_S", 0.0)
    monkeypatch.setenv("WARDROUND_MODELS_DIR", str(tmp_path / "models"))
    with standing_in() as one:
        reach(monkeypatch, one.url)
        hub.configure(tmp_path / "models")
        yield one
    hub.configure(Path.home() / ".cache" / "wardround" / "models")


def reach(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """What HF_ENDPOINT does when the library is imported."""
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", url)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)


def told(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(cli, ["models", *words], input=answer)


def test_pull_takes_weights_and_configuration_alone_and_pins_them(at: StandInHub) -> None:
    files = at.add(NAME)
    place = pull(look(TINY))
    assert {path.name for path in place.iterdir()} == {
        "config.json", "model.safetensors", "wardround.json",
    }  # fmt: skip
    record = hub_files.read(place)
    assert record is not None and record.commit == COMMIT and record.licence == "mit"
    assert record.files["model.safetensors"].size == len(files["model.safetensors"])
    assert hub.pinned(TINY) == COMMIT and hub.checked(TINY) == place


def test_later_pull_stays_at_the_pinned_commit(at: StandInHub) -> None:
    first = at.add(NAME)
    pull(look(TINY))
    at.models[NAME].files[NEWER] = {**first, "config.json": b'{"newer": 1}'}
    assert look(TINY).commit == COMMIT
    at.asked.clear()
    pull(look(TINY))
    assert at.fetched() == []
    pull(look(TINY, revision="main"))
    assert hub.pinned(TINY) == NEWER
    assert at.fetched() == ["config.json"]  # the weights are the same, and are taken from here


def test_model_with_a_commit_of_its_own_is_fetched_at_it_and_no_other(at: StandInHub) -> None:
    first = at.add(NAME)
    at.models[NAME].files[NEWER] = first
    fixed = replace(TINY, revision=COMMIT)
    assert look(fixed, revision="main").commit == COMMIT
    pull(look(TINY))
    assert hub.pinned(TINY) == NEWER
    with pytest.raises(BackendUnavailable, match="commit is another"):
        hub.checked(fixed)


def test_broken_connection_goes_on_where_it_stopped(at: StandInHub) -> None:
    files = at.add(NAME)
    at.break_after = [10**6, 100_000, 50_000]
    place = pull(look(TINY))
    assert (place / "model.safetensors").read_bytes() == files["model.safetensors"]
    assert [asked[2] for asked in at.asked if "safetensors" in asked[1]] == [
        "", "bytes=100000-", "bytes=150000-",
    ]  # fmt: skip


def test_download_given_up_goes_on_in_the_next_run(at: StandInHub) -> None:
    files = at.add(NAME)
    at.break_after = [10**6, 120_000, *[0] * 5]
    with pytest.raises(ServerUnreachable, match="goes on where it stopped"):
        pull(look(TINY))
    at.asked.clear()
    place = pull(look(TINY))
    assert (place / "model.safetensors").read_bytes() == files["model.safetensors"]
    assert [asked[1:] for asked in at.asked if "resolve" in asked[1]] == [
        (f"/{NAME}/resolve/{COMMIT}/model.safetensors", "bytes=120000-")
    ]


def test_hub_that_serves_no_ranges_is_asked_for_the_whole_file_again(at: StandInHub) -> None:
    files = at.add(NAME)
    at.ranges, at.break_after = False, [10**6, 1000]
    assert (pull(look(TINY)) / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_file_with_another_digest_is_not_kept(at: StandInHub) -> None:
    at.add(NAME)
    at.spoil = True
    with pytest.raises(TruncatedFile, match="another digest"):
        pull(look(TINY))
    assert hub.weights(TINY) is None
    at.spoil = False
    pull(look(TINY))
    assert hub.weights(TINY) is not None


def test_model_of_pickles_alone_is_refused(at: StandInHub) -> None:
    del at.add(NAME)["model.safetensors"]
    with pytest.raises(BackendUnavailable, match=r"but pytorch_model\.bin.*convert"):
        look(TINY)


def test_name_that_leaves_the_folder_is_not_fetched(at: StandInHub) -> None:
    at.add(NAME)["../../evil.json"] = b"{}"
    assert [file.path for file in look(TINY).files] == ["config.json", "model.safetensors"]


def test_full_disk_is_told_before_anything_comes(
    at: StandInHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.add(NAME)
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(LimitExceeded, match="are free"):
        pull(look(TINY))
    assert at.fetched() == []


@pytest.mark.parametrize(
    ("token", "kind", "words"),
    [
        (None, NotAuthorised, "accept the terms of maker/tiny at https"),
        (STRANGER, NotAuthorised, "account may not read"),
        ("hf_expired", NotAuthorised, "refuses the token"),
    ],
)
def test_gated_model_says_which_step_is_missing(
    at: StandInHub,
    monkeypatch: pytest.MonkeyPatch,
    token: str | None,
    kind: type[WardroundError],
    words: str,
) -> None:
    at.add(NAME, gated=True)
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(kind, match=words):
        pull(look(TINY))


def test_gated_model_comes_with_the_right_token(
    at: StandInHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.add(NAME, gated=True)
    monkeypatch.setenv("HF_TOKEN", READER)
    assert (pull(look(TINY)) / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("name", "revision", "words"),
    [("maker/none", None, "no model"), ("a/b/c", None, "no id"), (NAME, "v9", "no such commit")],
)
def test_name_that_the_hub_does_not_know_is_the_callers_mistake(
    at: StandInHub, name: str, revision: str | None, words: str
) -> None:
    at.add(NAME)
    with pytest.raises(InvalidInput, match=words):
        look(hub.model_of(name), revision)


def test_hub_out_of_reach_says_what_helps(at: StandInHub, monkeypatch: pytest.MonkeyPatch) -> None:
    reach(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(ServerUnreachable, match="copy its folder"):
        look(TINY)


def test_file_in_the_hubs_own_cache_is_not_fetched(at: StandInHub) -> None:
    from huggingface_hub import constants

    files = at.add(NAME)
    kept = Path(constants.HF_HUB_CACHE) / "models--maker--tiny" / "snapshots" / COMMIT
    kept.mkdir(parents=True)
    (kept / "model.safetensors").write_bytes(files["model.safetensors"])
    pull(look(TINY))
    assert at.fetched() == ["config.json"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda place: (place / "config.json").unlink(), "missing"),
        (lambda place: (place / "model.safetensors").write_bytes(weights(1)), "another SHA-256"),
        (lambda place: (place / "model.safetensors").write_bytes(b"x"), "bytes"),
        (lambda place: (place / "pytorch_model.bin").write_bytes(b"x"), "not fetched with"),
        (lambda place: (place / "wardround.json").write_bytes(b"x"), "can't be read"),
    ],
)
def test_changed_files_are_neither_verified_nor_loaded(
    at: StandInHub, spoil: Any, words: str
) -> None:
    at.add(NAME)
    place = pull(look(TINY))
    spoil(place)
    assert words in "".join(models.verify(TINY).faults)
    if place.joinpath("config.json").is_file():
        with pytest.raises(BackendUnavailable, match=words):
            hub.checked(TINY)


def test_touched_file_of_the_same_content_is_still_the_one(at: StandInHub) -> None:
    at.add(NAME)
    place = pull(look(TINY))
    os.utime(place / "model.safetensors", (1, 1))
    assert hub.checked(TINY) == place


def test_folder_that_somebody_copied_is_taken_as_it_is(at: StandInHub) -> None:
    place = hub.folder_of(TINY)
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}")
    assert hub.checked(TINY) == place and hub.pinned(TINY) is None


def test_pull_command_shows_licence_and_terms_and_asks(at: StandInHub) -> None:
    at.add(NAME, licence="cc-by-nc-4.0")
    refused = told("pull", NAME)
    assert "terms: Non-commercial use only." in refused.stderr and "--accept-terms" in str(
        refused.exception
    )
    assert at.fetched() == []
    done = told("pull", NAME, "--accept-terms")
    assert done.exit_code == 0 and done.stdout.startswith(NAME)
    record = hub_files.read(hub.folder_of(TINY))
    assert record is not None and record.terms == "Non-commercial use only."


def test_pulled_model_needs_no_hub_to_be_pulled_again(
    at: StandInHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.add(NAME)
    assert told("pull", NAME).exit_code == 0
    reach(monkeypatch, "http://127.0.0.1:9")
    assert told("pull", NAME).exit_code == 0


def test_verify_and_remove_commands(at: StandInHub) -> None:
    at.add(NAME)
    told("pull", NAME)
    assert told("verify").stdout == f"{NAME}: as fetched, commit {COMMIT}\n"
    (hub.folder_of(TINY) / "config.json").write_text("{}")
    assert told("verify", NAME).exit_code == 1
    assert told("remove", NAME, answer="n\n").exit_code == 1
    assert told("remove", NAME, "--yes").exit_code == 0
    assert models.here() == {} and list(hub.folder().iterdir()) == []
    assert isinstance(told("remove", NAME, "--yes").exception, InvalidInput)


def test_backend_names_its_model_with_or_without_the_verb(at: StandInHub) -> None:
    with pytest.raises(InvalidInput, match="needs no model of the hub"):
        models.named("chest_xray:reference")
    with pytest.raises(InvalidInput, match="no such backend"):
        models.named("report_ct:none")
    assert models.named("GOOGLE/medsiglip-448").gated is True


def test_table_shows_the_pinned_commit(at: StandInHub) -> None:
    at.add("kaiko-ai/midnight")
    told("pull", "kaiko-ai/midnight")
    rows = json.loads(told("--json").stdout)
    row = next(row for row in rows if row["hub_id"] == "kaiko-ai/midnight")
    assert row["revision"] == COMMIT and row["licence"] == "MIT"
    assert f"revision: {COMMIT}" in told().stdout


@pytest.mark.parametrize(
    ("gib", "words"),
    [
        ("8", "E4B-it-qat"),
        ("16", "the shipped Gemma plans (0 GiB): on the processor"),
        ("24", "served beside it"),
        ("80", "26B-A4B"),
        ("4", "shipped Gemma"),
    ],
)
def test_table_for_a_card_says_what_to_run(at: StandInHub, gib: str, words: str) -> None:
    assert words in told("--for", gib).stdout


def test_gemma_of_the_hub_is_fetched_the_same_way(at: StandInHub) -> None:
    at.add("google/gemma-tiny")
    place = find_checkpoint("google/gemma-tiny")
    assert place == hub.folder_of(hub.model_of("google/gemma-tiny"))
    at.models.clear()
    assert find_checkpoint("google/gemma-tiny") == place
    with pytest.raises(PlannerUnavailable, match="neither a folder"):
        find_checkpoint("google/gemma-none")


def test_stream_of_a_part_that_is_too_long_begins_anew(at: StandInHub, tmp_path: Path) -> None:
    files = at.add(NAME)
    path = tmp_path / "config.json"
    path.write_bytes(b"x" * 1000)
    with hub_stream.Part(path) as part:
        url = f"{at.url}/{NAME}/resolve/main/config.json"
        hub_stream.stream(url, part, len(files["config.json"]), TINY)
    assert path.read_bytes() == files["config.json"]
