"""MedGemma end to end: over MCP and by the agent, at an endpoint and on a small checkpoint."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastmcp import Client

from agent import Agent
from agent.server import build_consulting_server
from agent.settings import MEDGEMMA, Settings
from specialists import hub
from specialists.errors import BackendUnavailable, NotAccepted, ServerUnreachable
from specialists.host import Host
from specialists.medgemma import recipes
from specialists.registry import spec_of
from tests.checkpoints import build_seeing
from tests.medgemma import CT_REPORT, Standin, standin, words_of
from tests.samples import CASES

FILM = "cxr/RG1_J2KI.dcm"


@pytest.fixture
def served(settings: Settings) -> Iterator[tuple[Agent, Standin]]:
    """An agent whose MedGemma is at an endpoint."""
    with standin() as server:
        told = {"medgemma_url": server.url, "medgemma_key": "secret", "medgemma_model": "mg"}
        with Agent(settings.model_copy(update=told)) as agent:
            yield agent, server


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of hub models with a small random MedGemma."""
    pytest.importorskip("transformers")
    place = tmp_path_factory.mktemp("models")
    folder = place / MEDGEMMA.replace("/", "--")
    folder.mkdir()
    build_seeing(folder)
    return place


@pytest.fixture
def local(settings: Settings, models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    """An agent whose MedGemma is in this process; its answers are short."""
    for name in ("_REPORT", "_COMPARISON", "_BOXES", "_VOLUME", "_ANSWER"):
        monkeypatch.setattr(recipes, name, 12)
    with Agent(settings.model_copy(update={"models_dir": models, "device": "cpu"})) as agent:
        yield agent


def called(agent: Agent, data: Path, tool: str, *files: str, **options: Any) -> dict[str, Any]:
    result: dict[str, Any] = agent.call(tool, [data / name for name in files], **options).structured
    return result


def asked_for(server: Standin) -> list[dict[str, Any]]:
    """What was asked after the first try."""
    return [one for one in server.asked if words_of(one)[-1] != "What does this picture show?"]


def test_endpoint_answers_before_the_reference(served: tuple[Agent, Standin], data: Path) -> None:
    agent, server = served
    said = called(agent, data, "report_chest_xray", FILM)
    assert said["provenance"]["backend"] == "medgemma"
    assert "Health AI Developer Foundations" in said["provenance"]["terms"]
    assert "38.0" in said["provenance"]["evaluated_on"]
    found = {(f["name"], f["assertion"], f["laterality"]) for f in said["findings"]}
    assert found == {
        ("cardiomegaly", "present", None),
        ("pleural effusion", "present", "right"),
        ("pulmonary opacity", "present", "left"),
        ("pneumonia", "uncertain", "left"),
        ("pneumothorax", "absent", None),
    }
    assert all(finding["probability"] is None for finding in said["findings"])
    assert "<unused94>" not in said["narrative"]["text"]
    report, boxes = asked_for(server)
    assert words_of(report) == ["[picture]", "Describe this X-ray"]
    assert words_of(boxes)[0] == "[picture]"
    assert (report["temperature"], report["max_tokens"], boxes["max_tokens"]) == (0, 1000, 1000)
    assert report["key"] == "Bearer secret"
    assert report["model"] == "mg"


def test_boxes_of_findings_lie_on_the_original_film(
    served: tuple[Agent, Standin], data: Path
) -> None:
    agent, server = served
    said = called(agent, data, "report_chest_xray", FILM)
    boxes = {f["name"]: f["box"] for f in said["findings"] if f["box"]}
    # The film has 1955 rows and 1841 columns: 57 columns of zeros stand on either side.
    assert boxes["cardiomegaly"] == {"left": 529.5, "top": 782.0, "right": 1409.2, "bottom": 1564.0}
    assert set(boxes) == {"cardiomegaly", "pleural effusion"}
    sent = sent_pictures(asked_for(server)[0])
    assert sent[0].shape == (1955, 1955, 3)
    assert not sent[0][:, :57].any()
    assert sent[0][:, 57:1898].any(axis=(0, 2)).all()


def sent_pictures(asked: dict[str, Any]) -> list[Any]:
    from PIL import Image

    urls = [part["image_url"]["url"] for part in asked["messages"][0]["content"]
            if part["type"] == "image_url"]  # fmt: skip
    return [np.asarray(Image.open(BytesIO(base64.b64decode(url.split(",")[1])))) for url in urls]


def test_prior_is_shown_before_the_current_film(served: tuple[Agent, Standin], data: Path) -> None:
    agent, server = served
    said = called(agent, data, "report_chest_xray", FILM, "cxr/nih_00000001_000.png")
    comparison = asked_for(server)[1]
    assert [one[:15] for one in words_of(comparison)] == [
        "[picture]",
        "[picture]",
        "The first image",
    ]
    assert comparison["max_tokens"] == 600
    prior, current = sent_pictures(comparison)
    (film,) = sent_pictures(asked_for(server)[0])
    assert np.array_equal(current, film)
    assert not np.array_equal(prior, film)
    assert "The right pleural effusion is new." in said["narrative"]["text"]
    effusion = next(one for one in said["findings"] if one["name"] == "pleural effusion")
    assert effusion["text"].endswith("compared with the earlier film: new.")


def test_ct_is_shown_slice_by_slice_between_instruction_and_query(
    served: tuple[Agent, Standin], data: Path
) -> None:
    agent, server = served
    said = called(agent, data, "report_ct", "ct/series", backend="medgemma")
    (asked,) = asked_for(server)
    words = words_of(asked)
    assert words[1:-1] == [word for k in range(1, 21) for word in ("[picture]", f"SLICE {k}")]
    assert words[0].startswith("You read a CT scan")
    assert words[-1].startswith("From the slices above")
    assert asked["max_tokens"] == 2000
    assert {shape for one in sent_pictures(asked) for shape in [one.shape]} == {(512, 512, 3)}
    (nodule, effusion) = said["findings"]
    assert (nodule["name"], nodule["laterality"], nodule["site"]) == (
        "nodule",
        "right",
        "upper lobe",
    )
    assert effusion["assertion"] == "absent"
    assert said["narrative"]["text"] == CT_REPORT
    assert "27.0" in said["provenance"]["evaluated_on"]
    # What MedGemma can't measure, the reference does.
    alone = called(agent, data, "report_ct", "ct/series", backend="reference")
    assert said["measurements"] == alone["measurements"]
    assert said["masks"]
    assert "HU thresholds and morphology" in said["provenance"]["evaluated_on"]


@pytest.mark.parametrize(
    ("tool", "target"),
    [
        ("classify_skin_lesion", "diagnosis"),
        ("classify_retina", "grade of diabetic retinopathy"),
        ("classify_pathology", "colorectal tissue"),
    ],
)
def test_options_get_scores_and_nothing_is_excluded(
    tool: str, target: str, served: tuple[Agent, Standin], data: Path
) -> None:
    agent, server = served
    files, options = CASES[tool]
    said = called(agent, data, tool, *files, **{**options, "backend": "medgemma"})
    (predicted,) = said["prediction_sets"]
    assert predicted["target"] == target
    assert not predicted["conclusive"]
    assert set(predicted["labels"]) == set(predicted["probabilities"])
    second = list(predicted["probabilities"].values())[1]
    assert second == pytest.approx(0.914, abs=0.001)
    assert all(finding["assertion"] == "uncertain" for finding in said["findings"])
    (asked,) = asked_for(server)
    assert words_of(asked)[-1].endswith("The most likely diagnosis is:")
    assert "\n(A) " in words_of(asked)[-1]
    assert (asked["max_tokens"], asked["top_logprobs"]) == (1, 20)


def test_slide_is_shown_as_patches_of_896_pixels(served: tuple[Agent, Standin], data: Path) -> None:
    agent, server = served
    files, _ = CASES["classify_pathology"]
    called(agent, data, "classify_pathology", *files, organ="colon", tiles=3, backend="medgemma")
    (asked,) = asked_for(server)
    assert {one.shape for one in sent_pictures(asked)} == {(896, 896, 3)}
    assert len(sent_pictures(asked)) <= 3
    assert words_of(asked)[-2].startswith("The images are patches")


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (FILM, "To the question that was asked the model answers: The left lung."),
        ("ct/series", "To the question that was asked the model answers: The left lung."),
        ("retina/IDRiD_100_reduced.jpg", "To the question that was asked the model answers"),
    ],
)
def test_question_is_answered_on_any_image(
    file: str, told: str, served: tuple[Agent, Standin], data: Path
) -> None:
    agent, _ = served
    question = {"question": "What is shown?", "backend": "medgemma"}
    said = called(agent, data, "answer_image_question", file, **question)
    assert said["summary"].startswith(told)


def test_film_of_another_part_of_the_body_is_not_shown_to_it(
    served: tuple[Agent, Standin], data: Path
) -> None:
    agent, server = served
    ankle = "cxr/ankle_RG3_J2KI.dcm"
    question = {"question": "Is there a fracture?"}
    said = called(agent, data, "answer_image_question", ankle, **question)
    assert said["provenance"]["backend"] == "reference"
    with pytest.raises(NotAccepted, match="radiograph of the chest"):
        called(agent, data, "answer_image_question", ankle, **question, backend="medgemma")
    assert not asked_for(server)


def test_agent_answers_from_its_report_and_every_statement_holds(
    served: tuple[Agent, Standin], data: Path
) -> None:
    agent, _ = served
    answer = agent.ask("Is there a pleural effusion?", [data / FILM])
    assert "pleural effusion" in answer.statements[0].text
    assert "right" in answer.statements[0].text
    assert answer.dropped.count == 0
    effusion = next(
        e for e in answer.evidence if e.finding and e.finding.name == "pleural effusion"
    )
    assert effusion.finding is not None
    assert (effusion.finding.assertion, effusion.finding.laterality) == ("present", "right")


def test_answer_in_another_language_is_told_in_it(
    served: tuple[Agent, Standin], data: Path
) -> None:
    agent, _ = served
    answer = agent.ask("¿Hay derrame pleural?", [data / FILM])
    assert "derrame pleural" in answer.statements[0].text
    assert "«" not in " ".join(one.text for one in answer.statements)


async def listed(settings: Settings) -> Any:
    """The tool of chest films as a client sees it."""
    async with Client(build_consulting_server(settings)) as client:
        return next(one for one in await client.list_tools() if one.name == "report_chest_xray")


def test_catalogue_says_what_the_model_that_answers_reads(settings: Settings) -> None:
    with standin() as server:
        told = asyncio.run(listed(settings.model_copy(update={"medgemma_url": server.url})))
    without = asyncio.run(listed(settings))
    assert "pleural effusion" in told.meta["wardround"]["findings"]
    assert "pleural effusion" not in without.meta["wardround"]["findings"]
    assert told.meta["wardround"]["backends"] == ["medgemma", "reference"]
    assert without.meta["wardround"]["backends"] == ["reference"]
    assert "boxes where it sees them" in told.description
    assert "boxes" not in without.description


def test_endpoint_that_is_away_costs_an_error_of_the_tree(settings: Settings, data: Path) -> None:
    told = {"medgemma_url": "http://127.0.0.1:9/v1"}
    with (
        Agent(settings.model_copy(update=told)) as agent,
        pytest.raises(ServerUnreachable, match="WARDROUND_MEDGEMMA_URL"),
    ):
        called(agent, data, "report_chest_xray", FILM)


def test_model_that_does_not_see_its_pictures_is_refused(
    served: tuple[Agent, Standin], data: Path
) -> None:
    agent, server = served
    server.blind = True
    with pytest.raises(BackendUnavailable, match="does not depend on the picture"):
        called(agent, data, "report_chest_xray", FILM)


@pytest.mark.parametrize("tool", [tool for tool in CASES if tool != "score_polygenic_risk"])
def test_small_checkpoint_answers_where_it_is_named(tool: str, local: Agent, data: Path) -> None:
    files, options = CASES[tool]
    said = called(local, data, tool, *files, **{**options, "backend": "medgemma"})
    assert said["provenance"]["backend"] == "medgemma"
    assert "in process" in said["provenance"]["model"]
    assert said["pictures"]


def test_without_a_gpu_the_reference_answers_by_itself(local: Agent, data: Path) -> None:
    said = called(local, data, "report_chest_xray", FILM)
    assert said["provenance"]["backend"] == "reference"


def test_backends_of_one_model_count_its_weights_once(models: Path) -> None:
    hub.configure(models)
    host = Host("cpu", 16.0)
    with (
        host.use(spec_of("classify_retina"), "medgemma"),
        host.use(spec_of("classify_skin_lesion"), "medgemma"),
    ):
        assert set(host.loaded().values()) == {12.0}
        assert len(host.loaded()) == 2
