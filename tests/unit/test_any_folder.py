"""Any folder holds everything: whatever it is called, a path is never read as a URL, a list or a setting."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import sqlalchemy as sa

from notifier.config import DirectorySettings, address_of, file_of, load, party_config
from notifier.directory.client import DirectoryClient
from notifier.directory.repository import DELEGATED, Repository
from notifier.errors import ConfigError
from notifier.escaping import toml_text
from notifier.runtime import wall_clock
from notifier.sandbox import broker
from notifier.sandbox.layout import MAX_HOME, check_home
from notifier.sandbox.pki import CertificateAuthority
from notifier.storage.database import Database
from notifier.storage.sqlite import MAX_PATH

ROOT = Path(__file__).parents[2]

NAMES = [
    "plain",
    "jürgen",
    "日本語 😀",
    "back\\slash",
    "usb#1",
    "what?",
    "what?x=1&mode=memory",
    "per%41cent",
    "feature%2Fx",
    "a,b, c",
    " spaces ",
    'it\'s "quoted"',
    "$HOME `id` $(id)",
    "a;b|c<d>e*[f]{g}~!",
    "+plus=equals",
    "-rf",
    "--help",
    "colon:s",
    "file:x",
    ":memory:",
    "@at^caret",
    "a" * 255,
]


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture(params=NAMES, ids=range(len(NAMES)))
def folder(request, tmp_path):
    """Return a folder of that name, and nothing beside it."""
    made = tmp_path / request.param
    made.mkdir()
    return made


def settings(path):
    """Return a party's settings in the smallest file."""
    path.write_text(
        'name = "TUR/spoc"\noutbox = "outbox.db"\n'
        '[kafka]\nbootstrap = "h:1"\nca = "c"\ncertificate = "c"\nkey = "k"\n'
        '[directory]\nsource = "d"\nroot = "r"\ncache = "x"\n[keys]\n'
    )
    return load(path)


async def test_a_database_lies_in_the_folder_of_its_configuration(folder):
    """Writers and readers use the same file."""
    address = settings(folder / "config.toml").outbox
    assert file_of(address) == folder / "outbox.db"
    tables = sa.MetaData()
    table = sa.Table("box", tables, sa.Column("text", sa.String))
    made = await Database.open(address, tables, schema="box", version=1)
    async with made.write() as connection:
        await connection.execute(table.insert().values(text="kept"))
    await made.close()
    reading = await Database.open_to_read(address, schema="box", version=1)
    async with reading.read() as connection:
        assert await connection.scalar(sa.select(table.c.text)) == "kept"
    await reading.close()
    assert {one.removesuffix("-shm").removesuffix("-wal") for one in files(folder)} == {"config.toml", "outbox.db"}
    assert list(folder.parent.iterdir()) == [folder]


async def test_a_relative_configuration_names_one_database_wherever_one_stands(folder, monkeypatch):
    """A process that changes its folder keeps its outbox."""
    monkeypatch.chdir(folder)
    address = settings(Path("config.toml")).outbox
    monkeypatch.chdir("/")
    assert file_of(address) == folder / "outbox.db"


def test_a_directory_is_made_signed_and_read_there(folder):
    """Keys are read from files, and clients read the folder, whatever its name would be as a URL."""
    documents = {role: {"version": 1} for role in DELEGATED}
    Repository.create(folder / "directory", folder / "keys", documents, wall_clock())
    assert Repository(folder / "directory", [folder / "keys"], wall_clock()).renew("rules")
    root = folder / "directory" / "1.root.json"
    client = DirectoryClient(DirectorySettings(str(folder / "directory"), root, folder / "cache"))
    with pytest.raises(Exception, match="directory_invalid: directory: must have exactly"):
        client.load()  # all of it was fetched and verified; it only says nothing
    assert any(one.startswith("cache/targets/") for one in files(folder))
    assert list(folder.parent.iterdir()) == [folder]


def test_kafka_is_told_no_path_above_its_own_folder(folder, monkeypatch):
    """Nothing in its settings and on its command line names the home: there is nothing to be read otherwise."""
    calls = []

    class Done:
        returncode = 0

    nodes = [broker.Node(number, broker.node_folder(folder, number), number, 10 + number) for number in (1, 2, 3)]
    monkeypatch.setattr(broker.subprocess, "run", lambda command, **options: calls.append((command, options)) or Done)
    cluster = broker.Cluster(folder, nodes, Path("java"), folder / "cache:of jars")
    cluster.prepare(CertificateAuthority(folder / "pki"))
    commands = [*calls, *((part.command, {"cwd": part.folder}) for part in cluster.parts())]
    assert len(commands) == 6
    for command, options in commands:
        assert not any(str(folder) in word for word in command)
        assert (options["cwd"] / "jars").readlink() == folder / "cache:of jars"
        for name in ("server.properties", "log4j2.properties"):
            text = (options["cwd"] / name).read_bytes()
            assert text.isascii()
            assert str(folder).encode() not in text


def test_a_configuration_written_for_another_reads_as_it_was_meant(folder):
    """A path in TOML is text like any other."""
    text = address_of(folder / "outbox.db")
    assert tomllib.loads(f"outbox = {toml_text(text)}") == {"outbox": text}


@pytest.mark.parametrize("letter", [chr(code) for code in (*range(1, 32), 0x7F, 0x85, 0x202E, 0x1D173)])
def test_no_letter_breaks_out_of_toml(letter):
    """Control characters and what is not seen, too."""
    assert tomllib.loads(f"outbox = {toml_text(letter)}") == {"outbox": letter}


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_any_of_them_can_be_a_home(tmp_path, name):
    """The check lets them all through."""
    check_home(Path("/") / name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("two\nlines", "line break"),
        ("bell\x07", "control character"),
        ("next\x85line", "control character"),
        ("line\u2028separator", "line break"),
        ("latin-1 \udcfc", "not UTF-8"),
        ("a/" * (MAX_HOME // 2), f"a home's may have {MAX_HOME}"),
    ],
)
def test_what_cannot_be_a_home_is_refused_in_words(name, words):
    """Before anything is written."""
    with pytest.raises(ConfigError, match=words):
        check_home(Path("/") / name / "home")


async def test_a_path_that_sqlite_cannot_open_is_named(tmp_path):
    """At the limit it opens, and beyond it says what the limit is."""
    rest = MAX_PATH - len(str(tmp_path))
    while rest > 200:
        tmp_path /= "d" * 100
        rest -= 101
    tables = sa.MetaData()
    fits = tmp_path / ("f" * (rest - 1))
    made = await Database.open(address_of(fits), tables, schema="box", version=1)
    await made.close()
    with pytest.raises(ConfigError, match="may have 504 bytes"):
        await Database.open(address_of(tmp_path / ("f" * rest)), tables, schema="box", version=1)


def test_every_party_fits_below_the_longest_home(tmp_path):
    """The longest name of a party is what the limit of a home is reckoned from."""
    longest = party_config(Path("/"), "INTERPOL/oversight").parent / "outbox.db"
    assert MAX_HOME + len(str(longest)) == MAX_PATH


def test_no_address_is_pasted_together_with_a_path():
    """A path goes to a library as a path: no line of code builds an address from one."""
    pasted = re.compile(r"""f["'](?:file2?|sqlite):[^"']*\{|from_priv_key_uri|\bfile2:""")
    once = {"notifier/storage/sqlite.py": 1}  # escaped, for the driver that opens a file only to read it
    found = {
        path.relative_to(ROOT).as_posix(): len(hits)
        for path in (ROOT / "notifier").rglob("*.py")
        if (hits := pasted.findall(path.read_text()))
    }
    assert found == once
