"""How arguments and results cross between a process and its readers.

A message is JSON and, after it, the bytes of its arrays. Nothing is pickled: a reader process
works on files from strangers, so what it sends can be wrong but must not be able to run code.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import os
import socket
import struct
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from specialists.errors import WardroundError, error_from_code

__all__ = ["MessageTooLarge", "receive", "send", "transported"]

_LENGTH = struct.Struct("<QI")
_JSON_BYTES = 256 * 1024 * 1024
_KINDS = frozenset("biufcSU")
_types: dict[str, type] = {}

T = TypeVar("T")


class MessageTooLarge(Exception):
    """A message announces more bytes than the receiver accepts."""


def transported(cls: type[T]) -> type[T]:
    """Let instances of a dataclass cross the border; numpy arrays may be among its fields."""
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls.__qualname__} is not a dataclass")
    _types[_name(cls)] = cls
    return cls


def send(connection: socket.socket, value: object) -> None:
    """Send one message."""
    arrays: list[NDArray[Any]] = []
    body = json.dumps(_encode(value, arrays)).encode()
    connection.sendall(_LENGTH.pack(len(body), len(arrays)) + body)
    for array in arrays:
        if array.nbytes:
            connection.sendall(array.data)


def receive(connection: socket.socket, limit_bytes: float = math.inf) -> Any:
    """Receive one message.

    Args:
        connection: A connected stream socket.
        limit_bytes: What the arrays of the message may take together.

    Raises:
        EOFError: If the other side ended.
        MessageTooLarge: If the message is larger than allowed.
        ValueError: If the message is not one that `send` makes.
    """
    length, count = _LENGTH.unpack(_read(connection, bytearray(_LENGTH.size)))
    if length > _JSON_BYTES:
        raise MessageTooLarge
    tree = json.loads(_read(connection, bytearray(length)))
    arrays = [_Slot() for _ in range(min(count, length))]
    _collect(tree, arrays)
    if sum(slot.nbytes for slot in arrays) > limit_bytes:
        raise MessageTooLarge
    return _decode(tree, [slot.fill(connection) for slot in arrays])


def _read(connection: socket.socket, buffer: bytearray) -> bytearray:
    _read_into(connection, memoryview(buffer))
    return buffer


def _read_into(connection: socket.socket, view: memoryview) -> None:
    while view.nbytes:
        size = connection.recv_into(view)
        if size == 0:
            raise EOFError("the other side ended")
        view = view[size:]


class _Slot:
    """Where an array of a message goes: its type and shape, known before its bytes come."""

    dtype = np.dtype(np.uint8)
    shape: tuple[int, ...] = (0,)

    @property
    def nbytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape)

    def fill(self, connection: socket.socket) -> NDArray[Any]:
        array = np.empty(self.shape, self.dtype)
        if array.nbytes:
            _read_into(connection, array.reshape(-1).view(np.uint8).data)
        return array


def _collect(tree: Any, slots: Sequence[_Slot]) -> None:
    if isinstance(tree, list):
        for item in tree:
            _collect(item, slots)
    elif isinstance(tree, dict):
        if "array" in tree:
            _describe(slots[tree["array"]], tree)
        elif "model" not in tree:
            _collect(list(tree.values()), slots)


def _describe(slot: _Slot, tree: dict[str, Any]) -> None:
    dtype = np.dtype(tree["dtype"])
    shape = tuple(int(size) for size in tree["shape"])
    if dtype.kind not in _KINDS or min(shape, default=0) < 0:
        raise ValueError("not an array that may cross")
    slot.dtype, slot.shape = dtype, shape


def _name(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _encode(value: object, arrays: list[NDArray[Any]]) -> object:
    """Plain JSON for plain values; an object that says what it is for everything else."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [_encode(item, arrays) for item in value]
        case tuple():
            return {"tuple": [_encode(item, arrays) for item in value]}
        case dict():
            return {"dict": [[_encode(k, arrays), _encode(v, arrays)] for k, v in value.items()]}
        case np.ndarray():
            return _encode_array(value, arrays)
        case np.generic():
            return _encode(value.item(), arrays)
    return _encode_object(value, arrays)


def _encode_object(value: object, arrays: list[NDArray[Any]]) -> object:
    match value:
        case PurePath():
            return {"path": os.path.abspath(value)}  # the other side has its own directory
        case WardroundError():
            return {"error": value.code, "message": value.client_message}
        case BaseModel():
            return {"model": _name(type(value)), "fields": value.model_dump(mode="json")}
    if not dataclasses.is_dataclass(value) or _name(type(value)) not in _types:
        raise TypeError(f"{type(value).__qualname__} is not registered with @transported")
    fields = {
        field.name: _encode(getattr(value, field.name), arrays)
        for field in dataclasses.fields(value)
    }
    return {"data": _name(type(value)), "fields": fields}


def _encode_array(array: NDArray[Any], arrays: list[NDArray[Any]]) -> object:
    if array.dtype.kind not in _KINDS:
        raise TypeError(f"an array of {array.dtype.kind} may not cross")
    # U and S hold text, which has no buffer of its own: their bytes are sent as they lie.
    flat = np.ascontiguousarray(array)
    arrays.append(flat.reshape(-1).view(np.uint8) if flat.nbytes else np.empty(0, np.uint8))
    return {"array": len(arrays) - 1, "dtype": array.dtype.str, "shape": list(array.shape)}


def _decode(tree: Any, arrays: Sequence[NDArray[Any]]) -> Any:
    match tree:
        case list():
            return [_decode(item, arrays) for item in tree]
        case {"tuple": items}:
            return tuple(_decode(item, arrays) for item in items)
        case {"dict": items}:
            return {_decode(key, arrays): _decode(value, arrays) for key, value in items}
        case {"array": position}:
            return arrays[position]
        case {"path": path}:
            return Path(path)
        case {"error": code, "message": message}:
            return error_from_code(code, message)
        case {"model": name, "fields": fields}:
            return _model(name).model_validate(fields)
        case {"data": name, "fields": fields}:
            return _type(name)(**{key: _decode(value, arrays) for key, value in fields.items()})
    return tree


def _type(name: str) -> type:
    """The registered dataclass of a name; its module registers it when it is imported."""
    module, _, _ = name.partition(":")
    if name not in _types and module.startswith("specialists.readers."):
        importlib.import_module(module)
    if name not in _types:
        raise ValueError("not a type that may cross")
    return _types[name]


def _model(name: str) -> type[BaseModel]:
    module, _, qualname = name.partition(":")
    if module == "specialists.schema" or module.startswith("specialists.readers."):
        found = getattr(importlib.import_module(module), qualname, None)
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
    raise ValueError("not a type that may cross")
