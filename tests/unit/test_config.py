"""Settings: every wrong key is named by its path, all at once."""

from __future__ import annotations

import pytest

from notifier.config import MAX_FAULTS, load
from notifier.errors import ConfigError


def refusal(tmp_path, text):
    """Return what the error says about a file with this text, after the file's name."""
    path = tmp_path / "party.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    return caught.value.detail.removeprefix(f"{path}: ").split("; ")


def test_every_wrong_key_is_named_at_once(tmp_path):
    """A wrong kind, a missing key, an unknown key and a missing table, each by its path."""
    text = """
name = ""
colour = 1
log_folder = 7
[kafka]
bootstrap = "h:1"
ca = 7
key = "k"
[directory]
source = "d"
root = "r"
cache = "x"
grace_seconds = true
[oversees."TUR/spoc"]
outbox = "o"
more = 1
"""
    assert sorted(refusal(tmp_path, text)) == [
        "[keys] is missing or no table",
        "colour is not a setting",
        "directory.grace_seconds must be a whole number, zero or more",
        "kafka.ca must be text",
        "kafka.certificate is mandatory text",
        "log_folder must be text",
        "name must be text",
        "oversees.TUR/spoc.key is mandatory text",
        "oversees.TUR/spoc.more is not a setting",
    ]


def test_an_error_is_one_line_of_some_length(tmp_path):
    """However many keys are wrong."""
    said = refusal(tmp_path, "".join(f"a{number} = 1\n" for number in range(100)))
    assert len(said) == MAX_FAULTS + 1
    assert said[-1] == "and 94 more"
