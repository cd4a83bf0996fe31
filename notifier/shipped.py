"""Folders of the files that ship with the software, in a checkout and in an installation."""

from __future__ import annotations

from pathlib import Path


def examples_folder() -> Path:
    """Return the folder of the examples: inside the package when installed, else at the top of the project."""
    packaged = Path(__file__).parent / "example_files"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "examples"


def schemas_folder() -> Path:
    """Return the folder of the Avro schemas: inside the package when installed, else at the top of the project."""
    packaged = Path(__file__).parent / "schemas" / "avro"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "schemas" / "avro"
