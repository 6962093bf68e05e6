"""Photographs: skin, fundus, wounds, patches; from DICOM, PNG, JPEG and TIFF to sRGB."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import UnreadableFile
from specialists.readers import worker
from specialists.readers.archive import Member
from specialists.readers.elements import value
from specialists.readers.radiograph import single
from specialists.readers.transport import transported

if TYPE_CHECKING:
    from PIL.Image import Image
    from pydicom import Dataset

__all__ = ["Photograph", "load_photograph", "read_photograph"]

_NO_PROFILE = "the colour profile could not be applied"


@transported
@dataclass(frozen=True)
class Photograph:
    """A picture in colour."""

    pixels: NDArray[np.uint8]
    """Shape (rows, columns, 3), sRGB."""
    notes: tuple[str, ...] = ()


def read_photograph(paths: Sequence[Path], *, series: str | None = None) -> Photograph:
    """Read a picture as sRGB, turned as its EXIF orientation says.

    An embedded colour profile is applied. What is transparent is laid on white, as a viewer on a
    light page shows it. Of 16 bits the upper 8 are kept.

    Args:
        paths: One file, or a ZIP archive.
        series: Which entry of the archive, as `inspect` named it.

    Raises:
        UnreadableFile: A class of it, that says what is wrong with the file.
        LimitExceeded: If reading takes more memory or time than it may.
    """
    named = [Path(path) for path in paths]
    photograph: Photograph = worker.run(
        "specialists.readers.photograph:load_photograph", named, series
    )
    return photograph


def load_photograph(paths: Sequence[Path], series: str | None = None) -> Photograph:
    """As `read_photograph`; runs in a reader process."""
    member, form = single(paths, series)
    if form == "DICOM":
        return _from_dicom(member)
    from specialists.readers.images import decode

    picture, notes = decode(member.path, form)
    rgb, more = _to_srgb(picture, picture.info.get("icc_profile"))
    return Photograph(np.ascontiguousarray(rgb), (*notes, *more))


def _from_dicom(member: Member) -> Photograph:
    from PIL import Image

    from specialists.readers.dicom import decode_pixels, read_dataset

    dataset = read_dataset(member)
    stored = decode_pixels(dataset, rgb=True)
    notes: tuple[str, ...] = ()
    if int(value(dataset, "NumberOfFrames") or 1) > 1:
        stored, notes = stored[0], ("only the first frame was read",)
    colours = _colours(dataset, stored)
    rgb, more = _to_srgb(Image.fromarray(colours), _dicom_profile(dataset))
    return Photograph(np.ascontiguousarray(rgb), (*notes, *more))


def _colours(dataset: Dataset, stored: NDArray[Any]) -> NDArray[np.uint8]:
    """8-bit RGB of stored values, which are RGB already, grey, or places in a palette."""
    photometric = str(value(dataset, "PhotometricInterpretation") or "")
    bits = int(value(dataset, "BitsStored") or 8)
    if photometric == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut

        stored = apply_color_lut(stored, dataset)
        bits = stored.dtype.itemsize * 8
    if stored.dtype.kind == "i":
        stored = stored.astype(np.int32) + 2 ** (bits - 1)
    scaled = np.clip(stored.astype(np.float32) * (255 / (2**bits - 1)), 0, 255)
    eight = np.asarray(np.rint(scaled), dtype=np.uint8)
    if eight.ndim == 2:
        eight = np.repeat(eight[..., None], 3, axis=-1)
    if eight.ndim != 3 or eight.shape[-1] not in (3, 4):
        raise UnreadableFile("The picture has neither one nor three samples a pixel.")
    rgb = eight[..., :3]
    return np.ascontiguousarray(255 - rgb if photometric == "MONOCHROME1" else rgb)


def _dicom_profile(dataset: Dataset) -> bytes | None:
    found = value(dataset, "ICCProfile")
    paths = value(dataset, "OpticalPathSequence")
    if found is None and paths:
        found = value(paths[0], "ICCProfile")
    return bytes(found) if found else None


def _to_srgb(picture: Image, profile: bytes | None) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Lay on white, and convert from the picture's own colour space."""
    from PIL import Image

    picture = _eight_bits(picture)
    alpha = None
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        alpha = picture.getchannel("A")
        picture = picture.convert("RGB")
    elif picture.mode in {"P", "1", "LAB", "YCbCr", "HSV"}:
        picture = picture.convert("RGB")
    picture, notes = _converted(picture, profile) if profile else (picture, ())
    rgb = picture.convert("RGB")
    if alpha is not None:
        white = Image.new("RGB", rgb.size, (255, 255, 255))
        rgb = Image.composite(rgb, white, alpha)
    return np.array(rgb, dtype=np.uint8), notes


def _converted(picture: Image, profile: bytes) -> tuple[Image, tuple[str, ...]]:
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture, (_NO_PROFILE,)
    return (converted, ()) if converted is not None else (picture, (_NO_PROFILE,))


def _eight_bits(picture: Image) -> Image:
    from PIL import Image

    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture, dtype=np.uint16) >> 8).astype(np.uint8))
    if picture.mode in {"I", "F"}:
        values = np.asarray(picture, dtype=np.float64)
        top = 1.0 if values.max() <= 1 else 255.0 if values.max() <= 255 else 65535.0
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > top:
            raise UnreadableFile("The picture's values have no known range.")
        return Image.fromarray(np.rint(values * (255 / top)).astype(np.uint8))
    return picture
