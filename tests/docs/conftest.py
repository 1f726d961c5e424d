"""The scripts of the documentation, as modules."""

import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="session")
def load_script():
    """A script in ``docs/``, by name."""

    def load(name):
        spec = importlib.util.spec_from_file_location(f"docs_{name}", FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
