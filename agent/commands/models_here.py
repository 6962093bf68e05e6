"""`wardround models pull`, `verify` and `remove`: the hub's models on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tools.hub import Remote

__all__ = ["configured", "pull", "remove", "verify"]


def configured() -> None:
    """Take the folder of models and the endpoints from the settings."""
    from agent.settings import Settings
    from tools import hub

    settings = Settings()
    hub.configure(settings.models_dir, settings.model_endpoints)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="TOOL:BACKEND | HUB_ID…")
@click.option("--accept-terms", is_flag=True, help="Accept the terms that are shown.")
@click.option("--revision", help="Move to this commit, branch or tag; default: the pinned commit.")
def pull(names: tuple[str, ...], accept_terms: bool, revision: str | None) -> None:
    """Fetch models from the hub: safetensors and configuration, never code.

    The first download pins the model's commit and the SHA-256 of every file. What broke off goes
    on where it stopped. A gated model needs its terms accepted on its page, and HF_TOKEN.
    """
    from tools import hub

    configured()
    for model in [hub.named(name) for name in names]:
        place = hub.here().get(model.id)
        if place is None or revision is not None or hub.changed(model):
            remote = hub.look(model, revision)
            _accept(remote, accept_terms)
            place = hub.pull(remote, _Shown())
        sys.stdout.write(f"{model.id} {place}\n")


@click.command()
@click.argument("names", nargs=-1, metavar="[TOOL:BACKEND | HUB_ID]…")
def verify(names: tuple[str, ...]) -> None:
    """Read fetched models again and compare their SHA-256; all of them where none is named."""
    from agent.commands import Progress
    from tools import hub

    configured()
    line, wrong = Progress(), False
    for model in [hub.named(name) for name in names or hub.here()]:
        verdict = hub.verify(model, line.show)
        line.clear()
        wrong = wrong or bool(verdict.faults)
        told = "; ".join(verdict.faults) or f"as fetched, commit {verdict.commit}"
        sys.stdout.write(f"{model.id}: {told}\n")
    sys.exit(1 if wrong else 0)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="TOOL:BACKEND | HUB_ID…")
@click.option("--yes", is_flag=True, help="Don't ask.")
def remove(names: tuple[str, ...], yes: bool) -> None:
    """Remove models that were fetched."""
    from agent.commands import told
    from tools import hub

    configured()
    for model in [hub.named(name) for name in names]:
        size = hub.size_of(model) / 2**30
        if not yes:
            click.confirm(f"Remove {model.id} ({size:.1f} GiB)?", abort=True, err=True)
        hub.remove(model)
        told(f"{model.id} is removed, {size:.1f} GiB.")


def _accept(remote: Remote, accepted: bool) -> None:
    """Show on what terms a model comes; where they bind its user, ask.

    Raises:
        InvalidInput: If nobody is there to be asked.
    """
    from agent.commands import told
    from specialists.errors import InvalidInput

    told(f"{remote.model.id}, commit {remote.commit[:12]}, {remote.size / 2**30:.2f} GiB")
    told(f"  licence: {remote.licence} ({remote.model.page})")
    if remote.gated:
        told("  gated: its terms have to be accepted on that page, with the token's account")
    if remote.terms is None:
        return
    told(f"  terms: {remote.terms}")
    if accepted:
        return
    if not sys.stdin.isatty():
        raise InvalidInput("These terms have to be accepted: --accept-terms.")
    click.confirm("Accept these terms?", abort=True, err=True)


class _Shown:
    """A line that is written over where a person watches, a line for each file otherwise."""

    def __init__(self) -> None:
        from agent.commands import Progress

        self._line, self._name = Progress(), ""

    def __call__(self, here: int, total: int, name: str) -> None:
        """Show how far it is."""
        from agent.commands import told

        if sys.stderr.isatty():
            share = here / total if total else 1.0
            self._line.show(f"{share:4.0%} of {total / 2**30:.2f} GiB  {name}")
            if here == total:
                self._line.clear()
        elif name != self._name:
            told(f"  {name}")
        self._name = name
