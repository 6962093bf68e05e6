"""The one error tree.

Every failure that a caller can meet is one of these classes. Each has a stable `code`, a
`client_message` that is free of paths, identifiers and patient data, and says whether trying
the same call again can help.

    WardroundError                     internal_error
    ├── NotAuthorised                  not_authorised
    ├── InvalidInput                   invalid_input
    │   ├── FileNotAllowed             file_not_allowed
    │   ├── FileMissing                file_not_found
    │   ├── UnknownHandle              unknown_handle
    │   ├── UploadConflict             upload_conflict
    │   ├── UnknownTool                unknown_tool
    │   ├── NotAccepted                not_accepted
    │   ├── LowOverlap                 low_overlap
    │   ├── GenomeBuildMismatch        genome_build_mismatch
    │   ├── UnsupportedScore           unsupported_score
    │   └── UnreadableFile             unreadable_file
    │       ├── EmptyFile              empty_file
    │       ├── TruncatedFile          truncated_file
    │       ├── EncryptedFile          encrypted_file
    │       ├── MislabelledFile        mislabelled_file
    │       ├── UnsupportedFormat      unsupported_format
    │       ├── FileTooLarge           file_too_large
    │       ├── MixedPatients          mixed_patients
    │       ├── SeveralSeries          several_series
    │       └── UnusableGeometry       unusable_geometry
    ├── Unavailable                    unavailable
    │   ├── BackendUnavailable         backend_unavailable
    │   ├── WorkerLost                 worker_lost            (retryable)
    │   ├── ServerUnreachable          server_unreachable     (retryable)
    │   └── PlannerUnavailable         planner_unavailable    (retryable)
    └── LimitExceeded                  limit_exceeded
        ├── TimedOut                   timed_out              (retryable)
        ├── ReadLimitExceeded          read_limit_exceeded
        └── OutOfMemory                out_of_memory
"""

from __future__ import annotations

from typing import ClassVar

__all__ = ["WardroundError", "error_from_code"]


class WardroundError(Exception):
    """A failure with a code.

    Args:
        client_message: What was wrong, with what, and what would be accepted. Free of paths,
            UIDs, names and dates: it reaches the caller's model.
    """

    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False

    def __init__(self, client_message: str) -> None:
        super().__init__(client_message)
        self.client_message = client_message


class NotAuthorised(WardroundError):
    """The caller is unknown here."""

    code = "not_authorised"


class InvalidInput(WardroundError):
    """The call itself was wrong."""

    code = "invalid_input"


class FileNotAllowed(InvalidInput):
    """The named file is outside the allowed roots."""

    code = "file_not_allowed"


class FileMissing(InvalidInput):
    """No file has the given name."""

    code = "file_not_found"


class UnknownHandle(InvalidInput):
    """The handle was never given out, or has expired."""

    code = "unknown_handle"


class UploadConflict(InvalidInput):
    """An upload begins at another place than where the last one ended, or runs already."""

    code = "upload_conflict"


class UnknownTool(InvalidInput):
    """No such tool is registered."""

    code = "unknown_tool"


class NotAccepted(InvalidInput):
    """A readable file that this specialist is not made for."""

    code = "not_accepted"


class LowOverlap(InvalidInput):
    """Too few of a score's variants are in the genotypes."""

    code = "low_overlap"


class GenomeBuildMismatch(InvalidInput):
    """Genotypes and score are on different genome builds."""

    code = "genome_build_mismatch"


class UnsupportedScore(InvalidInput):
    """The scoring file has terms that would be summed wrongly."""

    code = "unsupported_score"


class UnreadableFile(InvalidInput):
    """The file could not be read as what it is."""

    code = "unreadable_file"


class EmptyFile(UnreadableFile):
    """Nothing is in the file or folder."""

    code = "empty_file"


class TruncatedFile(UnreadableFile):
    """The file ends before its content does."""

    code = "truncated_file"


class EncryptedFile(UnreadableFile):
    """The file is encrypted."""

    code = "encrypted_file"


class MislabelledFile(UnreadableFile):
    """The content is not what the header or the name claims."""

    code = "mislabelled_file"


class UnsupportedFormat(UnreadableFile):
    """A format or compression that no reader here handles."""

    code = "unsupported_format"


class FileTooLarge(UnreadableFile):
    """Decoding the file would take more than the limits allow."""

    code = "file_too_large"


class MixedPatients(UnreadableFile):
    """A folder or archive holds files of more than one patient."""

    code = "mixed_patients"


class SeveralSeries(UnreadableFile):
    """A folder or archive holds several series and none was chosen."""

    code = "several_series"


class UnusableGeometry(UnreadableFile):
    """The slices do not form a volume."""

    code = "unusable_geometry"


class Unavailable(WardroundError):
    """What was asked for cannot run now."""

    code = "unavailable"


class BackendUnavailable(Unavailable):
    """No backend of the specialist can run here."""

    code = "backend_unavailable"


class WorkerLost(Unavailable):
    """A worker process ended while it was working."""

    code = "worker_lost"
    retryable = True


class ServerUnreachable(Unavailable):
    """A specialist's server does not answer."""

    code = "server_unreachable"
    retryable = True


class PlannerUnavailable(Unavailable):
    """The language model's endpoint does not answer, or answers against its contract."""

    code = "planner_unavailable"
    retryable = True


class LimitExceeded(WardroundError):
    """A limit stopped the work."""

    code = "limit_exceeded"


class TimedOut(LimitExceeded):
    """The work took longer than it may."""

    code = "timed_out"
    retryable = True


class ReadLimitExceeded(LimitExceeded):
    """Reading the file took more memory or processor time than it may."""

    code = "read_limit_exceeded"


class OutOfMemory(LimitExceeded):
    """The device has too little memory for one case, also after other models made room."""

    code = "out_of_memory"


def _tree(root: type[WardroundError]) -> list[type[WardroundError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in _tree(child))]


def error_from_code(code: str, client_message: str) -> WardroundError:
    """Rebuild an error that crossed a process border; an unknown code gives the root class."""
    by_code = {kind.code: kind for kind in _tree(WardroundError)}
    return by_code.get(code, WardroundError)(client_message)
