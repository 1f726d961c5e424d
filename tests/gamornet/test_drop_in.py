"""What the drop-in modules share: signatures, names of lists, rates, blocks of images, files; and a run of each."""

import csv
import inspect
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import h5py
import keras
import numpy as np
import pytest

from astroNN.gamornet import _training_files
from astroNN.gamornet._drop_in_checks import in_float32
from astroNN.gamornet._networks import found_weights, new_model, probabilities_of
from astroNN.gamornet._training import Training
from astroNN.gamornet._training_files import LatestSnapshots, MetricsFile, file_prefix, make_folder, save_whole
from astroNN.gamornet.keras_module import LocalResponseNormalization, check_bools_validity
from astroNN.shared import blocks
from tests.gamornet.drop_in import FUNCTIONS, SHAPE, galaxies, sample, shrink_networks

DATA = "training_imgs, training_labels, validation_imgs, validation_labels, input_shape"
EIGHT = "[" + ", ".join(["True"] * 8) + "]"
DOCUMENTED = {
    ("keras", "predict"): "(img_array, model_load_path, input_shape, batch_size=64, individual_arrays=False)",
    ("keras", "train"): f"({DATA}, files_save_path='./', epochs=100, checkpoint_freq=0, batch_size=64, lr=0.0001, "
    "momentum=0.9, decay=0.0, nesterov=False, loss='categorical_crossentropy', load_model=False, "
    "model_load_path='./', save_model=True, verbose=1)",
    ("keras", "tl"): f"({DATA}, load_layers_bools={EIGHT}, trainable_bools={EIGHT}, model_load_path='./', "
    "files_save_path='./', epochs=100, checkpoint_freq=0, batch_size=64, lr=1e-05, momentum=0.9, decay=0.0, "
    "nesterov=False, loss='categorical_crossentropy', save_model=True, verbose=1)",
    ("tflearn", "predict"): "(img_array, model_load_path, input_shape, batch_size=64, individual_arrays=False, "
    f"trainable_bools={EIGHT}, clear_session=False)",
    ("tflearn", "train"): f"({DATA}, files_save_path='./', epochs=100, max_checkpoints=1, batch_size=64, lr=0.0001, "
    "momentum=0.9, decay=0.0, nesterov=False, loss='categorical_crossentropy', load_model=False, "
    "model_load_path='./', save_model=True, show_metric=True, clear_session=False)",
    ("tflearn", "tl"): f"({DATA}, load_layers_bools={EIGHT}, trainable_bools={EIGHT}, model_load_path='./', "
    "files_save_path='./', epochs=100, max_checkpoints=1, batch_size=64, lr=1e-05, momentum=0.9, decay=0.0, "
    "nesterov=False, loss='categorical_crossentropy', save_model=True, show_metric=True, clear_session=False)",
}


# Signatures and names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("flavour", "kind"), DOCUMENTED)
def test_names_order_and_defaults_are_the_documented_ones(flavour, kind):
    assert str(inspect.signature(getattr(FUNCTIONS[flavour], kind))) == DOCUMENTED[flavour, kind]


def test_the_layer_of_normalisation_has_the_documented_defaults():
    signature = str(inspect.signature(LocalResponseNormalization.__init__))
    assert signature == "(self, n=5, alpha=0.0001, beta=0.75, k=1.0, name=None, **kwargs)"


def test_documented_names_stand_for_their_lists_and_none_is_consumed():
    for _ in range(2):
        assert check_bools_validity("train_bools_SDSS") == [True] * 8
        assert check_bools_validity("train_bools_CANDELS") == [False] * 3 + [True] * 5
        assert check_bools_validity("load_bools_SDSS") == [True] * 5 + [False] * 3
        assert check_bools_validity("load_bools_CANDELS") == [True] * 6 + [False] * 2
        check_bools_validity("load_bools_SDSS").clear()
    own = [True, False] * 4
    for bools in (own, tuple(own), np.array(own)):
        assert check_bools_validity(bools) == [True, False] * 4
    assert check_bools_validity(own) is not own


# Where weights are --------------------------------------------------------------------------------------------------


def test_a_prefix_is_that_of_a_checkpoint_or_of_a_snapshot_of_today(tmp_path):
    names = (
        "check-0.index",
        "check-1.index",
        "check-1.weights.h5",
        "check-2.weights.h5",
        "check-3",
        "check-3.weights.h5",
    )
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.warns(UserWarning, match=r"check-1.weights.h5, which is taken, and .* check-1.index, which is not"):
        assert found_weights("tflearn", tmp_path / "check-1") == tmp_path / "check-1.weights.h5"
    for given, found in (
        ("check-0", "check-0"),
        ("check-1.index", "check-1"),
        ("check-2", "check-2.weights.h5"),
        ("check-2.weights.h5", "check-2.weights.h5"),
        ("check-3", "check-3"),
    ):
        for source in (tmp_path / given, f"{tmp_path}/{given}"):
            assert str(found_weights("tflearn", source)) == f"{tmp_path}/{found}"
    with pytest.raises(FileNotFoundError, match="no file .*check-2"):
        found_weights("keras", tmp_path / "check-2")


@pytest.mark.parametrize("flavour", FUNCTIONS)
def test_names_of_released_weights_are_not_those_of_files_and_the_other_way_round(tmp_path, monkeypatch, flavour):
    monkeypatch.chdir(tmp_path)
    for name in ("SDSS_tl", "SDSS_tl.weights.h5"):
        (tmp_path / name).write_bytes(b"")
        assert found_weights(flavour, "SDSS_tl") == "SDSS_tl"
    for source in ("./SDSS_tl", Path("SDSS_tl")):
        assert found_weights(flavour, source) == tmp_path / "SDSS_tl"


# Learning rates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flavour", "decay", "rule"),
    [
        ("keras", 0.3, lambda step: 1 / (1 + 0.3 * step)),
        ("tflearn", 0.9, lambda step: 0.9 ** (step / 100)),
        ("keras", 0.0, lambda step: 1.0),
        ("tflearn", 0.0, lambda step: 1.0),
    ],
)
def test_the_rate_falls_by_the_rule_of_its_flavour(flavour, decay, rule):
    optimizer = Training(flavour, 1, 64, 0.02, 0.8, decay, True, "categorical_crossentropy").optimizer()
    for step in (0, 1, 7, 100, 1730):
        optimizer.iterations.assign(step)
        # Powers are taken in float32: their error grows with the logarithm of the result, -1.8 at the most.
        np.testing.assert_allclose(float(optimizer.learning_rate), 0.02 * rule(step), rtol=2e-6)
    limit = {"keras": None, "tflearn": 5.0}[flavour]
    assert (optimizer.momentum, optimizer.nesterov, optimizer.global_clipnorm) == (0.8, True, limit)


@pytest.mark.parametrize("flavour", FUNCTIONS)
def test_a_schedule_is_taken_as_it_is(flavour):
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([5], [0.5, 0.25])
    optimizer = Training(flavour, 1, 64, schedule, 0.9, 0.0, False, "categorical_crossentropy").optimizer()
    for step, rate in ((5, 0.5), (6, 0.25)):
        optimizer.iterations.assign(step)
        assert float(optimizer.learning_rate) == rate


# Blocks of images ---------------------------------------------------------------------------------------------------


class Pixels:
    """In place of a network: gives the first pixel of every image, in its three bands, and remembers the blocks."""

    def __init__(self):
        self.sizes, self.dtypes = [], set()

    def predict(self, images, batch_size, verbose, callbacks):
        self.sizes.append(len(images))
        self.dtypes.add(images.dtype)
        for batch in range(-(-len(images) // batch_size)):
            for callback in callbacks:
                callback.on_predict_batch_end(batch)
        return images[:, 0, 0].copy()  # a view would keep the block


@pytest.fixture
def small_blocks(monkeypatch):
    """Room for three images of 5x4 pixels and three bands."""
    monkeypatch.setattr(blocks, "_MOST_BYTES", 3 * 5 * 4 * 3 * 4)


@pytest.mark.parametrize("kind", ["float32", "hdf5", "memmap", "part of a memmap", "float64", "big endian", "int16"])
def test_all_but_arrays_of_float32_in_memory_are_read_by_blocks_and_kept_in_order(tmp_path, small_blocks, kind):
    images = np.random.default_rng(0).integers(-1000, 1000, (11, 5, 4, 3))
    model = Pixels()
    dtypes = {"float64": "float64", "big endian": ">f4", "int16": "int16"}
    given = images.astype(dtypes.get(kind, "float32"))
    with h5py.File(tmp_path / "images.h5", "w") as stream:
        if kind == "hdf5":
            given = stream.create_dataset("images", data=given)
        if "memmap" in kind:
            given = np.memmap(tmp_path / "images", "float32", "w+", shape=images.shape)
            given[:] = images
        predicted = probabilities_of(model, np.asarray(given[:]) if "part" in kind else given, batch_size=3)
    np.testing.assert_array_equal(predicted, images[:, 0, 0])
    assert model.sizes == ([11] if kind == "float32" else [3, 3, 3, 2])
    assert model.dtypes == {np.dtype("float32")}


@pytest.mark.parametrize(("batch_size", "sizes"), [(1, [3, 3, 3, 2]), (2, [2, 2, 2, 2, 2, 1]), (64, [11])])
def test_blocks_are_whole_batches_but_for_the_last(small_blocks, batch_size, sizes):
    images = np.random.default_rng(0).normal(0.0, 1.0, (11, 5, 4, 3))
    model = Pixels()
    predicted = probabilities_of(model, images, batch_size)
    np.testing.assert_array_equal(predicted, images[:, 0, 0].astype("float32"))
    assert model.sizes == sizes


def test_one_bar_moves_over_all_blocks(small_blocks, capsys):
    probabilities_of(Pixels(), np.zeros((11, 5, 4, 3)), 2, verbose=1)
    err = capsys.readouterr().err
    assert err.count("100%") == 1 and "11/11" in err
    probabilities_of(Pixels(), np.zeros((11, 5, 4, 3)), 2)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_the_first_image_with_a_bad_pixel_is_named(small_blocks, dtype, value):
    images = np.zeros((11, 5, 4, 3), dtype)
    images[7, 4, 3, 2] = images[9, 0, 0, 0] = value
    with pytest.raises(ValueError, match="`img_array` holds pixels that are NaN or infinite .*first in image 7"):
        probabilities_of(Pixels(), images, 2)


@pytest.mark.parametrize("kind", ["hdf5", "memmap"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_memory_does_not_grow_with_the_number_of_images_in_a_file(tmp_path, monkeypatch, kind, dtype):
    most = 2**18
    monkeypatch.setattr(blocks, "_MOST_BYTES", most)
    shape = (3000, 20, 20, 3)  # 14 MB in float32
    with h5py.File(tmp_path / "images.h5", "w") as stream:
        images = stream.create_dataset("images", shape, dtype)
        if kind == "memmap":
            images = np.memmap(tmp_path / "images", dtype, "w+", shape=shape)
        tracemalloc.start()
        try:
            probabilities_of(Pixels(), images, 4)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    # Of a block what was read (twice the size in float64), its float32 and those of the block before, and the flags
    # of its pixels; and the results, of 36 kB.
    assert peak < 5 * most


def test_arrays_of_float32_are_not_copied():
    images, _ = galaxies()
    assert np.shares_memory(in_float32(images), images)


# Files --------------------------------------------------------------------------------------------------------------


def test_a_text_is_put_in_front_of_names_and_a_path_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for given, metrics in (
        ("./", "./metrics.csv"),
        ("", "metrics.csv"),
        ("runs/", "runs/metrics.csv"),
        ("runs", "runsmetrics.csv"),
        ("runs/first_", "runs/first_metrics.csv"),
        ("~/runs/", f"{tmp_path}/runs/metrics.csv"),
        (tmp_path / "runs", f"{tmp_path}/runs/metrics.csv"),
    ):
        assert f"{file_prefix(given)}metrics.csv" == metrics
    assert file_prefix(None) is file_prefix("/dev/null") is None
    assert list(tmp_path.iterdir()) == []
    make_folder(f"{tmp_path}/new/folder/first_")
    make_folder(f"{tmp_path}/new/folder/first_")
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "folder"]


def test_a_folder_that_can_not_be_written_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        make_folder(f"{tmp_path}/file/first_")
    monkeypatch.setattr(_training_files.os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="`files_save_path`: the folder .* can't be written"):
        make_folder(f"{tmp_path}/")


def test_the_table_of_epochs_is_whole_after_each(tmp_path):
    file = tmp_path / "metrics.csv"
    file.write_text("of an earlier training")
    callback = MetricsFile(file)
    callback.on_train_begin()
    assert file.read_text() == "of an earlier training"
    logs = {"loss": np.float32(0.5), "accuracy": 0.25, "val_loss": np.nan, "val_accuracy": 1.0, "other": 3.0}
    for epoch in range(2):
        callback.on_epoch_end(epoch, logs)
        with open(file, newline="") as stream:
            rows = list(csv.reader(stream))
        assert rows[0] == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
        assert rows[1:] == [[str(row), "0.25", "0.5", "1.0", "nan"] for row in range(epoch + 1)]
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_network_that_could_not_be_written_leaves_the_old_one(tmp_path, error):
    class Interrupted:
        def save(self, path):
            path.write_bytes(b"half")
            raise error

    file = tmp_path / "trained_model.hdf5"
    file.write_bytes(b"of an earlier training")
    with pytest.raises(error):
        save_whole(Interrupted(), file, "keras")
    assert file.read_bytes() == b"of an earlier training"
    assert list(tmp_path.iterdir()) == [file]


def test_a_snapshot_that_could_not_be_written_leaves_the_one_before(tmp_path):
    class Model:
        optimizer = SimpleNamespace(iterations=np.int64(0))

        def save_weights(self, path):
            h5py.File(path, "w").close()
            if self.optimizer.iterations == 20:
                raise KeyboardInterrupt

    callback = LatestSnapshots(f"{tmp_path}/check_", 1, "tflearn")
    callback.set_model(Model())
    for step in (10, 15):
        Model.optimizer.iterations = np.int64(step)
        callback.on_epoch_end(0)
    assert [path.name for path in tmp_path.iterdir()] == ["check_check-15.weights.h5"]
    Model.optimizer.iterations = np.int64(20)
    with pytest.raises(KeyboardInterrupt):
        callback.on_epoch_end(1)
    assert [path.name for path in tmp_path.iterdir()] == ["check_check-15.weights.h5"]


# Networks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", FUNCTIONS)
def test_bands_are_on_the_last_axis_whatever_the_configuration_of_keras(monkeypatch, flavour):
    shrink_networks(monkeypatch)
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        model = new_model(flavour, (40, 20, 2))
    finally:
        keras.config.set_image_data_format(before)
    convolutions = [layer.output.shape for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    # Of 40x20 pixels every fourth, then every second.
    assert convolutions == [(None, 10, 5, 4), (None, 5, 3, 5), (None, 3, 2, 6), (None, 3, 2, 6), (None, 3, 2, 4)]
    assert {layer.data_format for layer in model.layers if hasattr(layer, "data_format")} == {"channels_last"}


# A run of each ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flavour", "names", "trained"),
    [
        ("keras", {"a_metrics.csv", "a_model_01.hdf5", "a_trained_model.hdf5"}, "a_model_01.hdf5"),
        ("tflearn", {"a_check-1.weights.h5"}, "a_check-1"),
    ],
)
def test_a_network_is_trained_written_and_read_for_predictions(tmp_path, monkeypatch, flavour, names, trained):
    shrink_networks(monkeypatch)
    predict, train, _ = FUNCTIONS[flavour]
    settings = {"checkpoint_freq": 1, "verbose": 0} if flavour == "keras" else {}
    model = train(*sample(), SHAPE, f"{tmp_path}/a_", epochs=1, lr=0.01, **settings)
    assert {path.name for path in tmp_path.iterdir()} == names
    images, _ = galaxies(5, seed=2)
    arrays = predict(images, f"{tmp_path}/{trained}", SHAPE, 64, True)
    assert isinstance(arrays, tuple) and all(array.shape == (5,) for array in arrays)
    # Sums of some hundred float32, in another order if they are computed in other batches.
    np.testing.assert_allclose(np.stack(arrays, axis=1), model.predict_on_batch(images), atol=1e-5)
