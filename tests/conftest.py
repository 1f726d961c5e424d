"""What all tests share: settings of their own, the real data beside the repository, and backends."""

import gc
import importlib.util
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

# Test modules import astroNN and Keras while they are collected, before any fixture runs: this must come first.
# Every worker of pytest-xdist imports this file, and gets a folder of its own.
_settings_folder = tempfile.TemporaryDirectory(prefix="astroNN-tests-")
os.environ["ASTRONN_CONFIG"] = str(Path(_settings_folder.name) / "config.ini")
os.environ["KERAS_HOME"] = str(Path(_settings_folder.name) / "keras")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["MPLBACKEND"] = "Agg"
if os.environ["KERAS_BACKEND"] == "jax":
    # Tests compile much and compute little: without its optimiser JAX takes half the time.
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

LONG_FILES = {
    "test_cli",
    "test_downloads",
    "test_every_network",
    "test_import_paths",
    "test_jacobian_by_hand",
    "test_legacy",
    "test_losses_properties",
    "test_main_job",
}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    # A network without a seed, and a layer, draw theirs from here: a test that fails fails again.
    random.seed(item.nodeid)


def pytest_collection_finish():
    # All modules are there by now, with a million objects that no collection needs to look at again.
    gc.freeze()


def pytest_unconfigure():
    _settings_folder.cleanup()


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config, log):
    """One worker has all tests of a file, so that networks made for a file are trained once."""
    from xdist.scheduler import LoadFileScheduling

    # Not those with most tests first, but in the order of `pytest_collection_modifyitems`.
    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


def pytest_collection_modifyitems(items):
    # No worker shall begin with one of these when the others are about to end.
    items.sort(key=lambda item: item.path.stem not in LONG_FILES)
    backend = os.environ["KERAS_BACKEND"]
    if backend == "tensorflow":
        return
    skip = pytest.mark.skip(reason=f"needs the TensorFlow backend of Keras, and this is {backend}")
    for item in items:
        if "tensorflow_only" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def load_benchmark():
    """The scripts whose figures the documentation shows, by name, as modules."""

    def load(name):
        path = Path(__file__).resolve().parents[1] / "benchmarks" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"{name}_benchmark", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the real spectra, which stands beside the repository."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real spectra (../shared/data beside the repository) are not here")
    return folder


@pytest.fixture(scope="session")
def run_python():
    """Run a script in a fresh process; returns the finished process."""

    def run(script, cwd, backend=None, check=True, **environment):
        backend = backend or os.environ["KERAS_BACKEND"]
        if importlib.util.find_spec({"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}[backend]) is None:
            pytest.skip(f"{backend} is not installed")
        import astroNN

        paths = [str(Path(astroNN.__file__).parents[1]), os.environ.get("PYTHONPATH")]
        variables = os.environ | {
            "KERAS_BACKEND": backend,
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **environment,
        }
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=cwd, env=variables, capture_output=True, text=True, timeout=300
        )
        if check:
            assert done.returncode == 0, done.stderr[-3000:]
        return done

    return run
