"""Who may call over HTTP: bearer tokens or OAuth tokens, and what each caller may use and read.

A file names the callers. A token stands in it as its SHA-256 alone, so the file gives none away:

    {
      "callers": [
        {"name": "ward-3", "token_sha256": "…", "roots": ["/studies/ward-3"]},
        {"name": "eye-clinic", "subject": "…", "roots": ["/eyes"], "tools": ["classify_retina"]}
      ],
      "oauth": {
        "jwks_uri": "https://login.example/keys",
        "issuer": "https://login.example",
        "audience": "wardround",
        "base_url": "https://wardround.example"
      }
    }

With `oauth` the server is an OAuth resource server (RFC 9728): the tokens of that issuer are
accepted for callers named by `subject`, and clients find the issuer by themselves.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastmcp.server.auth import AccessToken, AuthProvider, RemoteAuthProvider, TokenVerifier
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, ValidationError, model_validator

from specialists.errors import InvalidInput, NotAuthorised

__all__ = ["Caller", "Callers", "OAuth", "add_caller"]


class Caller(BaseModel):
    """One caller, and what it may do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    """Stands in the audit log, and names the folder of its conversations."""
    token_sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    """SHA-256 of its bearer token, in hex."""
    subject: str | None = None
    """`sub` of its OAuth tokens."""
    roots: tuple[Path, ...] = ()
    """Folders that it may name files in."""
    tools: frozenset[str] | None = None
    """Tools that it may use; None: all."""

    dicomweb: bool = False
    """Whether it may search and read the configured DICOMweb server, which has all patients."""

    fhir: bool = False
    """Whether it may read the configured FHIR server, which has all patients."""

    @model_validator(mode="after")
    def _known_by_something(self) -> Caller:
        if (self.token_sha256 is None) == (self.subject is None):
            raise ValueError("a caller has a token_sha256 or a subject")
        return self

    def may_use(self, tool: str) -> bool:
        """Say whether a tool of this name is the caller's to see and to call."""
        return self.tools is None or tool in self.tools

    @classmethod
    def of_token(cls, name: str, token: str, roots: Iterable[Path] = ()) -> Caller:
        """Name a caller who holds a token."""
        return cls(name=name, token_sha256=_digest(token), roots=tuple(roots))


class OAuth(BaseModel):
    """Whose OAuth tokens are accepted, and under which address clients reach this server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str
    audience: str
    jwks_uri: str | None = None
    public_key: str | None = None
    """PEM, where the issuer has no key set to fetch."""
    algorithm: str = "RS256"
    base_url: str

    def verifier(self) -> TokenVerifier:
        """What checks signature, issuer, audience and expiry."""
        return JWTVerifier(
            public_key=self.public_key,
            jwks_uri=self.jwks_uri,
            issuer=self.issuer,
            audience=self.audience,
            algorithm=self.algorithm,
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    callers: tuple[Caller, ...] = ()
    oauth: OAuth | None = None


class Callers:
    """All callers of a server, and which of them is calling.

    Args:
        callers: Each with a name of its own.
        oauth: Where callers come with an issuer's tokens.

    Raises:
        InvalidInput: If two callers share a name, a token or a subject.
    """

    def __init__(self, callers: Iterable[Caller], oauth: OAuth | None = None) -> None:
        self._all = tuple(callers)
        self._by_name = {one.name: one for one in self._all}
        self._by_digest = {one.token_sha256: one for one in self._all if one.token_sha256}
        self._by_subject = {one.subject: one for one in self._all if one.subject}
        apart = len(self._by_digest) + len(self._by_subject) == len(self._by_name)
        if not apart or len(self._by_name) != len(self._all):
            raise InvalidInput("Two callers share a name, a token or a subject.")
        self._oauth = oauth

    @classmethod
    def read(cls, file: Path) -> Callers:
        """Read the file of the callers.

        Raises:
            InvalidInput: If it is missing or not as described; values are not repeated.
        """
        found = _read(file)
        if not found.callers:
            raise InvalidInput("The file of callers names none.")
        return cls(found.callers, found.oauth)

    def auth(self) -> AuthProvider:
        """What the server asks about every request's token."""
        verifier = _Verifier(self, self._oauth)
        if self._oauth is None:
            return verifier
        return RemoteAuthProvider(
            verifier, [AnyHttpUrl(self._oauth.issuer)], self._oauth.base_url,
            resource_name="wardround",
        )  # fmt: skip

    def current(self) -> Caller:
        """Say who is calling.

        Raises:
            NotAuthorised: If nobody known is.
        """
        token = get_access_token()
        return self.named(token.client_id if token is not None else "")

    def named(self, name: str) -> Caller:
        """Look a caller up.

        Raises:
            NotAuthorised: If there is none of that name.
        """
        if name not in self._by_name:
            raise NotAuthorised("This server answers callers with a token of its own only.")
        return self._by_name[name]

    def of_token(self, token: str) -> Caller | None:
        """Whose bearer token this is."""
        return self._by_digest.get(_digest(token))

    def of_subject(self, subject: str | None) -> Caller | None:
        """Whose OAuth subject this is."""
        return self._by_subject.get(subject) if subject else None


class _Verifier(TokenVerifier):
    """Knows callers' own tokens, and an issuer's where there is one."""

    def __init__(self, callers: Callers, oauth: OAuth | None) -> None:
        super().__init__()
        self._callers = callers
        self._issued = oauth.verifier() if oauth is not None else None

    async def verify_token(self, token: str) -> AccessToken | None:
        caller = self._callers.of_token(token)
        expires_at = None
        if caller is None and self._issued is not None:
            issued = await self._issued.verify_token(token)
            caller = self._callers.of_subject(_subject(issued)) if issued else None
            expires_at = issued.expires_at if issued else None
        if caller is None:
            return None
        return AccessToken(token=token, client_id=caller.name, scopes=[], expires_at=expires_at)


def _subject(token: AccessToken) -> str | None:
    subject = token.claims.get("sub")
    return subject if isinstance(subject, str) else None


def _digest(token: str) -> str:
    # A token is random and long, so a plain digest can't be turned back by trying.
    return hashlib.sha256(token.encode()).hexdigest()


def _read(file: Path) -> _File:
    try:
        return _File.model_validate_json(file.read_bytes())
    except OSError:
        raise InvalidInput("The file of callers can't be read.") from None
    except ValidationError as error:
        places = {".".join(map(str, one["loc"])) or "the whole" for one in error.errors()}
        told = ", ".join(sorted(places))
        raise InvalidInput(f"The file of callers is not as it should be at: {told}.") from None


def add_caller(file: Path, name: str, roots: Iterable[Path], tools: Iterable[str] = ()) -> str:
    """Add a caller with a fresh token to the file, which is made if it is not there.

    Args:
        file: Ends readable by its owner alone.
        name: Of the caller; must be new.
        roots: Folders that it may name files in.
        tools: Tools that it may use; none named: all.

    Returns:
        The token, which stands nowhere else: 43 characters from 256 random bits.

    Raises:
        InvalidInput: If the name is taken or the file is not as it should be.
    """
    found = _read(file) if file.exists() else _File()
    token = secrets.token_urlsafe(32)
    try:
        fresh = Caller(
            name=name,
            token_sha256=_digest(token),
            roots=tuple(root.resolve() for root in roots),
            tools=frozenset(tools) or None,
        )
    except ValidationError:
        raise InvalidInput("A caller's name has letters, digits, '_', '.' and '-' only.") from None
    everyone = (*found.callers, fresh)
    Callers(everyone)
    _write(file, _File(callers=everyone, oauth=found.oauth))
    return token


def _write(file: Path, content: _File) -> None:
    said: dict[str, Any] = content.model_dump(mode="json", exclude_none=True)
    for one in said["callers"]:
        if "tools" in one:
            one["tools"] = sorted(one["tools"])
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(file.name + ".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    fresh.replace(file)
