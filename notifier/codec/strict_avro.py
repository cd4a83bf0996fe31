"""Avro's binary form, for the part of Avro that the formats use: a schema becomes two straight-line functions.

A record has exactly one form here. The writer writes it, and the reader takes no other: the shortest number, an
array in one block, a boolean of 0 or 1, UTF-8 for text, nothing behind the end. So what was read need not be
encoded again to be sure of that. fastavro, which reads all of Avro, is the second opinion in the tests.

The functions are compiled from source that is made of the packaged schemas alone, never of data: looking every
field up in its schema costs several times what reading and writing it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import count
from typing import Any, Final, NoReturn

Schema = Any
"""A schema as a JSON document."""

Writer = Callable[[Any], bytes]
Reader = Callable[[bytes, int], dict[str, Any]]

PRIMITIVES: Final = ("null", "boolean", "int", "long", "bytes", "string")
BITS: Final = {"int": 32, "long": 64}


@lru_cache(maxsize=4096, typed=True)
def number(value: int, bits: int = 64) -> bytes:
    """The zig-zag varint of `value`; ValueError where it does not fit, TypeError for what is no whole number."""
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise ValueError("a number is out of range")
    rest = value << 1 ^ value >> bits - 1
    out = bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def read_number(data: bytes, at: int, bits: int = 64) -> tuple[int, int]:
    """The number whose first byte is at `at`, and where the next value begins; ValueError for any longer form."""
    rest = shift = 0
    while True:
        byte = data[at]
        at += 1
        rest |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
        if shift >= bits:
            break
    if rest >> bits or byte > 127 or (shift and not byte):
        raise ValueError("a number is out of range, or longer than it has to be")
    return rest >> 1 ^ -(rest & 1), at


def read_length(data: bytes, at: int) -> tuple[int, int]:
    """As `read_number`, for a number of bytes or items."""
    length, at = read_number(data, at)
    if length < 0:
        raise ValueError("a length is negative")
    return length, at


def refuse(what: str) -> NoReturn:
    """What the compiled functions do with whatever does not fit."""
    raise ValueError(f"{what} does not fit the schema")


def compiled(schema: Schema, prefix: bytes) -> tuple[Writer, Writer, Reader]:
    """Two writers and the reader of the record `schema`.

    The first writer takes a dictionary with exactly the schema's fields, the second an object that has them as
    attributes; so do the records within. Both return `prefix` and the binary form, or raise ValueError, TypeError,
    KeyError or AttributeError. The reader takes bytes, and the place in them from
    which on they are the binary form; it raises ValueError, KeyError or IndexError for whatever a writer would
    not have written.
    """
    source = _Source(schema)
    for name, attributes in (("write", False), ("write_object", True)):
        pieces = [repr(prefix), *source.pieces(schema, "value", attributes=attributes)]
        source.lines += [f"def {name}(value):", f"    return {_joined(pieces)}"]
    source.lines.append("def read(data, at):")
    found = source.read(schema, "    ")
    source.lines += ["    if at != len(data): refuse('the length')", f"    return {found}"]
    exec("\n".join(source.lines), source.scope)  # noqa: S102 - made of packaged schemas, every name of them quoted
    return source.scope["write"], source.scope["write_object"], source.scope["read"]


class _Source:
    """The functions' source on its way, and the scope that it runs in."""

    def __init__(self, schema: Schema) -> None:
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {
            "number": number,
            "read_number": read_number,
            "read_length": read_length,
            "refuse": refuse,
            "join": b"".join,
        }
        self._types = dict(_named(schema))
        self._numbers = count()

    def _name(self) -> str:
        return f"v{next(self._numbers)}"

    def _constant(self, value: object) -> str:
        name = f"C{next(self._numbers)}"
        self.scope[name] = value
        return name

    def _resolved(self, schema: Schema) -> tuple[str, Schema]:
        """The kind of a schema, and the schema with a name looked up."""
        if isinstance(schema, list):
            if len(schema) != 2 or schema[0] != "null":
                raise ValueError("a union is of null and one other type")
            return "union", schema[1]
        if isinstance(schema, str):
            if schema in PRIMITIVES:
                return schema, schema
            schema = self._types[schema]
        return schema["type"], schema

    def pieces(self, schema: Schema, value: str, *, attributes: bool) -> list[str]:
        """Expressions, in their order, of the bytes of the expression `value`."""
        kind, schema = self._resolved(schema)
        v = self._name()

        def within(inner: Schema, name: str) -> list[str]:
            return self.pieces(inner, name, attributes=attributes)

        match kind:
            case "union":
                there = _joined(["b'\\2'", *within(schema, v)])
                return [f"b'\\0' if ({v} := {value}) is None else {there}"]
            case "record":
                fields = {one["name"]: one["type"] for one in schema["fields"]}
                if attributes:
                    return [part for name, inner in fields.items() for part in within(inner, f"{value}.{name}")]
                whole = f"b'' if len({v} := {value}) == {len(fields)} else refuse('a record')"
                parts = [part for name, inner in fields.items() for part in within(inner, f"{v}[{name!r}]")]
                return [whole, *parts]
            case "array":
                item = self._name()
                there = (
                    f"join((number(len({v})), *[{_joined(within(schema['items'], item))} for {item} in {v}], b'\\0'))"
                )
                return [f"{there} if ({v} := {value}) else b'\\0'"]
            case "fixed":
                return [f"{v} if len({v} := {value}) == {schema['size']} else refuse('a length')"]
            case "bytes":
                return [f"number(len({v} := {value}))", v]
            case "string":
                return [f"number(len({v} := {value}.encode()))", v]
            case "boolean":
                return [f"{self._constant({False: bytes(1), True: bytes((1,))})}[{value}]"]
            case "enum":
                written = {symbol: number(place) for place, symbol in enumerate(schema["symbols"])}
                return [f"{self._constant(written)}[{value}]"]
            case _:
                return [f"number({value}, {BITS[kind]})"]

    def read(self, schema: Schema, indent: str) -> str:
        """Adds the lines that read one value at `at` of `data`; returns an expression of it.

        Slices may reach beyond the end: then `at` does too, and is refused in the end if not before.
        """
        kind, schema = self._resolved(schema)
        v = self._name()

        def add(*lines: str) -> None:
            self.lines.extend(indent + line for line in lines)

        def add_length() -> None:
            add(f"{v} = data[at]")
            add(f"if {v} & 129: {v}, at = read_length(data, at)", f"else: {v} >>= 1; at += 1")

        match kind:
            case "union":
                add(f"{v} = data[at]; at += 1", f"if {v} == 2:")
                there = self.read(schema, indent + "    ")
                add(f"    {v} = {there}", f"elif {v} == 0: {v} = None", "else: refuse('a union')")
            case "record":
                parts = [f"{one['name']!r}: {self.read(one['type'], indent)}" for one in schema["fields"]]
                return f"{{{', '.join(parts)}}}"
            case "array":
                add_length()
                items = self._name()
                add(f"{items} = []", f"if {v}:")
                add(f"    if {v} * {self._least(schema['items'])} > len(data) - at: refuse('a count')")
                add(f"    for _ in range({v}):")
                item = self.read(schema["items"], indent + "        ")
                add(f"        {items}.append({item})", "    if data[at]: refuse('a block')", "    at += 1")
                return items
            case "fixed":
                add(f"{v} = data[at : at + {schema['size']}]; at += {schema['size']}")
            case "bytes" | "string":
                add_length()
                add(f"{v}, at = data[at : at + {v}], at + {v}")
                return v if kind == "bytes" else f"{v}.decode()"
            case "boolean":
                add(f"{v} = {self._constant({0: False, 1: True})}[data[at]]; at += 1")
            case _:
                add(f"{v} = data[at]")
                add(f"if {v} > 127: {v}, at = read_number(data, at, {BITS.get(kind, 32)})")
                add(f"else: {v} = {v} >> 1 ^ -({v} & 1); at += 1")
                if kind == "enum":
                    return f"{self._constant(dict(enumerate(schema['symbols'])))}[{v}]"
        return v

    def _least(self, schema: Schema) -> int:
        """The fewest bytes of one value: no count of more values than there can be is followed."""
        kind, schema = self._resolved(schema)
        if kind == "record":
            return sum(self._least(one["type"]) for one in schema["fields"])
        return int(schema["size"]) if kind == "fixed" else 1


def _joined(pieces: list[str]) -> str:
    return f"({pieces[0]})" if len(pieces) == 1 else f"join(({', '.join(pieces)}))"


def _named(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Every named type of a schema."""
    if isinstance(schema, list):
        for arm in schema:
            yield from _named(arm)
    elif isinstance(schema, dict):
        if "name" in schema:
            yield schema["name"], schema
        for one in schema.get("fields", ()):
            yield from _named(one["type"])
        yield from _named(schema.get("items"))
