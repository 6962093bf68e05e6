"""MedGemma's client at an endpoint that fails, lies or dawdles, and on a small checkpoint."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from specialists.canary import picture
from specialists.errors import (
    BackendUnavailable,
    InvalidInput,
    LimitExceeded,
    ServerUnreachable,
    TimedOut,
    WardroundError,
)
from specialists.hub import Endpoint
from specialists.medgemma import canary
from specialists.medgemma.backend import Consultation
from specialists.medgemma.client import Watch, connect
from specialists.medgemma.endpoint import EndpointClient
from specialists.medgemma.recipes import chest_report, options
from tests.checkpoints import build_seeing
from tests.medgemma import REPORT, Standin, standin

WHITE = np.full((4, 4, 3), 255, np.uint8)


def quiet(share: float, message: str) -> None:
    """Progress that nobody listens to."""


@pytest.fixture
def server() -> Iterator[Standin]:
    with standin() as one:
        yield one


@pytest.fixture
def client(server: Standin) -> EndpointClient:
    return EndpointClient(Endpoint(server.url, "mg"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers")
    return build_seeing(tmp_path_factory.mktemp("medgemma"))


def watch(patience_s: float = 30.0) -> Watch:
    return Watch(quiet, 0.0, "", patience_s)


def test_answer_is_put_together_from_its_pieces(client: EndpointClient) -> None:
    assert client.write((WHITE, "Describe this X-ray"), 50, watch()).text == REPORT


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (400, BackendUnavailable, "--limit-mm-per-prompt"),
        (401, BackendUnavailable, "WARDROUND_MEDGEMMA_KEY"),
        (404, BackendUnavailable, "WARDROUND_MEDGEMMA_MODEL"),
        (413, LimitExceeded, "more than it takes"),
        (418, BackendUnavailable, "418"),
    ],
)
def test_refusal_says_what_to_check(
    status: int,
    kind: type[WardroundError],
    says: str,
    server: Standin,
    client: EndpointClient,
) -> None:
    server.status = status
    with pytest.raises(kind, match=says):
        client.write((WHITE, "x"), 5, watch())
    assert len(server.asked) == 1


def test_server_that_is_overloaded_is_asked_again_and_then_told(
    server: Standin, client: EndpointClient
) -> None:
    server.status = 503
    with pytest.raises(ServerUnreachable, match="503"):
        client.write((WHITE, "x"), 5, watch())
    assert len(server.asked) == 3


@pytest.mark.parametrize("page", [b"<html>Welcome</html>", b'{"a": 1}', b""])
def test_what_is_no_chat_endpoint_is_noticed(
    page: bytes, server: Standin, client: EndpointClient
) -> None:
    server.page = page
    for ask in (
        lambda: client.write((WHITE, "x"), 5, watch()),
        lambda: client.first((WHITE,), watch()),
    ):
        with pytest.raises(BackendUnavailable, match=r"OpenAI-compatible|log-probabilities"):
            ask()


def test_server_without_log_probabilities_is_told(server: Standin, client: EndpointClient) -> None:
    server.told = None
    with pytest.raises(BackendUnavailable, match="log-probabilities"):
        client.first((WHITE, "x"), watch())


def test_cancelled_call_hangs_up_on_the_server(server: Standin, client: EndpointClient) -> None:
    server.pause_s = 0.2
    begun = time.monotonic()

    class Cancelled(Exception):
        pass

    def cancel(share: float, message: str) -> None:
        if time.monotonic() - begun > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        client.write((WHITE, "Describe this X-ray"), 50, Watch(cancel, 0.0, ""))
    assert server.hung_up.wait(10)


def test_answer_that_takes_too_long_is_not_waited_for(
    server: Standin, client: EndpointClient
) -> None:
    server.pause_s = 60.0
    with pytest.raises(TimedOut):
        client.write((WHITE, "x"), 5, watch(0.3))
    server.pause.set()


def test_answer_that_was_cut_off_says_so(server: Standin, client: EndpointClient) -> None:
    server.ended = "length"
    asked = Consultation(client, quiet)
    asked.text(chest_report(WHITE), 0.1, "")
    assert "cut off after 1000 tokens" in asked.warnings[0]


def test_answer_of_thoughts_alone_is_none(server: Standin, client: EndpointClient) -> None:
    server.report = "<unused94>thought\nI was cut"
    with pytest.raises(BackendUnavailable, match="no answer"):
        Consultation(client, quiet).text(chest_report(WHITE), 0.1, "")


def test_model_that_would_say_something_else_is_told(
    server: Standin, client: EndpointClient
) -> None:
    recipe = options([WHITE], "Which?", ["this", "that"])
    server.told = {"The": -0.2, "A": -2.5, "B": -3.5}
    asked = Consultation(client, quiet)
    values = asked.shares(recipe, 2, 0.1, "")
    assert values == pytest.approx([0.731, 0.269], abs=0.001)
    assert "would rather not" in asked.warnings[0]
    server.told = {"The": -0.2}
    with pytest.raises(BackendUnavailable, match="one of the options"):
        Consultation(client, quiet).shares(recipe, 2, 0.1, "")


def test_blind_model_is_noticed(server: Standin, client: EndpointClient) -> None:
    canary.check(client)
    server.blind = True
    with pytest.raises(BackendUnavailable, match="does not depend"):
        canary.check(client)


def test_backends_of_one_folder_share_its_weights(folder: Path) -> None:
    one = connect(folder, "cpu")
    assert connect(folder, "cpu") is one


def test_small_checkpoint_sees_its_picture_and_writes_the_same_twice(folder: Path) -> None:
    local = connect(folder, "cpu")
    canary.check(local)
    told = [local.write((picture(), "What?", picture()), 12, watch()) for _ in range(2)]
    assert told[0] == told[1]
    assert told[0].cut


def test_stop_text_ends_an_answer_and_is_no_part_of_it(folder: Path) -> None:
    local = connect(folder, "cpu")
    whole = local.write((picture(), "What?"), 12, watch()).text
    short = local.write((picture(), "What?"), 12, watch(), stop=(whole[-1],))
    assert short.text == whole[: whole.index(whole[-1])]
    assert not short.cut


def test_first_token_is_the_likeliest_and_options_are_told(folder: Path) -> None:
    local = connect(folder, "cpu")
    told = local.first((picture(), "Which?"), watch(), ["A", "B"])
    assert {"A", "B"} <= set(told)
    assert max(told.values()) < 0
    written = local.write((picture(), "Which?"), 1, watch()).text
    # Halves of letters are all one text, and summed.
    letters = {text: score for text, score in told.items() if "\ufffd" not in text}
    assert letters[written] == max(letters.values())


def test_longer_message_than_the_model_takes_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="more than the model takes"):
        connect(folder, "cpu").write((picture(), "x" * 9000), 10, watch())


def test_calls_of_a_checkpoint_wait_for_each_other_and_can_give_up(folder: Path) -> None:
    local = connect(folder, "cpu")
    told: list[str] = []

    def ask() -> None:
        told.append(local.write((picture(), "What?"), 8, watch()).text)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(set(told)) == 1
    with pytest.raises(TimedOut):
        local.write((picture(), "What?"), 4000, watch(0.2))


def test_folder_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BackendUnavailable, match="could not be loaded"):
        connect(tmp_path, "cpu")
    with pytest.raises(BackendUnavailable, match="not here"):
        connect(None, "cpu")
