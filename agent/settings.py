"""The agent's settings: one frozen object a process; nothing below it reads the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

__all__ = ["MEDGEMMA", "Settings"]

MEDGEMMA = "google/medgemma-1.5-4b-it"
"""The hub id of the specialists' MedGemma."""


class Settings(BaseSettings):
    """Read from the environment with the prefix `WARDROUND_`, or given in code."""

    model_config = SettingsConfigDict(env_prefix="WARDROUND_", frozen=True, extra="forbid")

    roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders that callers may name files in, separated as in PATH."
    )
    config: Path | None = Field(
        None, description="JSON file whose `mcpServers` section names further MCP servers."
    )
    in_process: bool = Field(True, description="Serve the shipped specialists inside this process.")
    gemma_url: str | None = Field(
        None, description="Base URL of an OpenAI-compatible server, such as http://host:8000/v1."
    )
    gemma_embedded: bool = Field(
        True, description="Plan with the Gemma that ships, where no other is configured."
    )
    gemma_model: str | None = Field(None, description="The model's name at that server.")
    gemma_key: str = Field("none", description="API key of that server, where it wants one.")
    gemma_checkpoint: str | None = Field(
        None,
        description="Local folder or hub id of a Gemma to run in this process by transformers, "
        "such as google/gemma-4-E4B-it; used where no gemma_url is set.",
    )
    gemma_revision: str | None = Field(
        None, description="Commit or tag of that hub id; default: the newest."
    )
    gemma_device: str = Field("auto", description="Torch device of that Gemma, or 'auto'.")
    gemma_timeout_s: float = Field(60.0, gt=0, description="Longest wait for one model answer.")
    gemma_retries: int = Field(
        1, ge=0, le=5, description="How often an answer against the schema is sent back."
    )
    call_timeout_s: float = Field(
        180.0, gt=0, description="Longest wait for one specialist, where it names no own limit."
    )
    connect_timeout_s: float = Field(
        20.0, gt=0, description="What a configured server may take to start."
    )
    max_rounds: int = Field(
        3, ge=1, le=3, description="Most plans of one question: the first, and its extensions."
    )
    state_dir: Path | None = Field(
        None, description="Where threads are kept; default: ~/.local/state/wardround."
    )
    dicomweb_url: str | None = Field(
        None, description="Base URL of a DICOMweb server, such as http://pacs:8042/dicom-web."
    )
    dicomweb_authorization: str | None = Field(
        None, description="Value of the Authorization header, where that server wants one."
    )
    fhir_url: str | None = Field(
        None, description="Base URL of a FHIR R4 server, such as http://ehr:8080/fhir."
    )
    fhir_authorization: str | None = Field(
        None, description="Value of the Authorization header, where that server wants one."
    )
    callers: Path | None = Field(
        None, description="JSON file of those who may call over HTTP; see `wardround token`."
    )
    token: str | None = Field(
        None,
        min_length=32,
        description="Bearer token of the one caller over HTTP, where there is no file of callers.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Host names, separated by commas, under which the HTTP server answers."
    )
    requests_per_second: float = Field(
        20.0, gt=0, description="What one caller may ask over HTTP on average; ten times in bursts."
    )
    upload_gib: float = Field(2.0, gt=0, description="Size of the largest file sent over HTTP.")
    uploads_gib: float = Field(
        20.0, gt=0, description="Size of all files that one caller has sent; the oldest make room."
    )
    upload_hours: float = Field(
        24.0, gt=0, description="How long a sent file is kept after it was last named."
    )
    audit_file: Path | None = Field(
        None, description="Where a line is written for every call: who, which tool, how it went."
    )
    models_dir: Path | None = Field(
        None, description="Folder of hub models; default: ~/.cache/wardround/models."
    )
    medgemma_url: str | None = Field(
        None,
        description="Base URL of an OpenAI-compatible server of MedGemma, such as "
        "http://gpu-host:8001/v1.",
    )
    medgemma_model: str | None = Field(
        None, description="MedGemma's name at that server; default: its hub id."
    )
    medgemma_key: str = Field("none", description="API key of that server, where it wants one.")
    calibrations: bool = Field(
        True, description="Use what `wardround calibrate` fitted to your own cases."
    )
    device: str = Field(
        "auto",
        description="Torch device of the specialists, 'auto', or devices by tool: "
        "report_ct=cuda:1,*=cuda:0.",
    )
    memory_gib: float | None = Field(
        None,
        gt=0,
        description="Memory budget over the specialist models on each device; default: 16 GiB on "
        "a processor, and on a GPU what is free when it is first used.",
    )
    score_downloads: bool = Field(
        True, description="Fetch scores of the PGS Catalog by id; nothing else is sent."
    )
    read_memory_gib: float = Field(4.0, gt=0, description="Memory limit of a file reader.")
    read_cpu_s: float = Field(60.0, gt=0, description="Processor time limit of one read.")
    read_wall_s: float = Field(120.0, gt=0, description="Wall time limit of one read.")

    @field_validator("roots", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(Path(part).expanduser() for part in value.split(os.pathsep) if part)
        return value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def model_endpoints(self) -> dict[str, tuple[str, str, str]]:
        """Hub ids that servers serve: their URL, their name there, and the key."""
        if not self.medgemma_url:
            return {}
        name = self.medgemma_model or MEDGEMMA
        return {MEDGEMMA: (self.medgemma_url, name, self.medgemma_key)}

    @property
    def read_limits(self) -> dict[str, float]:
        """Limits of file readers, as `Workshop.create` takes them."""
        return {
            "memory_gib": self.read_memory_gib,
            "cpu_s": self.read_cpu_s,
            "wall_s": self.read_wall_s,
        }

    @property
    def thread_file(self) -> Path:
        """The SQLite file of the threads."""
        folder = self.state_dir or Path.home() / ".local" / "state" / "wardround"
        return folder / "threads.sqlite"
