"""Galaxy10: fetched whole, read whole or from the disk; names of classes; the confusion matrix."""

import hashlib
import inspect
import io

import h5py
import numpy as np
import pytest

from astroNN.datasets import galaxy10, galaxy10sdss, load_galaxy10, load_galaxy10sdss
from tests.helpers.http_server import FileServer

pytestmark = pytest.mark.one_backend

MODULES = [galaxy10, galaxy10sdss]


@pytest.fixture(params=MODULES, ids=["DECaLS", "SDSS"])
def catalogue(request, monkeypatch, tmp_path):
    """A small catalogue on a server in place of the large one, and the module that loads it."""
    rng = np.random.default_rng(0)
    images, classes = rng.integers(0, 255, (12, 8, 8, 3)).astype("u1"), rng.integers(0, 10, 12).astype("u1")
    written = io.BytesIO()
    with h5py.File(written, "w") as file:
        file["images"], file["ans"] = images, classes
    body = written.getvalue()
    module = request.param
    monkeypatch.setattr(module._CATALOGUE, "sha256", hashlib.sha256(body).hexdigest().upper())
    monkeypatch.setattr(module._CATALOGUE, "size", None)
    monkeypatch.setattr("astroNN.config.astroNN_CACHE_DIR", str(tmp_path / "cache"), raising=False)
    with FileServer({f"mirror/{module._filename}": body}) as server:
        settings = tmp_path / "config.ini"
        archive = module.__name__.rpartition(".")[2]
        settings.write_text(f"[Downloads]\n{archive} = {server.url}mirror/\n")
        monkeypatch.setenv("ASTRONN_CONFIG", str(settings))
        server.module, server.images, server.classes = module, images, classes
        server.path = tmp_path / "cache" / "datasets" / module._filename
        yield server


def test_the_images_are_fetched_once_and_read(catalogue):
    for _ in range(2):
        images, classes = catalogue.module.load_data()
        np.testing.assert_array_equal(images, catalogue.images)
        np.testing.assert_array_equal(classes, catalogue.classes)
        assert type(images) is np.ndarray and images.dtype == "u1" and classes.dtype == int
    assert len(catalogue.requests) == 1
    catalogue.module.load_data(flag=1)
    assert len(catalogue.requests) == 2


def test_a_damaged_file_is_fetched_again(catalogue):
    catalogue.path.parent.mkdir(parents=True)
    catalogue.path.write_bytes(b"not what it was")
    images, _ = catalogue.module.load_data()
    np.testing.assert_array_equal(images, catalogue.images)


def test_images_may_stay_on_the_disk(catalogue):
    images, classes = catalogue.module.load_data(in_memory=False)
    assert isinstance(images, h5py.Dataset) and images.shape == (12, 8, 8, 3)
    np.testing.assert_array_equal(images[3:5], catalogue.images[3:5])
    assert classes.shape == (12,)


def test_a_file_that_is_wrong_on_the_server_is_refused(catalogue):
    catalogue.files[f"mirror/{catalogue.module._filename}"] = b"\x89HDF\r\n\x1a\nbut another one"
    with pytest.raises(ConnectionError, match="another checksum"):
        catalogue.module.load_data()
    assert not catalogue.path.exists()


def test_the_published_files_are_known():
    assert (load_galaxy10, load_galaxy10sdss) == (galaxy10.load_data, galaxy10sdss.load_data)
    assert galaxy10._filename == "Galaxy10_DECals.h5" and galaxy10._CATALOGUE.sha256.startswith("19AEFC47")
    assert galaxy10sdss._filename == "Galaxy10.h5" and galaxy10sdss._CATALOGUE.size == 210_234_548
    assert galaxy10._G10_ORIGIN == "https://zenodo.org/records/10845026/files/"
    assert galaxy10sdss._G10_ORIGIN == "https://zenodo.org/records/10844811/files/"


@pytest.mark.parametrize("module", MODULES)
def test_help_tells_what_the_functions_take_and_give(module):
    for function, signature, word in (
        (
            module.load_data,
            "(flag=None, in_memory=True)",
            "(17736, 256, 256, 3) of DECaLS, (21785, 69, 69, 3) of",
        ),
        (module.galaxy10cls_lookup, "(class_num)", "scores of all classes"),
        (module.galaxy10_confusion, "(confusion_mat)", "row the prediction, column the truth"),
    ):
        assert str(inspect.signature(function)) == signature
        assert word in inspect.getdoc(function)


def test_no_other_name_appears_by_itself():
    with pytest.raises(AttributeError, match="galaxy10sdss' has no attribute '_G10'"):
        galaxy10sdss._G10  # noqa: B018


@pytest.mark.parametrize(("module", "first", "last"), [
    (galaxy10, "Disturbed", "Edge-on with Bulge"),
    (galaxy10sdss, "Disk, Face-on, No Spiral", "Disk, Face-on, Loose Spiral"),
])  # fmt: skip
def test_names_of_classes(module, first, last):
    lookup = module.galaxy10cls_lookup
    assert (lookup(0), lookup(9), lookup(np.int64(9))) == (first, last, last)
    assert lookup(np.log(np.eye(10, dtype="float32")[9] + 1e-30)) == lookup([-np.inf] * 9 + [0.0]) == last
    assert lookup(np.eye(10)[9]) == lookup(np.eye(10)[9].tolist()) == last
    assert module.Galaxy10Class == {number: lookup(number) for number in range(10)}
    assert len(set(module.Galaxy10Class.values())) == 10


@pytest.mark.parametrize(
    "number",
    [-1, 10, 2.5, np.inf, -np.inf, np.nan, "Merging", np.ones(9), np.ones((2, 10)), [np.nan] * 10, ["1"] * 10, None],
)
@pytest.mark.parametrize("module", MODULES)
def test_numbers_that_no_class_has(module, number):
    with pytest.raises(ValueError, match="galaxy10cls_lookup"):
        module.galaxy10cls_lookup(number)


@pytest.mark.parametrize("module", MODULES)
def test_the_confusion_matrix_shows_all_counts_at_their_places(module, tmp_path):
    matrix = np.arange(100).reshape(10, 10)
    figure, axes = module.galaxy10_confusion(matrix)
    assert tuple(figure.get_size_inches()) == (10, 10.5)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Truth", "Prediction")
    # Written at (truth, prediction): columns to the right, rows downwards.
    assert {text.get_position(): text.get_text() for text in axes.texts} == {
        (column, row): str(matrix[row, column]) for row in range(10) for column in range(10)
    }
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(module.Galaxy10Class.values())
    assert axes.images[0].get_cmap().name == "Blues"
    figure.savefig(tmp_path / "confusion.png")
    with pytest.raises(ValueError, match=r"row and a column for each of the 10 classes, got shape \(9, 9\)"):
        module.galaxy10_confusion(np.ones((9, 9)))
