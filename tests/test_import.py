"""What `import astroNN` does and leaves undone, seen in a fresh process."""

import json
import subprocess
import sys

import pytest

import astroNN


def modules_after(code):
    """Names of the modules loaded in a fresh process once it has run `code`."""
    program = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("code", ["import astroNN", "import astroNN.config", "from astroNN import version"])
def test_importing_the_package_loads_no_heavy_module(code):
    assert not modules_after(code) & {"keras", "tensorflow", "jax", "torch", "astropy", "matplotlib", "numpy"}


@pytest.mark.parametrize("room", ["apogee", "data"])
def test_rooms_of_surveys_load_no_network_library(room):
    assert not modules_after(f"import astroNN; astroNN.{room}") & {"keras", "tensorflow", "jax", "torch"}


def test_importing_the_package_writes_no_settings(tmp_path):
    settings = tmp_path / "config.ini"
    modules_after(f"import os; os.environ['ASTRONN_CONFIG'] = {str(settings)!r}; import astroNN.config")
    assert not settings.exists()


def test_an_unknown_room_is_an_attribute_error_that_names_the_rooms():
    with pytest.raises(AttributeError, match="no attribute 'telescopes'.*apogee"):
        astroNN.telescopes  # noqa: B018


def test_every_room_is_listed_and_can_be_loaded():
    rooms = {name for name in dir(astroNN) if name in astroNN._ROOMS}
    assert rooms == set(astroNN._ROOMS)
    for room in rooms:
        assert getattr(astroNN, room).__name__ == f"astroNN.{room}"


def test_version_is_given_under_both_names():
    assert astroNN.version == astroNN.__version__ and astroNN.version[0].isdigit()


def test_gamornet_has_the_modules_and_the_version_of_the_earlier_package():
    import astroNN.gamornet

    assert astroNN.gamornet.__version__ == astroNN.__version__
    assert astroNN.gamornet.keras_module.gamornet_predict_keras
    assert {"keras_module", "tflearn_module", "load_weights"} <= set(dir(astroNN.gamornet))
