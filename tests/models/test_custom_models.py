"""Classes of the user's own are found again, and code that came in a folder runs only on the user's word."""

import shutil
import textwrap

import pytest

from astroNN.models import load_folder

CLASS = """
import keras
from astroNN.models import CNNBase

class {name}(CNNBase):
    origin = "{origin}"

    def __init__(self):
        super().__init__()
        self.lr, self.input_norm_mode, self.max_epochs, self.val_size, self.verbose = 0.01, 2, 1, 0.0, 0

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        labels = keras.layers.Dense(self._labels_shape["output"], name="output")(keras.layers.Flatten()(spectra))
        return keras.Model(spectra, labels)
"""
TRAIN = (
    CLASS
    + """
import numpy as np
rng = np.random.default_rng(0)
net = {name}()
net.fit(rng.normal(size=(40, 8)), rng.normal(size=(40, 2)))
net.save("run")
"""
)
LOAD = """
from astroNN.models import load_folder
net = load_folder({folder!r}{arguments})
print(net.origin)
"""


@pytest.fixture(scope="module")
def stranger(run_python, tmp_path_factory):
    """Folder of a network whose class no other process knows."""
    place = tmp_path_factory.mktemp("stranger")
    run_python(TRAIN.format(name="Stranger", origin="script"), cwd=place)
    return place / "run"


def code(folder, origin, name="Stranger", file="custom_models.py"):
    (folder / file).write_text(textwrap.dedent(CLASS.format(name=name, origin=origin)))


@pytest.fixture
def with_code(stranger, tmp_path):
    """The folder with a Python file in it, as people share them."""
    folder = tmp_path / "shared"
    shutil.copytree(stranger, folder)
    code(folder, "folder")
    return folder


def test_code_in_a_folder_does_not_run_unless_the_user_says_so(with_code):
    (with_code / "custom_models.py").write_text("raise SystemExit('the code ran')")
    with pytest.raises(TypeError, match="custom_models.py.*trust_custom_code=True"):
        load_folder(with_code)


def test_trusted_code_of_the_folder_is_used(with_code):
    assert load_folder(with_code, trust_custom_code=True).origin == "folder"


def test_two_folders_with_files_of_one_name_keep_their_own_classes(with_code, stranger, tmp_path, monkeypatch):
    other = tmp_path / "other"
    shutil.copytree(stranger, other)
    code(other, "another")
    settings = tmp_path / "config.ini"
    settings.write_text("[NeuralNet]\ntrust_custom_code = True\n")
    monkeypatch.setenv("ASTRONN_CONFIG", str(settings))
    assert [load_folder(folder).origin for folder in (other, with_code, other)] == ["another", "folder", "another"]


@pytest.mark.slow
@pytest.mark.parametrize("as_file", [True, False], ids=["file", "folder"])
def test_the_configuration_names_where_classes_stand(stranger, run_python, tmp_path, as_file):
    place = tmp_path / "mine"
    place.mkdir()
    code(place, "configured", file="py_model.py")
    settings = tmp_path / "config.ini"
    settings.write_text(f"[NeuralNet]\ncustommodelpath = {place / 'py_model.py' if as_file else place}\n")
    script = LOAD.format(folder=str(stranger), arguments="")
    result = run_python(script, cwd=tmp_path, ASTRONN_CONFIG=str(settings))
    assert result.stdout.split()[-1] == "configured"


def test_a_configured_file_that_is_missing_is_named(stranger, tmp_path, monkeypatch):
    settings = tmp_path / "config.ini"
    settings.write_text(f"[NeuralNet]\ncustommodelpath = {tmp_path / 'gone.py'}\n")
    monkeypatch.setenv("ASTRONN_CONFIG", str(settings))
    with pytest.raises(FileNotFoundError, match="gone.py.*custommodelpath"):
        load_folder(stranger)


@pytest.mark.slow
def test_a_class_of_the_session_is_found_by_its_name_before_the_code_of_the_folder(with_code, run_python, tmp_path):
    script = CLASS.format(name="Stranger", origin="session")
    script += LOAD.format(folder=str(with_code), arguments=", trust_custom_code=True")
    assert run_python(script, cwd=tmp_path).stdout.split()[-1] == "session"


def test_without_any_class_of_that_name_the_error_tells_the_ways(stranger):
    with pytest.raises(TypeError, match="Unknown model identifier -> Stranger.*custom_models=Stranger"):
        load_folder(stranger)
