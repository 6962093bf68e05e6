import hashlib
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import specialists
from specialists.chest_xray.predict import ChestNet
from specialists.recogniser.predict import Recogniser
from specialists.recogniser.spec import SPEC

HOME = Path(specialists.__file__).parent
DATA = Path(__file__).parents[1] / "data"
FILMS = sorted((DATA / "chest").glob("*.jpg"))
PICTURES = sorted((DATA / "recogniser").glob("*.jpg"))
FOLDERS = ["chest_xray", "recogniser"]


@pytest.fixture(scope="module")
def chest():
    return ChestNet(HOME / "chest_xray")


@pytest.fixture(scope="module")
def recogniser():
    return Recogniser(HOME / "recogniser")


def grey(path):
    return np.asarray(Image.open(path).convert("L"), np.float32) / 255


def colour(path):
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize("name", FOLDERS)
def test_weights_are_those_of_the_card_and_small(name):
    content = (HOME / name / "reference.safetensors").read_bytes()
    card = json.loads((HOME / name / "reference.json").read_text("utf-8"))
    assert hashlib.sha256(content).hexdigest() == card["sha256"]
    assert len(content) < 6_000_000


@pytest.mark.parametrize("name", FOLDERS)
def test_card_states_what_a_reader_needs(name):
    card = json.loads((HOME / name / "reference.json").read_text("utf-8"))
    needed = {"name", "version", "task", "classes", "input", "architecture", "data", "licence"}
    needed |= {"split", "metrics", "calibration", "conformal", "intended_use", "not_for"}
    assert needed | {"limits", "sha256", "command", "seed"} <= set(card)
    assert all({"name", "licence", "attribution"} <= set(source) for source in card["data"])


@pytest.mark.parametrize(("name", "model"), [("chest_xray", ChestNet), ("recogniser", Recogniser)])
def test_changed_weights_are_refused(name, model, tmp_path):
    for file in ("reference.json", "reference.safetensors"):
        shutil.copyfile(HOME / name / file, tmp_path / file)
    with (tmp_path / "reference.safetensors").open("ab") as weights:
        weights.write(b"x")
    with pytest.raises(ValueError, match="SHA-256"):
        model(tmp_path)


def test_films_are_carried_with_both_labels():
    assert {path.stem.split("_")[1] for path in FILMS} == {"normal", "pneumonia"}


@pytest.mark.parametrize("path", FILMS, ids=lambda path: path.stem)
def test_chest_set_of_a_carried_film_holds_its_label(chest, path):
    population, label = path.stem.split("_")[:2]
    (members,) = chest.prediction_set([grey(path)], population)
    assert label in members


def test_chest_is_deterministic_and_independent_of_the_batch(chest):
    films = [grey(path) for path in FILMS]
    together = chest.logits(films)
    assert np.array_equal(together, chest.logits(films))
    alone = np.concatenate([chest.logits([film]) for film in films])
    assert alone == pytest.approx(together, abs=1e-3)


def test_chest_without_population_says_no_less(chest):
    films = [grey(path) for path in FILMS]
    likely = chest.looks_like(chest.logits(films))
    for film, union, looks in zip(films, chest.prediction_set(films), likely, strict=True):
        for population in looks:
            assert set(*chest.prediction_set([film], population)) <= set(union)
    assert chest.probabilities(films).sum(axis=1) == pytest.approx(1)


def test_chest_refuses_an_unknown_population(chest):
    with pytest.raises(ValueError, match="population"):
        chest.probabilities([grey(FILMS[0])], "fetal")


def test_chest_answers_no_films_with_no_rows(chest):
    assert chest.probabilities([]).shape == (0, 2)


def test_evidence_map_covers_the_film_and_leaves_the_border_out(chest):
    path = next(one for one in FILMS if "pneumonia" in one.stem)
    film = np.pad(grey(path), ((40, 0), (0, 0)))
    evidence, outside, found = chest.evidence_map(film, chest.logits([film]))
    assert found
    assert 0 <= outside <= 1
    assert evidence.shape == film.shape
    assert evidence.dtype == np.float32
    assert 0 <= evidence.min() <= evidence.max() <= 1
    assert not evidence[:35].any()
    assert evidence.max() > 0.5


def test_chest_takes_a_second_at_most(chest):
    film, began = grey(FILMS[0]), time.process_time()
    chest.prediction_set([film])
    assert time.process_time() - began < 2


def expected_of(path):
    return path.stem.rsplit("_", 1)[0].replace("_", " ").replace("HE ", "H&E ")


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_recogniser_never_names_a_carried_picture_wrongly(recogniser, path):
    assert recogniser.recognise(colour(path)).label in {expected_of(path), "unknown"}


def test_recogniser_knows_all_carried_pictures_but_one(recogniser):
    known = [recogniser.recognise(colour(path)).label == expected_of(path) for path in PICTURES]
    assert len(known) - sum(known) <= 1


def test_recogniser_never_takes_an_ankle_for_a_chest(recogniser):
    pydicom = pytest.importorskip("pydicom")
    dataset = pydicom.dcmread(DATA / "cxr" / "ankle_RG3_J2KI.dcm")
    pixels = dataset.pixel_array.astype(np.float32)
    levels = np.clip((pixels - pixels.min()) / np.ptp(pixels) * 255, 0, 255).astype(np.uint8)
    for shown in (levels, 255 - levels):
        for turns in range(4):
            picture = np.repeat(np.rot90(shown, turns)[..., None], 3, axis=2)
            assert recogniser.recognise(picture).label != "chest X-ray"


@pytest.mark.parametrize("path", sorted((DATA / "cxr").glob("*.png")), ids=lambda path: path.stem)
def test_recogniser_knows_large_chest_films(recogniser, path):
    assert recogniser.recognise(colour(path)).label == "chest X-ray"


@pytest.mark.parametrize("path", sorted((DATA / "cxr").glob("*.png")), ids=lambda path: path.stem)
def test_recogniser_takes_a_chest_film_in_negative_for_no_section(recogniser, path):
    assert recogniser.recognise(255 - colour(path)).label not in {"CT slice", "MR slice"}


@pytest.mark.parametrize("seed", range(4))
def test_recogniser_takes_noise_for_nothing_medical(recogniser, seed):
    noise = np.random.default_rng(seed).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    assert recogniser.recognise(noise).label in {"unknown", "not a medical image"}


def test_recogniser_is_deterministic(recogniser):
    pictures = [colour(path) for path in PICTURES]
    assert recogniser.recognise_all(pictures) == recogniser.recognise_all(pictures)
    rows = recogniser.probabilities(pictures)
    assert rows.sum(axis=1) == pytest.approx(1)
    assert recogniser.sets(pictures).any(axis=1).all()


def framed(film, value):
    picture = np.full((film.shape[0] * 5 // 4, film.shape[1] * 5 // 4, 3), value, np.uint8)
    top, left = film.shape[0] // 8, film.shape[1] // 8
    picture[top : top + film.shape[0], left : left + film.shape[1]] = film
    return picture


@pytest.mark.parametrize("path", sorted((DATA / "cxr").glob("*.png")), ids=lambda path: path.stem)
def test_recogniser_knows_a_film_in_a_border_or_stretched(recogniser, path):
    film = colour(path)
    shown = [framed(film, value) for value in (0, 128)]
    shown += [np.asarray(Image.fromarray(film).resize(size)) for size in ((640, 480), (400, 560))]
    shown.append(np.pad(film, ((0, 0), (256, 256), (0, 0))))
    assert [seen.label for seen in recogniser.recognise_all(shown)] == ["chest X-ray"] * len(shown)


@pytest.mark.parametrize("path", sorted((DATA / "cxr").glob("*.png")), ids=lambda path: path.stem)
def test_recogniser_takes_an_inverted_film_for_nothing_else(recogniser, path):
    assert recogniser.recognise(255 - colour(path)).label in {"chest X-ray", "unknown"}


@pytest.mark.parametrize("value", [0, 128])
def test_recogniser_sees_nothing_medical_on_an_even_field(recogniser, value):
    field = np.full((300, 400, 3), value, np.uint8)
    assert recogniser.recognise(field).label in {"unknown", "not a medical image"}


def test_recogniser_answers_in_time(recogniser):
    film, began = framed(colour(next(DATA.glob("cxr/*.png"))), 0), time.process_time()
    recogniser.recognise(film)
    assert time.process_time() - began < 0.6


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CXR", "chest X-ray"),
        ("Chest_X-ray", "chest X-ray"),
        ("AbdomenCT", "CT slice"),
        ("HeadCT", "CT slice"),
        ("breast mri", "MR slice"),
        ("Hand", "other radiograph"),
        ("H&E tissue", "H&E tissue"),
        ("not_a_medical_image", "not a medical image"),
    ],
)
def test_recogniser_label_of_a_data_set_names_one_class(name, expected):
    fitting = [label for label, known in SPEC.labels.items() if name.lower() in known]
    assert fitting == [expected]


def test_recogniser_spelling_is_of_one_class_only():
    spelled = [name for known in SPEC.labels.values() for name in known]
    assert len(spelled) == len(set(spelled))
