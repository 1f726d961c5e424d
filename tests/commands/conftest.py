"""A folder in which a test trains."""

from pathlib import Path

import pytest

from astroNN.cli import main
from tests.commands.training_jobs import write_data


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with data, and a function that trains with a text of settings."""
    write_data(tmp_path)
    monkeypatch.chdir(tmp_path)

    def train(text, *options):
        Path("train.toml").write_text(text)
        return main(["train", "train.toml", *options])

    return train
