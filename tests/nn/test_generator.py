"""Batches: every star once an epoch, rows of inputs, labels and weights kept together, whatever stores the data."""

import h5py
import keras
import numpy as np
import pytest

from astroNN.nn.utilities.generator import BatchGenerator

N = 23
SPECTRA = np.arange(N, dtype="float32")[:, None] + np.zeros(4, "float32")  # row k holds the number k


def generator(rows=None, source=SPECTRA, targets=None, **settings):
    rows = np.arange(N) if rows is None else rows
    targets = {"output": SPECTRA[:, :1] * 10} if targets is None else targets
    settings = {"batch_size": 5} | settings
    return BatchGenerator(lambda index: {"input": source[index]}, rows, targets, **settings)


def order(batches):
    return np.concatenate([batches[k][0]["input"][:, 0] for k in range(len(batches))]).astype(int)


def test_batches_hold_every_row_once_and_the_last_one_the_remainder():
    batches = generator()
    assert len(batches) == 5 and [len(batches[k][0]["input"]) for k in range(5)] == [5, 5, 5, 5, 3]
    np.testing.assert_array_equal(order(batches), np.arange(N))


def test_without_a_random_generator_the_given_order_is_kept():
    rows = np.array([7, 2, 9])
    batches = generator(rows, batch_size=2)
    batches.on_epoch_end()
    np.testing.assert_array_equal(order(batches), rows)


def test_inputs_labels_errors_and_weights_stay_with_their_star():
    columns = {"labels_err": SPECTRA[:, :2] + 100}
    targets = {"output": SPECTRA[:, :1] * 10, "variance_output": SPECTRA[:, :1] * 10}
    settings = {"columns": columns, "sample_weight": np.arange(N) + 0.5, "rng": np.random.default_rng(0)}
    batches = generator(np.arange(3, 20), targets=targets, **settings)
    for k in range(len(batches)):
        x, y, weight = batches[k]
        star = x["input"][:, 0]
        np.testing.assert_array_equal(x["labels_err"][:, 1], star + 100)
        np.testing.assert_array_equal(y["output"][:, 0], star * 10)
        np.testing.assert_array_equal(y["variance_output"], y["output"])
        np.testing.assert_array_equal(weight, star + 0.5)


def test_targets_may_be_one_array():
    x, y = generator(targets=SPECTRA)[1]
    np.testing.assert_array_equal(y, x["input"])


def test_each_epoch_is_shuffled_anew_and_a_seed_repeats_it():
    first, again = (generator(rng=np.random.default_rng(3)) for _ in range(2))
    epochs = []
    for _ in range(2):
        np.testing.assert_array_equal(order(first), order(again))
        assert sorted(order(first)) == list(range(N))
        epochs.append(order(first))
        first.on_epoch_end()
        again.on_epoch_end()
    assert (epochs[0] != epochs[1]).any() and (epochs[0] != np.arange(N)).any()


def test_asking_twice_for_a_batch_gives_the_same():
    batches = generator(rng=np.random.default_rng(3))
    np.testing.assert_array_equal(batches[2][0]["input"], batches[2][0]["input"])


def test_the_callers_rows_are_not_shuffled():
    rows = np.arange(N)
    generator(rows, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(rows, np.arange(N))


def test_shuffled_batches_are_read_from_an_hdf5_file(tmp_path):
    with h5py.File(tmp_path / "spectra.h5", "w") as file:
        stored = file.create_dataset("spectra", data=SPECTRA)
        by_file = order(generator(source=stored, rng=np.random.default_rng(3)))
    np.testing.assert_array_equal(by_file, order(generator(rng=np.random.default_rng(3))))


@pytest.mark.parametrize("weighted", [False, True])
def test_a_network_trains_on_every_star_once_an_epoch(weighted):
    weights = np.arange(N, dtype="float32") if weighted else None
    batches = generator(targets=SPECTRA[:, :1], sample_weight=weights, rng=np.random.default_rng(0))
    x = keras.Input((4,), name="input")
    net = keras.Model({"input": x}, keras.layers.Dense(1, kernel_initializer="zeros", trainable=False)(x))
    net.compile("sgd", loss="mse")
    # The network answers 0, so that the loss is the (weighted) sum of the squared labels over the number of stars.
    history = net.fit(batches, epochs=2, shuffle=False, verbose=0).history["loss"]
    k = np.arange(N, dtype=float)
    np.testing.assert_allclose(history, (k**3 if weighted else k**2).sum() / N, rtol=1e-5)
