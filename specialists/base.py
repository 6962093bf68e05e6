"""What a specialist is: a spec in plain data, and backends that do the work.

A spec can be imported without any model library. A backend's module is imported when it is
first used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from specialists.hub import HubModel
from specialists.schema import Accepts, Manifest, MaskSegment, SpecialistResult

__all__ = [
    "Backend",
    "BackendSpec",
    "Case",
    "LabelMap",
    "Picture",
    "Progress",
    "Reading",
    "Request",
    "Source",
    "SpecialistSpec",
]

Progress = Callable[[float, str], None]
"""Called with the share done (0 to 1) and what is being done."""


class Request(BaseModel):
    """Options of a call, beside the files. Every field becomes a tool argument and a CLI option."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    backend: str = "auto"
    """Which model answers: a backend's name, or 'auto' for the best that can run here."""


@dataclass(frozen=True)
class Source:
    """A file, or the files of one series, that was allowed, inspected and accepted.

    `paths` never leave the process.
    """

    paths: tuple[Path, ...]
    """One file, or all slices of a series."""
    manifest: Manifest
    series: str | None = None
    """Which series, where one file (a ZIP) holds several; as `readers.inspect` named it."""


@dataclass(frozen=True)
class Picture:
    """A picture made with a result: PNG bytes."""

    title: str
    png: bytes


@dataclass(frozen=True)
class LabelMap:
    """Which voxel is what, as a compressed NIfTI volume (uint8) on the volume's own grid.

    For results whose class has a field `masks`.
    """

    title: str
    nifti_gz: bytes
    segments: tuple[MaskSegment, ...]


@dataclass(frozen=True)
class Table:
    """A table made with a result: tab-separated text, compressed by gzip.

    For results whose class has a field `tables`.
    """

    title: str
    tsv_gz: bytes


@dataclass(frozen=True)
class Reading:
    """What a backend gives back: the result, and pictures and masks that go with it."""

    result: SpecialistResult
    pictures: Sequence[Picture] = ()
    masks: Sequence[LabelMap] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True)
class Case:
    """One call of `Backend.read`, as `read_many` gets several."""

    inputs: Mapping[str, Sequence[Source]]
    request: Request
    progress: Progress


class Backend(Protocol):
    """One model behind a specialist. Built once (weights are loaded then), used many times.

    Two methods are there if a backend wants them:

    `canary()`, called once after loading, tries the model on a known input and raises
    `BackendUnavailable` where it gives another output than its card says (`specialists.canary`
    does this for models of pictures).

    `read_many(cases)` takes the calls that came while the last ones ran, as a sequence of `Case`,
    and gives a `Reading` for each: for models that take several cases in one run.
    """

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Read the files.

        Args:
            inputs: Sources by role, as the spec's `accepts` names them.
            request: An instance of the spec's request class.
            progress: May be called from the thread that runs this.

        Raises:
            WardroundError: Any class of the tree; a failure is never a result.
        """


@dataclass(frozen=True)
class BackendSpec:
    """How to get a backend."""

    name: str
    target: str
    """'package.module:Class'; called with `device=` (a torch device string), and with `weights=`
    (a folder or an endpoint) where it has a `hub` model."""
    requires: tuple[str, ...] = ()
    """Modules that must be importable, such as 'torch'."""
    needs_gpu: bool = False
    """Too slow without one: not chosen by itself there, but runs where it is named."""
    memory_gib: float = 0.5
    install: str = ""
    """The command that makes it available."""
    hub: HubModel | None = None
    """The hub model that it runs, if any."""
    accepts: tuple[Accepts, ...] = ()
    """Which of the specialist's files it is competent for: one of several entries a role must
    accept a file. Roles without an entry, and an empty tuple, take what the specialist takes."""
    description: str = ""
    """The tool's description where this backend would answer; empty: the specialist's."""
    gives: str = ""
    """The same of what the tool gives."""
    findings: tuple[str, ...] = ()
    """What it can emit beside the specialist's own findings."""
    timeout_s: float = 0.0
    """Longest call, where it takes longer than the specialist's."""
    shares_weights: bool = False
    """Whether its hub model is in memory once for all backends that have it."""
    needs_calibration: bool = False
    """Its numbers are scores until `wardround calibrate` was run: 'auto' takes others before it."""
    ready: str = ""
    """'package.module:function' that is asked, with the tool's name and a request (None where
    there is none yet), whether it can answer: gives why not, or None."""


@dataclass(frozen=True)
class SpecialistSpec:
    """A specialist in plain data: schema, catalogue, gate, CLI and README table follow from it."""

    name: str
    """The tool's name: a verb and what it works on."""
    title: str
    description: str
    """Written for a model that must choose: what it is for, what it takes, what it is not for."""
    takes: str
    gives: str
    accepts: tuple[Accepts, ...]
    request: type[Request] = Request
    result: type[SpecialistResult] = SpecialistResult
    backends: tuple[BackendSpec, ...] = ()
    """Best first: 'auto' takes the first that can run."""
    findings: tuple[str, ...] = ()
    """Every finding that it can emit."""
    keywords: tuple[str, ...] = ()
    """Words of questions that want this specialist, for the planner in plain code."""
    timeout_s: float = 120.0
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For `evaluate`: class name → the names that data sets use for it. Empty: not evaluable."""
    positive: tuple[str, ...] = ()
    """The classes that answer the clinical question with yes (for `auc_binary`)."""
    question: str = ""
    """The finding that `positive` amounts to; empty where the classes are the findings."""
    option_words: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Options that a question may mean without naming them: option → value → words for it. Not
    used where a file plays the role of the same name."""
    one_call_each: str | None = None
    """An option of which a question may mean several values: each is a call of its own."""
    label_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """For `evaluate`: class name → the options of a call that can give it, where only some can."""
