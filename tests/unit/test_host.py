from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from specialists.base import BackendSpec
from specialists.errors import BackendUnavailable, InvalidInput
from specialists.host import Host
from tests.toys import toy_spec


def test_backend_is_loaded_once_by_many_threads() -> None:
    host, spec, seen = Host(), toy_spec(), []
    threads = [
        threading.Thread(target=lambda: seen.append(host.backend(spec)[1])) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len({id(backend) for backend in seen}) == 1


def test_backend_least_recently_used_is_unloaded() -> None:
    host = Host(memory_gib=2.0)
    specs = [
        replace(toy_spec(name), backends=(BackendSpec("toy", "tests.toys:Toy", memory_gib=1.0),))
        for name in ("one", "two", "three")
    ]
    first = [host.backend(spec)[1] for spec in specs]
    assert host.backend(specs[2])[1] is first[2]
    assert host.backend(specs[1])[1] is first[1]
    assert host.backend(specs[0])[1] is not first[0]


def test_backend_of_unknown_name_is_refused_with_the_names() -> None:
    with pytest.raises(InvalidInput, match="It has: toy"):
        Host().backend(toy_spec(), "other")


def test_backend_none_registered_says_what_would_help() -> None:
    with pytest.raises(BackendUnavailable, match=r"wardround\.backends"):
        Host().backend(toy_spec(backend=None))


def test_backend_missing_module_says_how_to_install() -> None:
    needy = BackendSpec("big", "x:Y", requires=("no_such_module",), install="pip install big")
    spec = replace(toy_spec(), backends=(needy,))
    with pytest.raises(BackendUnavailable, match="pip install big"):
        Host().backend(spec)


def test_choose_auto_takes_the_first_that_can_run() -> None:
    needy = BackendSpec("big", "x:Y", requires=("no_such_module",))
    spec = toy_spec()
    assert Host().choose(replace(spec, backends=(needy, *spec.backends))).name == "toy"
