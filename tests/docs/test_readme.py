"""What the README claims in its badges is what the package declares."""

import re
import tomllib
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def badges():
    """Left and right text of every badge."""
    text = (ROOT / "README.rst").read_text(encoding="utf-8")
    found = re.findall(r"^\.\. \|\w+\| image:: https://img\.shields\.io/badge/(\S+)-(\S+)-\w+$", text, re.MULTILINE)
    assert len(found) == text.count("image:: https://img.shields.io")
    return {unquote(left).replace("_", " "): unquote(right).replace("_", " ") for left, right in found}


def test_the_badges_are_true():
    (lowest,) = re.findall(r">=([\d.]+)", PROJECT["requires-python"])
    assert badges()["Python"] == f"{lowest} or later"
    assert badges()["licence"] == PROJECT["license"]
    engines = badges()["Keras 3"].lower().split(" | ")
    assert engines[0] in " ".join(PROJECT["dependencies"])
    assert set(engines[1:]) == {"jax", "torch"} <= set(PROJECT["optional-dependencies"])


def test_the_paper_of_the_badge_is_that_to_cite():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    journal, volume, page = re.fullmatch(r"(\w+) (\d+), (\d+)", badges()["paper"]).groups()
    assert journal == "MNRAS"
    assert f"volume: {volume}" in citation
    assert page in citation
