"""Examples on any day: dated when they are run or copied, so that none is refused for a date that has passed."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from notifier import examples
from notifier.notification import parse
from notifier.notification.digest import digest_of
from notifier.notification.timeliness import untimely

FOLDER = Path(__file__).parents[2] / "examples"
FILES = sorted(FOLDER.glob("*.json"))
DAYS = (
    "2025-01-01",
    "2026-11-24",
    "2026-11-25",
    "2027-10-26",
    "2027-10-27",
    "2027-11-21",
    "2030-02-28",
    "2099-12-31",
)


def at(day, hour=12):
    """Unix milliseconds."""
    return int(dt.datetime.combine(dt.date.fromisoformat(day), dt.time(hour), dt.UTC).timestamp() * 1000)


@pytest.mark.parametrize("day", DAYS)
def test_every_example_can_be_submitted_on_any_day(day):
    """At the first hour and the last; the dates keep their distance from each other."""
    for path in FILES:
        written = parse(path.read_text())
        for hour in (0, 23):
            made = parse(examples.dated(json.loads(path.read_text()), at(day, hour)))
            assert untimely(made, at(day, hour)) == [], path.stem
            moved = made.day - written.day
            assert moved.days % 7 == 0
            for name in ("review_date", "erase_date"):
                before, after = (dt.date.fromisoformat(getattr(one, name)) for one in (written, made))
                assert after - before == moved, path.stem


@pytest.mark.parametrize("day", DAYS)
def test_the_examples_of_a_case_still_name_each_other(day):
    """By id and digest, whose text has moved with the dates; on every day of most of a year it is the same text."""
    case = parse(examples.example("case-1-arrest", at(day)))
    for path in FILES:
        made = parse(examples.example(path.stem, at(day)))
        if made.about is not None and made.about.id == json.loads((FOLDER / "case-1-arrest.json").read_text())["id"]:
            assert made.about.digest == digest_of(case), path.stem
    assert examples.example("case-1-arrest", at("2026-11-25")) == examples.example("case-1-arrest", at("2027-10-26"))


def test_only_the_project_s_own_files_are_dated(tmp_path):
    """A copy is somebody's own, and is taken at its word."""
    copy = tmp_path / "arrest.json"
    copy.write_text((FOLDER / "arrest.json").read_text())
    assert examples.is_example(FOLDER / "arrest.json")
    assert not examples.is_example(copy)
    link = tmp_path / "link.json"
    link.symlink_to(FOLDER / "arrest.json")
    assert examples.is_example(link)
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert not examples.is_example(circle / "arrest.json")


def test_a_text_that_need_not_move_is_the_file_s_own():
    """Byte by byte."""
    text = (FOLDER / "arrest.json").read_text()
    assert examples.dated_text(text, at("2026-11-30")) == text
    assert json.loads(examples.dated_text(text, at("2029-01-01")))["review_date"] > "2029-01-01"
