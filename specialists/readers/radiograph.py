"""Projection radiographs: DICOM, PNG, JPEG and TIFF to brightness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import UnreadableFile, UnsupportedFormat
from specialists.readers import worker
from specialists.readers.archive import Member, open_file
from specialists.readers.elements import numbers, value
from specialists.readers.series import choose
from specialists.readers.sniff import identify
from specialists.readers.transport import transported
from specialists.readers.window import look_up, voi_window
from specialists.schema import Laterality

if TYPE_CHECKING:
    from PIL.Image import Image
    from pydicom import Dataset

__all__ = ["Radiograph", "load_radiograph", "read_radiograph"]

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
_COLOURED = 0.04


@transported
@dataclass(frozen=True)
class Radiograph:
    """A film as brightness, with what its header says about it."""

    pixels: NDArray[np.float32]
    """Shape (rows, columns), 0 to 1 over the full stored range, bright where the body is dense."""
    spacing_mm: tuple[float, float] | None
    """Row and column spacing; at the detector where the header only has that."""
    view: str | None
    laterality: Laterality | None
    notes: tuple[str, ...] = ()


def read_radiograph(
    paths: Sequence[Path], *, series: str | None = None, apply_voi: bool = False
) -> Radiograph:
    """Read a film.

    Args:
        paths: One file, or a ZIP archive.
        series: Which entry of the archive, as `inspect` named it.
        apply_voi: Apply the file's own display window or table, where it has one.

    Raises:
        UnreadableFile: A class of it, that says what is wrong with the file.
        LimitExceeded: If reading takes more memory or time than it may.
    """
    named = [Path(path) for path in paths]
    radiograph: Radiograph = worker.run(
        "specialists.readers.radiograph:load_radiograph", named, series, apply_voi=apply_voi
    )
    return radiograph


def load_radiograph(
    paths: Sequence[Path], series: str | None = None, *, apply_voi: bool = False
) -> Radiograph:
    """As `read_radiograph`; runs in a reader process."""
    member, form = single(paths, series)
    if form == "DICOM":
        return _from_dicom(member, apply_voi)
    return _from_picture(member.path, form)


def single(paths: Sequence[Path], series: str | None) -> tuple[Member, str]:
    """The one picture among the files, and its format.

    Raises:
        UnsupportedFormat: If the files are more than one picture, or none.
    """
    if len(paths) == 1 and paths[0].is_file():
        with open_file(paths[0]) as content:
            form = identify(content, paths[0].name)
        if form in {"PNG", "JPEG", "TIFF"}:
            return Member(paths[0]), form
        if form not in {"DICOM", "ZIP"}:
            raise UnsupportedFormat(f"A {form} file is not a picture.")
    members = choose(paths, series)
    if len(members) != 1:
        raise UnsupportedFormat(f"One picture is read at a time; here are {len(members)}.")
    return members[0], "DICOM"


def _from_dicom(member: Member, apply_voi: bool) -> Radiograph:
    from specialists.readers.dicom import decode_pixels, read_dataset
    from specialists.readers.dicom_header import laterality, spacing, view

    dataset = read_dataset(member)
    notes: list[str] = []
    stored = decode_pixels(dataset, rgb=True)
    if int(value(dataset, "NumberOfFrames") or 1) > 1:
        notes.append("only the first frame was read")
        stored = stored[0]
    if stored.ndim == 3:
        notes.append("the film is stored in colour; its brightness was taken")
        bright = np.asarray(stored / _top(stored.dtype) @ _LUMINANCE, dtype=np.float32)
    else:
        bright = _brightness(dataset, stored, apply_voi, notes)
    modality = str(value(dataset, "Modality") or "")
    return Radiograph(
        pixels=np.ascontiguousarray(bright, dtype=np.float32),
        spacing_mm=spacing(dataset),
        view=view(dataset, modality, notes.append),
        laterality=laterality(dataset),
        notes=(*notes, *_warnings(dataset)),
    )


def _brightness(
    dataset: Dataset, stored: NDArray[Any], apply_voi: bool, notes: list[str]
) -> NDArray[np.float32]:
    """Stored values to brightness: modality table, window if asked for, polarity (PS3.4 N.2)."""
    values, low, high = _modality_values(dataset, stored, notes)
    bright = _windowed(dataset, values, notes) if apply_voi else None
    if bright is None:
        bright = np.clip((values - low) / (high - low), 0, 1)
    return 1 - bright if _is_inverse(dataset, notes) else bright


def _modality_values(
    dataset: Dataset, stored: NDArray[Any], notes: list[str]
) -> tuple[NDArray[np.float32], float, float]:
    """Values after the modality table or rescaling, and what its output can span."""
    bottom, top = _stored_range(dataset, stored, notes)
    table = value(dataset, "ModalityLUTSequence")
    if table:
        mapped, greatest = look_up(stored, table[0])
        return mapped, 0.0, greatest
    slope = (numbers(dataset, "RescaleSlope") or (1.0,))[0] or 1.0
    intercept = (numbers(dataset, "RescaleIntercept") or (0.0,))[0]
    ends = sorted((bottom * slope + intercept, top * slope + intercept))
    if slope < 0:
        notes.append("the header's rescale slope is negative")
    return stored.astype(np.float32) * slope + intercept, ends[0], ends[1]


def _stored_range(dataset: Dataset, stored: NDArray[Any], notes: list[str]) -> tuple[float, float]:
    """What the stored bit depth can span; the pixels' own type where they go beyond it."""
    bits = int(value(dataset, "BitsStored") or stored.dtype.itemsize * 8)
    signed = stored.dtype.kind == "i"
    bottom, top = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if stored.min() >= bottom and stored.max() <= top and top > bottom:
        return bottom, top
    notes.append("pixels go beyond the bit depth that the header states")
    needed = max(int(stored.max()), -int(stored.min()) - 1, 1).bit_length()
    return (-(2**needed) if signed else 0), 2**needed - 1


def _windowed(
    dataset: Dataset, values: NDArray[np.float32], notes: list[str]
) -> NDArray[np.float32] | None:
    """Apply the first VOI table or window; None where there is no usable one."""
    table = value(dataset, "VOILUTSequence")
    if table:
        mapped, greatest = look_up(values, table[0])
        return mapped / np.float32(greatest)
    center, width = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    if not center or not width or width[0] < 1:
        notes.append("the file has no usable display window; its full range is shown")
        return None
    function = str(value(dataset, "VOILUTFunction") or "LINEAR")
    known = function if function in {"LINEAR_EXACT", "SIGMOID"} else "LINEAR"
    return voi_window(values, center[0], width[0], known)


def _is_inverse(dataset: Dataset, notes: list[str]) -> bool:
    """Whether low values are meant bright.

    MONOCHROME1 and the shape INVERSE say the same thing, and together they say it once
    (PS3.3 C.8.11.3.1.2).
    """
    shape = str(value(dataset, "PresentationLUTShape") or "")
    low_is_white = value(dataset, "PhotometricInterpretation") == "MONOCHROME1"
    if shape and low_is_white != (shape == "INVERSE"):
        notes.append("the header contradicts itself about which values are bright")
    return low_is_white or shape == "INVERSE"


def _warnings(dataset: Dataset) -> list[str]:
    if str(value(dataset, "BurnedInAnnotation") or "").upper() == "YES":
        return ["text is burned into the picture; it may identify the patient"]
    return []


def _from_picture(path: Path, form: str) -> Radiograph:
    from specialists.readers.images import decode

    picture, notes = decode(path, form)
    pixels, more = _picture_brightness(picture)
    return Radiograph(
        pixels=np.ascontiguousarray(pixels, dtype=np.float32),
        spacing_mm=None,
        view=None,
        laterality=None,
        notes=(*notes, *more),
    )


def _picture_brightness(picture: Image) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Brightness of a picture in any mode; what is transparent is black."""
    if picture.mode == "1" or picture.mode == "L":
        return np.asarray(picture.convert("L"), dtype=np.float32) / 255, ()
    if picture.mode.startswith("I;16"):
        return np.asarray(picture, dtype=np.float32) / 65535, ()
    if picture.mode in {"I", "F"}:
        return _spread(np.asarray(picture, dtype=np.float64))
    rgba = np.asarray(picture.convert("RGBA"), dtype=np.float32) / 255
    colours = rgba[..., :3] * rgba[..., 3:]
    coloured = float(np.ptp(colours, axis=-1).max(initial=0)) > _COLOURED
    notes = ("the film is stored in colour; its brightness was taken",) if coloured else ()
    return colours @ _LUMINANCE, notes


def _spread(values: NDArray[np.float64]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """32-bit pictures do not say what they span: 16 bits, 0 to 1, or else what they hold."""
    if not np.isfinite(values).all():
        raise UnreadableFile("The picture has pixels without a number.")
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        return values, ()
    if low >= 0 and 255 < high <= 65535:
        return values / 65535, ()
    note = "the picture does not state its range; it was spread from its least to its greatest"
    return (values - low) / max(high - low, 1e-12), (note,)


def _top(dtype: np.dtype[Any]) -> float:
    return float(np.iinfo(dtype).max)
