"""Avro single-object encoding with pinned schemas (Avro 1.12 specification, "Single-object encoding").

A value is ``C3 01``, the CRC-64-AVRO fingerprint of the writer's schema (8 bytes), and the binary form. Only schemas
packaged with this software are read; a published schema stays readable from ``history/``. Every non-canonical
encoding is refused (`strict_avro`), because readers disagree about long varints, booleans, negative blocks and
duplicate map keys.
"""

from __future__ import annotations

import io
import json
from functools import cache
from typing import Any

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from notifier.codec.strict_avro import Reader, Writer, compiled
from notifier.errors import MalformedError
from notifier.shipped import schemas_folder

MARKER = b"\xc3\x01"
PREFIX_SIZE = len(MARKER) + 8

Record = dict[str, Any]


def fingerprint_of(schema: Any) -> bytes:
    """Return the 8 bytes that name a schema in single-object encoding (CRC-64-AVRO, little-endian)."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


class Codec:
    """Encoder and decoder of records of one schema; it also decodes records of the pinned earlier versions."""

    def __init__(self, current: Any, earlier: tuple[Any, ...] = ()) -> None:
        self.schema = fastavro.parse_schema(current)
        self.fingerprint = fingerprint_of(current)
        self._write, self._write_object, read = compiled(current, MARKER + self.fingerprint)
        self._readers: dict[bytes, tuple[Reader, Any]] = {}
        for old in earlier:
            self._readers[fingerprint_of(old)] = compiled(old, b"")[2], fastavro.parse_schema(old)
        self._readers[self.fingerprint] = read, self.schema

    def encode(self, record: Record) -> bytes:
        """Return the single-object encoding of `record`; raises ValueError or TypeError where it does not fit."""
        return _written(self._write, record)

    def encode_object(self, value: object) -> bytes:
        """Return the encoding of an object whose attributes are the fields, as `encode` does of a dictionary."""
        return _written(self._write_object, value)

    def decode(self, data: bytes) -> Record:
        """Return the record in `data`, converted to the current schema.

        Raises `MalformedError` for an unknown fingerprint, trailing bytes, or any form that the schema's writer would
        not produce.
        """
        known = self._readers.get(data[len(MARKER) : PREFIX_SIZE]) if data[:2] == MARKER else None
        if known is None:
            raise MalformedError(detail="not a record of a pinned schema")
        read, written_as = known
        try:
            found = read(data, PREFIX_SIZE)
        except (ValueError, LookupError) as error:
            raise MalformedError(detail="not a canonical encoding of its schema") from error
        if written_as is self.schema:
            return found
        source = io.BytesIO(data)
        source.seek(PREFIX_SIZE)
        evolved: Any = fastavro.schemaless_reader(source, written_as, self.schema)
        current: Record = evolved
        return current


def _written(write: Writer, value: object) -> bytes:
    try:
        return write(value)
    except (LookupError, AttributeError) as error:
        raise ValueError("the record does not fit its schema") from error


@cache
def codec(name: str) -> Codec:
    """Return the codec of the packaged schema `name`, with every earlier version in ``history/<name>-*.avsc``."""
    folder = schemas_folder()
    current = json.loads((folder / f"{name}.avsc").read_text())
    earlier = tuple(json.loads(path.read_text()) for path in sorted((folder / "history").glob(f"{name}-*.avsc")))
    return Codec(current, earlier)


def fingerprint_in(data: bytes) -> bytes | None:
    """Return the schema fingerprint that `data` claims; None where it is no single-object encoding."""
    return data[2:PREFIX_SIZE] if data[:2] == MARKER and len(data) >= PREFIX_SIZE else None
