"""Opens a file of genotypes, whatever its format."""

from __future__ import annotations

from pathlib import Path

from specialists.errors import EmptyFile
from specialists.readers.bgen_file import BgenFile
from specialists.readers.calls import GenotypeFile
from specialists.readers.plink_file import PlinkFile
from specialists.readers.variant_calls import GenotypeField
from specialists.readers.variant_file import VariantFile

__all__ = ["open_genotypes"]


def open_genotypes(path: Path, genotype_field: GenotypeField = "GT") -> GenotypeFile:
    """Open VCF, BCF, BGEN, or a PLINK fileset by its .bed or .pgen.

    Args:
        path: The file; what belongs to it lies beside it.
        genotype_field: For VCF and BCF: "DS" takes imputed dosages where a row has them.

    Raises:
        UnreadableFile: If it is none of them, or is damaged or cut short.
        FileMissing: If a part of a fileset does not lie beside it.
    """
    with path.open("rb") as file:
        start = file.read(20)
    if not start:
        raise EmptyFile("The file is empty.")
    if start.startswith(b"\x6c\x1b"):
        return PlinkFile(path)
    if start[16:20] == b"bgen":
        return BgenFile(path)
    return VariantFile(path, genotype_field)
