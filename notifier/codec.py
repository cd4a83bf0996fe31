"""Avro single-object encoding with pinned schemas (Avro 1.12 specification, "Single-object encoding").

A value is ``C3 01``, the CRC-64-AVRO fingerprint of the writer's schema (8 bytes), and the binary form.
Only schemas packaged with this software are read; a schema that was ever published stays readable from
``history/``. What is read is encoded again with the writer's schema and refused unless identical, because
readers disagree about long varints, booleans, negative blocks and duplicate map keys (ENVELOPE.md).
"""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from notifier.errors import Malformed

MARKER = b"\xc3\x01"
PREFIX_SIZE = len(MARKER) + 8

Record = dict[str, Any]


def schema_folder() -> Path:
    """Where the schemas are: inside the package when installed, at the top of the project when not."""
    packaged = Path(__file__).parent / "schemas" / "avro"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "schemas" / "avro"


def fingerprint_of(schema: Any) -> bytes:
    """The 8 bytes that name a schema in single-object encoding (CRC-64-AVRO, little-endian)."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


class Codec:
    """Encodes and decodes records of one schema, and decodes those of its pinned earlier versions."""

    def __init__(self, current: Any, earlier: tuple[Any, ...] = ()) -> None:
        self.schema = fastavro.parse_schema(current)
        self.fingerprint = fingerprint_of(current)
        self._writers = {fingerprint_of(old): fastavro.parse_schema(old) for old in earlier}
        self._writers[self.fingerprint] = self.schema
        self._prefix = MARKER + self.fingerprint

    def encode(self, record: Record) -> bytes:
        """The single-object encoding of `record`; ValueError or TypeError where it does not fit the schema."""
        out = io.BytesIO()
        out.write(self._prefix)
        fastavro.schemaless_writer(out, self.schema, record, strict=True)
        return out.getvalue()

    def decode(self, data: bytes) -> Record:
        """The record in `data`, read as the current schema.

        Raises `Malformed` for an unknown fingerprint, trailing bytes, or any form that the writer's schema
        would not have produced.
        """
        writer = self._writers.get(data[len(MARKER) : PREFIX_SIZE]) if data[:2] == MARKER else None
        if writer is None:
            raise Malformed(detail="not a record of a pinned schema")
        source = io.BytesIO(data)
        source.seek(PREFIX_SIZE)
        try:
            written: Any = fastavro.schemaless_reader(source, writer, None)
            again = io.BytesIO()
            fastavro.schemaless_writer(again, writer, written)
        except Exception as error:
            # fastavro raises whatever its C code meets on hostile bytes; all of it means the same here.
            raise Malformed(detail="the bytes do not follow their schema") from error
        if again.getvalue() != data[PREFIX_SIZE:]:
            raise Malformed(detail="the bytes are not the canonical form of their schema")
        if writer is self.schema:
            record: Record = written
            return record
        source.seek(PREFIX_SIZE)
        evolved: Any = fastavro.schemaless_reader(source, writer, self.schema)
        current: Record = evolved
        return current


@cache
def codec(name: str) -> Codec:
    """The codec of the packaged schema `name`, with every earlier version in ``history/<name>-*.avsc``."""
    folder = schema_folder()
    current = json.loads((folder / f"{name}.avsc").read_text())
    earlier = tuple(json.loads(path.read_text()) for path in sorted((folder / "history").glob(f"{name}-*.avsc")))
    return Codec(current, earlier)


def fingerprint_in(data: bytes) -> bytes | None:
    """The schema fingerprint that `data` claims, or None where it is no single-object encoding."""
    return data[2:PREFIX_SIZE] if data[:2] == MARKER and len(data) >= PREFIX_SIZE else None
