"""The functions of the earlier package for Keras: signatures, files, training and transfer, and what they refuse."""

import csv
import inspect

import h5py
import keras
import numpy as np
import pytest

from astroNN.gamornet import _networks, _training_files
from astroNN.gamornet._training import Training
from astroNN.gamornet.keras_module import (
    LocalResponseNormalization,
    check_bools_validity,
    check_imgs_validity,
    check_input_shape_validity,
    check_labels_validity,
    gamornet_build_model_keras,
    gamornet_load_model_keras,
    gamornet_predict_keras,
    gamornet_tl_keras,
    gamornet_train_keras,
    get_model_from_link_keras,
)
from astroNN.shared import _transfer
from tests.gamornet import drop_in
from tests.gamornet.drop_in import (
    BAD_CHOICES,
    BAD_SETTINGS,
    SHAPE,
    amplified,
    arguments,
    galaxies,
    sample,
    shrink_networks,
    step_size,
    unchanged,
    weights_of,
)
from tests.helpers.http_server import FileServer

pytestmark = pytest.mark.slow  # dozens of networks are built and trained

QUIET = {"epochs": 1, "verbose": 0}


@pytest.fixture(scope="module", autouse=True)
def small_networks():
    with pytest.MonkeyPatch.context() as monkeypatch:
        shrink_networks(monkeypatch)
        yield


@pytest.fixture(scope="module")
def trained(small_networks, tmp_path_factory):
    """A trained network, and where it is saved."""
    folder = tmp_path_factory.mktemp("source")
    model = gamornet_train_keras(*sample(), SHAPE, folder, lr=0.01, **QUIET)
    return model, folder / "trained_model.hdf5"


# Signatures ---------------------------------------------------------------------------------------------------------


def test_an_old_script_runs_once_its_import_is_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(drop_in, "EAGER", False)
    monkeypatch.chdir(tmp_path)
    scope = {"sample": sample(), "images": galaxies()[0]}
    exec(
        "from astroNN.gamornet.keras_module import gamornet_predict_keras, gamornet_train_keras, gamornet_tl_keras\n"
        "model = gamornet_train_keras(*sample, (19, 19, 1), './', 1, 1, 64, 0.001, 0.9, 0.1, True)\n"
        "tl = gamornet_tl_keras(*sample, input_shape=(19, 19, 1), load_layers_bools='load_bools_SDSS',\n"
        "    trainable_bools='train_bools_SDSS', model_load_path='model_01.hdf5', files_save_path='tl_', epochs=1)\n"
        "preds = gamornet_predict_keras(images, 'tl_trained_model.hdf5', (19, 19, 1), individual_arrays=True)\n",
        scope,
    )
    disk, indeterminate, bulge = scope["preds"]
    np.testing.assert_allclose(disk + indeterminate + bulge, 1.0, atol=1e-5)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "metrics.csv", "model_01.hdf5", "trained_model.hdf5", "tl_metrics.csv", "tl_trained_model.hdf5",
    }  # fmt: skip


def test_names_order_and_defaults_are_the_documented_ones():
    data = "training_imgs, training_labels, validation_imgs, validation_labels, input_shape"
    eight = "[" + ", ".join(["True"] * 8) + "]"
    documented = {
        gamornet_predict_keras: "(img_array, model_load_path, input_shape, batch_size=64, individual_arrays=False)",
        gamornet_train_keras: f"({data}, files_save_path='./', epochs=100, checkpoint_freq=0, batch_size=64, "
        "lr=0.0001, momentum=0.9, decay=0.0, nesterov=False, loss='categorical_crossentropy', load_model=False, "
        "model_load_path='./', save_model=True, verbose=1)",
        gamornet_tl_keras: f"({data}, load_layers_bools={eight}, trainable_bools={eight}, model_load_path='./', "
        "files_save_path='./', epochs=100, checkpoint_freq=0, batch_size=64, lr=1e-05, momentum=0.9, decay=0.0, "
        "nesterov=False, loss='categorical_crossentropy', save_model=True, verbose=1)",
        LocalResponseNormalization.__init__: "(self, n=5, alpha=0.0001, beta=0.75, k=1.0, name=None, **kwargs)",
    }
    for function, signature in documented.items():
        assert str(inspect.signature(function)) == signature


def test_the_helpers_of_the_earlier_package():
    assert check_input_shape_validity("SDSS") == (167, 167, 1)
    assert check_input_shape_validity([83, 83, 1]) == (83, 83, 1)
    assert check_bools_validity("train_bools_CANDELS") == [False] * 3 + [True] * 5
    assert check_bools_validity("load_bools_CANDELS") == [True] * 6 + [False] * 2
    assert check_bools_validity("load_bools_SDSS") == [True] * 5 + [False] * 3
    assert check_bools_validity("train_bools_SDSS") == [True] * 8
    images, labels = galaxies()
    assert check_imgs_validity(images) is None and check_labels_validity(labels) is None
    with pytest.raises(ValueError, match="`img_array` must have four axes"):
        check_imgs_validity(images[..., 0])
    with pytest.raises(ValueError, match="`labels` must be one-hot"):
        check_labels_validity(labels[:, :2])
    assert gamornet_build_model_keras("CANDELS").input_shape == (None, 83, 83, 1)


# Training -----------------------------------------------------------------------------------------------------------


def test_the_rate_falls_by_the_rule_of_keras_2(tmp_path):
    lr, decay = 0.02, 0.3
    optimizer = Training("keras", 1, 64, lr, 0.8, decay, True, "categorical_crossentropy").optimizer()
    for step in (0, 1, 7, 1000):
        optimizer.iterations.assign(step)
        np.testing.assert_allclose(float(optimizer.learning_rate), lr / (1 + decay * step), rtol=1e-6)
    assert (optimizer.momentum, optimizer.nesterov, optimizer.global_clipnorm) == (0.8, True, None)
    model = gamornet_train_keras(*sample(), SHAPE, None, epochs=2, batch_size=10, lr=lr, decay=decay, verbose=0)
    assert int(model.optimizer.iterations) == 6  # 24 images in batches of 10, twice
    np.testing.assert_allclose(float(model.optimizer.learning_rate), lr / (1 + decay * 6), rtol=1e-6)


def test_without_decay_the_rate_stays_and_a_schedule_is_taken_as_it_is():
    settings = (0.9, 0.0, False, "categorical_crossentropy")
    optimizer = Training("keras", 1, 64, 0.02, *settings).optimizer()
    optimizer.iterations.assign(100)
    np.testing.assert_allclose(float(optimizer.learning_rate), 0.02, rtol=1e-6)
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([5], [0.5, 0.25])
    optimizer = Training("keras", 1, 64, schedule, *settings).optimizer()
    optimizer.iterations.assign(6)
    np.testing.assert_allclose(float(optimizer.learning_rate), 0.25, rtol=1e-6)


def test_the_gradient_is_not_clipped(tmp_path, trained):
    _, file = trained
    before = weights_of(gamornet_load_model_keras(gamornet_build_model_keras(SHAPE), file))
    model = gamornet_tl_keras(
        *sample(), SHAPE, model_load_path=file, files_save_path=None, lr=1e-4, momentum=0, loss=amplified, **QUIET
    )
    assert step_size(before, weights_of(model)) > 1e-4 * 5


@pytest.mark.parametrize("nesterov", [False, True])
def test_two_steps_are_those_of_momentum_by_hand(tmp_path, nesterov):
    images, _ = galaxies()
    labels = np.eye(3)[[0] * len(images)]
    source = gamornet_build_model_keras(SHAPE)
    last = source.layers[-1]
    last.set_weights([np.zeros_like(array) for array in last.get_weights()])
    source.save_weights(tmp_path / "source.weights.h5")
    lr, m = 1e-4, 0.8
    model = gamornet_tl_keras(
        images, labels, images, labels, SHAPE, trainable_bools=[False] * 7 + [True], files_save_path=None, epochs=2,
        model_load_path=tmp_path / "source.weights.h5", lr=lr, momentum=m, nesterov=nesterov, verbose=0,
    )  # fmt: skip
    # All probabilities are 1/3 at first, and within some 1e-3 after the first step, so the gradient stays.
    gradient = np.array([-2, 1, 1]) / 3
    steps = m**2 + 2 * m + 2 if nesterov else m + 2
    np.testing.assert_allclose(model.layers[-1].get_weights()[1], -lr * steps * gradient, rtol=5e-3)


def test_saved_weights_may_be_the_start_of_a_training(trained):
    model, file = trained
    settings = {"files_save_path": None, "lr": 1e-30, "verbose": 0, "epochs": 1}
    again = gamornet_train_keras(*sample(), SHAPE, load_model=True, model_load_path=file, **settings)
    for one, other in zip(weights_of(model), weights_of(again), strict=True):
        np.testing.assert_allclose(one[0], other[0], atol=1e-27)
    afresh = gamornet_train_keras(*sample(), SHAPE, **settings)
    assert not any(unchanged(weights_of(model), weights_of(afresh)))


# Files --------------------------------------------------------------------------------------------------------------


def test_files_have_the_documented_names_and_columns(tmp_path):
    prefix = f"{tmp_path}/new/run_"
    model = gamornet_train_keras(*sample(), SHAPE, prefix, epochs=5, checkpoint_freq=2, verbose=0)
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == ["run_metrics.csv", "run_model_02.hdf5", "run_model_04.hdf5", "run_trained_model.hdf5"]
    with open(f"{prefix}metrics.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3", "4"]
    history = model.history.history
    for name in history:
        np.testing.assert_allclose([float(row[name]) for row in rows], history[name])


def test_a_saved_network_predicts_as_the_trained_one_and_keras_loads_it(trained):
    model, file = trained
    images, _ = galaxies(10, seed=3)
    expected = model.predict(images, verbose=0)
    np.testing.assert_array_equal(gamornet_predict_keras(images, str(file), SHAPE), expected)
    loaded = keras.models.load_model(file)
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), expected)
    assert loaded.optimizer.momentum == 0.9


@pytest.mark.parametrize("nothing", [None, "/dev/null"])
def test_nothing_is_written_where_none_is_wanted(tmp_path, monkeypatch, nothing):
    monkeypatch.chdir(tmp_path)
    gamornet_train_keras(*sample(), SHAPE, nothing, checkpoint_freq=1, **QUIET)
    assert list(tmp_path.iterdir()) == []


def test_a_path_is_a_folder_and_the_network_need_not_be_saved(tmp_path):
    gamornet_train_keras(*sample(), SHAPE, tmp_path / "runs", save_model=False, **QUIET)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["metrics.csv"]


def test_an_interruption_leaves_the_files_of_the_epochs_before(tmp_path, monkeypatch, trained):
    old = trained[1].read_bytes()
    file = tmp_path / "trained_model.hdf5"
    file.write_bytes(old)
    whole = _training_files.save_whole

    def interrupted(model, path, flavour):
        if path.endswith("model_02.hdf5"):
            monkeypatch.setattr(type(model), "save", lambda self, path: (path.write_bytes(b"half"), 1 / 0))
        whole(model, path, flavour)

    monkeypatch.setattr(_training_files, "save_whole", interrupted)
    with pytest.raises(ZeroDivisionError):
        gamornet_train_keras(*sample(), SHAPE, f"{file.parent}/", checkpoint_freq=1, epochs=3, verbose=0)
    assert sorted(path.name for path in file.parent.iterdir()) == ["metrics.csv", "model_01.hdf5", file.name]
    assert file.read_bytes() == old
    assert len((file.parent / "metrics.csv").read_text().splitlines()) == 3


# Transfer learning --------------------------------------------------------------------------------------------------


def test_frozen_layers_keep_their_weights_and_others_learn(trained):
    model, file = trained
    trainable = [False, True, False, True, True, True, False, True]
    tuned = gamornet_tl_keras(
        *sample(), SHAPE, trainable_bools=trainable, model_load_path=file, files_save_path=None, lr=0.1, **QUIET
    )
    assert unchanged(weights_of(model), weights_of(tuned)) == [not is_trained for is_trained in trainable]
    assert trainable == [False, True, False, True, True, True, False, True]


def test_loaded_layers_equal_those_of_the_source_and_the_others_start_afresh(trained):
    model, file = trained
    load = [True, False, True, True, False, True, True, False]
    tuned = gamornet_tl_keras(
        *sample(), SHAPE, load, [False] * 7 + [True], model_load_path=file, files_save_path=None, **QUIET
    )
    assert unchanged(weights_of(model), weights_of(tuned)) == load
    assert load == [True, False, True, True, False, True, True, False]
    assert not any(weights_of(tuned)[layer][1].any() for layer in (1, 4))  # biases start from 0


def test_names_stand_for_lists_in_any_place_and_the_defaults_serve_twice(trained):
    model, file = trained
    settings = {"model_load_path": file, "files_save_path": None, "lr": 0.1, **QUIET}
    tuned = gamornet_tl_keras(*sample(), SHAPE, "train_bools_SDSS", "load_bools_SDSS", **settings)
    assert unchanged(weights_of(model), weights_of(tuned)) == [False] * 5 + [True] * 3
    for _ in range(2):
        tuned = gamornet_tl_keras(*sample(), SHAPE, **settings)
        assert unchanged(weights_of(model), weights_of(tuned)) == [False] * 8


def test_layers_may_come_from_a_network_for_images_of_another_size(tmp_path):
    shape = (40, 40, 1)
    larger = gamornet_train_keras(*sample(6, 3, shape), shape, f"{tmp_path}/", **QUIET)
    tuned = gamornet_tl_keras(
        *sample(), SHAPE, "load_bools_SDSS", [False] * 5 + [True] * 3, tmp_path / "trained_model.hdf5", None, **QUIET
    )
    assert unchanged(weights_of(larger)[:5], weights_of(tuned)[:5]) == [True] * 5


# Predictions --------------------------------------------------------------------------------------------------------


def test_predictions_are_in_the_order_of_the_images_whatever_the_batches(trained):
    model, file = trained
    images, _ = galaxies(11, seed=2)
    alone = np.concatenate([model.predict(image[None], verbose=0) for image in images])
    for batch_size in (1, 4, 64):
        # Sums of some hundred float32, in another order in another batch.
        np.testing.assert_allclose(gamornet_predict_keras(images, file, SHAPE, batch_size), alone, atol=1e-5)
    arrays = gamornet_predict_keras(images, file, SHAPE, individual_arrays=True)
    assert isinstance(arrays, tuple) and all(array.shape == (11,) for array in arrays)
    np.testing.assert_allclose(np.stack(arrays, axis=1), alone, atol=1e-5)


@pytest.mark.parametrize("kind", ["hdf5", "memmap", "float64", "big endian"])
def test_images_from_files_are_read_by_blocks(tmp_path, monkeypatch, trained, kind):
    _, file = trained
    images, _ = galaxies(11, seed=2)
    expected = gamornet_predict_keras(images, file, SHAPE)
    monkeypatch.setattr(_networks, "_BLOCK_BYTES", 3 * images[0].nbytes)
    sizes = []
    real = keras.Model.predict

    def counted(self, block, **settings):
        sizes.append(len(block))
        return real(self, block, **settings)

    monkeypatch.setattr(keras.Model, "predict", counted)
    given = {"float64": images.astype("float64"), "big endian": images.astype(">f4")}
    if kind == "memmap":
        given[kind] = np.memmap(tmp_path / "images", "float32", "w+", shape=images.shape)
        given[kind][:] = images
    with h5py.File(tmp_path / "images.h5", "w") as stream:
        given["hdf5"] = stream.create_dataset("images", data=images)
        predicted = gamornet_predict_keras(given[kind], file, SHAPE, batch_size=3)
    np.testing.assert_allclose(predicted, expected, atol=1e-5)
    assert sizes == [3, 3, 3, 2]


def test_weights_come_from_an_address_and_leave_no_file(tmp_path, monkeypatch, trained):
    model, file = trained
    monkeypatch.setattr(_transfer, "PAUSES", (0.01,))
    monkeypatch.chdir(tmp_path)
    fresh = gamornet_build_model_keras(SHAPE)
    with FileServer({"weights/model.hdf5": file.read_bytes()}) as server:
        assert get_model_from_link_keras(f"{server.url}weights/model.hdf5", fresh) is fresh
        with pytest.raises(ConnectionError):
            get_model_from_link_keras(f"{server.url}none.hdf5", fresh)
    assert all(unchanged(weights_of(model), weights_of(fresh)))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="`link` must be an address"):
        get_model_from_link_keras("model.hdf5", fresh)


# What must not work -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_what_can_not_be_trained_on_is_refused_before_anything_is_written(tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    changes, match = BAD_SETTINGS[case]
    with pytest.raises((ValueError, TypeError), match=match):
        gamornet_train_keras(**arguments(changes, "./"), verbose=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("argument", ["load_layers_bools", "trainable_bools"])
@pytest.mark.parametrize("case", BAD_CHOICES)
def test_lists_of_layers_that_are_none(case, argument):
    choice, match = BAD_CHOICES[case]
    with pytest.raises((ValueError, TypeError), match=f"`{argument}` must be {match}"):
        gamornet_tl_keras(**arguments({argument: choice}))


def test_settings_of_the_keras_flavour_that_are_none(tmp_path):
    for changes, match in (
        ({"checkpoint_freq": -1}, "checkpoint_freq cannot be smaller than 0"),
        ({"verbose": 7}, "`verbose` must be one of"),
        ({"load_model": "yes"}, "`load_model` must be True or False"),
        ({"load_model": True, "model_load_path": None}, "`model_load_path` must be the path"),
    ):
        with pytest.raises((ValueError, TypeError), match=match):
            gamornet_train_keras(**arguments(changes))
    with pytest.raises(ValueError, match="False for every layer: there is nothing to train"):
        gamornet_tl_keras(**arguments({"trainable_bools": [False] * 8}))
    with pytest.raises(FileNotFoundError, match="is a folder, no file of weights"):
        gamornet_tl_keras(**arguments({"model_load_path": str(tmp_path)}))


def test_what_can_not_be_predicted_is_refused(trained, tmp_path):
    _, file = trained
    images, _ = galaxies(5)
    spoilt = images.copy()
    spoilt[3, 2, 2] = np.nan
    for array, match in (
        (images[..., 0], "`img_array` must have four axes"),
        (images[:, :18], r"`img_array` must be images of the shape \(19, 19, 1\)"),
        (spoilt, "`img_array` holds pixels .*the first in image 3"),
        (spoilt.astype("float64"), "`img_array` holds pixels .*the first in image 3"),
        (images[:0], "`img_array` is empty"),
    ):
        with pytest.raises(ValueError, match=match):
            gamornet_predict_keras(array, file, SHAPE)
    with pytest.raises(FileNotFoundError, match="Did you mean 'SDSS_tl'"):
        gamornet_predict_keras(images, "SDSS_t1", SHAPE)
    with pytest.raises(ValueError, match="layer 13"):
        gamornet_predict_keras(np.zeros((2, 40, 40, 1)), file, (40, 40, 1))
    with pytest.raises(ValueError, match="batch_size"):
        gamornet_predict_keras(images, file, SHAPE, batch_size=0)
    truncated = tmp_path / "truncated.hdf5"
    truncated.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(ValueError, match="truncated"):
        gamornet_predict_keras(images, truncated, SHAPE)
