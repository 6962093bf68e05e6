"""Files that belong together: genotypes, and beside them their variants and samples."""

from __future__ import annotations

from pathlib import Path

from specialists.errors import FileMissing

__all__ = ["companions", "main_file", "members"]

_PARTS = {
    ".bed": ((".bim", ".bim.zst"), (".fam",)),
    ".pgen": ((".pvar", ".pvar.zst"), (".psam",)),
}
_OPTIONAL = {".bgen": ((".bgen.bgi",), (".sample",)), ".fa": ((".fa.fai",),)}
_INDEXES = (".tbi", ".csi", ".fai")
_MAIN = {
    ".bim": ".bed", ".fam": ".bed", ".pvar": ".pgen", ".psam": ".pgen", ".sample": ".bgen",
}  # fmt: skip


def members(path: Path) -> tuple[Path, ...]:
    """The files that are one fileset, the calls first.

    Of PLINK these are calls, variants and samples; of BGEN the file and, where they are there,
    its index and samples; any other file is alone.

    Raises:
        FileMissing: If the variants or the samples do not lie beside the calls.
    """
    parts = _PARTS.get(path.suffix.lower())
    if parts is None:
        return (path, *companions(path)) if path.suffix.lower() == ".bgen" else (path,)
    found = []
    for endings in parts:
        beside = [path.with_name(path.stem + end) for end in endings]
        there = next((file for file in beside if file.is_file()), None)
        if there is None:
            raise FileMissing(
                f"Beside a {path.suffix} file of PLINK its {' and '.join(e[0] for e in parts)}"
                " must lie, with the same name; not both are there."
            )
        found.append(there)
    return (path, *found)


def companions(path: Path) -> tuple[Path, ...]:
    """The files beside a file that are read with it, if they are there."""
    stem = path.with_suffix("")
    groups = _PARTS.get(path.suffix.lower(), ()) + _OPTIONAL.get(path.suffix.lower(), ())
    beside = [Path(f"{stem}{end}") for group in groups for end in group]
    beside += [Path(f"{path}{end}") for end in _INDEXES]
    return tuple(dict.fromkeys(file for file in beside if file.is_file()))


def main_file(path: Path) -> Path | None:
    """The file of calls that a file of variants or samples belongs to, if it lies beside it."""
    low = path.name.lower().removesuffix(".zst").removesuffix(".bgi")
    if low.endswith(".bgen") and low != path.name.lower():
        beside = path.with_suffix("")
        return beside if beside.is_file() else None
    ending = next((end for end in _MAIN if low.endswith(end)), None)
    if ending is None:
        return None
    stem = path.name[: len(low) - len(ending)]
    beside = path.with_name(stem + _MAIN[ending])
    return beside if beside.is_file() else None
