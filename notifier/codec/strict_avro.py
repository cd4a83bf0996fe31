"""A strict Avro codec: each schema is compiled to straight-line functions.

It covers the part of Avro that the formats use, and accepts one encoding of a record: the shortest number, an array
in one block, a boolean of 0 or 1, UTF-8 text, nothing after the end. A record that was read therefore needs no second
encoding to prove its form. The tests compare with fastavro, which reads all of Avro.

The source is generated from packaged schemas alone, never from data. Looking fields up in a schema at run time costs
several times as much.
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
    """Return the zig-zag varint of `value`.

    Raises ValueError where it does not fit, and TypeError for a value that is no whole number.
    """
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
    """Return the number that starts at `at`, and the position after it; raises ValueError for a longer form."""
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
    """Return a count of bytes or items, and the position after it; raises ValueError where it is negative."""
    length, at = read_number(data, at)
    if length < 0:
        raise ValueError("a length is negative")
    return length, at


def refuse(what: str) -> NoReturn:
    """Raise the ValueError of the compiled functions for a value that does not fit."""
    raise ValueError(f"{what} does not fit the schema")


def compiled(schema: Schema, prefix: bytes) -> tuple[Writer, Writer, Reader]:
    """Return two writers and the reader of the record `schema`.

    The first writer takes a dictionary with exactly the schema's fields. The second takes an object with the fields
    as attributes; so do the records inside. Both return `prefix` and the binary form. They raise ValueError,
    TypeError, KeyError or AttributeError.

    The reader takes bytes and the position of the binary form. It raises ValueError, KeyError or IndexError for any
    bytes that a writer would not produce.
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
    """Source of the compiled functions, and the scope in which it runs."""

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
        """Return the kind of a schema, and the schema with its name resolved."""
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
        """Return expressions, in order, for the bytes of the expression `value`."""
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
        """Append lines that read the value at `at` of `data`; return an expression of it.

        A slice may reach beyond the end: then `at` does too, and the final check refuses it.
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
        """Return the fewest bytes of one value; a count that the rest of the data cannot hold is refused by it."""
        kind, schema = self._resolved(schema)
        if kind == "record":
            return sum(self._least(one["type"]) for one in schema["fields"])
        return int(schema["size"]) if kind == "fixed" else 1


def _joined(pieces: list[str]) -> str:
    return f"({pieces[0]})" if len(pieces) == 1 else f"join(({', '.join(pieces)}))"


def _named(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield every named type of a schema, with its name."""
    if isinstance(schema, list):
        for arm in schema:
            yield from _named(arm)
    elif isinstance(schema, dict):
        if "name" in schema:
            yield schema["name"], schema
        for one in schema.get("fields", ()):
            yield from _named(one["type"])
        yield from _named(schema.get("items"))
