"""Generators of established scripts: every row once, in step, and in Keras' own `fit` and `predict`."""

import io

import h5py
import keras
import numpy as np
import pytest
from tqdm import tqdm

from astroNN.models.base_bayesian_cnn import BayesianCNNDataGenerator, BayesianCNNPredDataGenerator
from astroNN.models.base_cnn import CNNDataGenerator, CNNPredDataGenerator
from astroNN.nn.utilities.data_generators import CVAEDataGenerator, CVAEPredDataGenerator
from astroNN.nn.utilities.generator import GeneratorBase, GeneratorMaster

N = 23
NUMBERS = np.arange(N, dtype="float32")
SPECTRA = NUMBERS[:, None] + np.zeros(4, "float32")  # row k holds the number k
TRAINING = [CNNDataGenerator, BayesianCNNDataGenerator, CVAEDataGenerator]
PREDICTION = [CNNPredDataGenerator, BayesianCNNPredDataGenerator, CVAEPredDataGenerator]


def order(batches):
    return np.concatenate([batch["input"].reshape(len(batch["input"]), -1)[:, 0] for batch in batches]).astype(int)


def bar():
    return tqdm(total=N, file=io.StringIO())


def test_a_base_generator_yields_every_row_once_in_a_new_order_each_epoch():
    batches = GeneratorBase({"input": SPECTRA}, batch_size=5, np_rng=0)
    assert len(batches) == 5
    epochs = []
    for _ in range(2):
        epochs.append(order(batches))
        assert sorted(epochs[-1]) == list(range(N))
        batches.on_epoch_end()
    assert (epochs[0] != epochs[1]).any()


def test_a_seed_repeats_the_order_and_so_does_that_of_keras():
    def first_order(**settings):
        return GeneratorBase(SPECTRA, **settings).idx_list

    np.testing.assert_array_equal(first_order(np_rng=3), first_order(np_rng=np.random.default_rng(3)))
    drawn = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        drawn.append(first_order())
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()


def test_items_are_taken_from_arrays_dictionaries_and_lists_without_new_axes():
    data = {"a": SPECTRA, "b": [NUMBERS, (NUMBERS * 2,)]}
    batches = GeneratorBase(data, batch_size=10, shuffle=False)
    batch = batches[2]
    assert batch["a"].shape == (3, 4)
    np.testing.assert_array_equal(batch["b"][0], [20, 21, 22])
    np.testing.assert_array_equal(batch["b"][1][0], [40, 42, 44])
    np.testing.assert_array_equal(batches.get_idx_item(NUMBERS, [4, 2]), [4, 2])


def test_a_loop_over_a_generator_ends_and_batches_count_from_the_end_too():
    batches = GeneratorBase(NUMBERS, batch_size=10, shuffle=False)
    assert [len(batch) for batch in batches] == [10, 10, 3]
    np.testing.assert_array_equal(batches[-1], [20, 21, 22])
    with pytest.raises(IndexError, match="Batch 3 was asked for; there are 3"):
        batches[3]


def test_fewer_steps_may_be_asked_for_but_not_more_than_there_are():
    assert len(list(GeneratorBase(NUMBERS, batch_size=5, steps_per_epoch=N // 5))) == 4
    with pytest.raises(ValueError, match="`steps_per_epoch` must be a whole number, from 1 to 5.*got 6"):
        GeneratorBase(NUMBERS, batch_size=5, steps_per_epoch=6)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, True, "many"])
def test_a_batch_size_that_is_none_is_refused(batch_size):
    with pytest.raises(ValueError, match="`batch_size` must be a whole number, at least 1"):
        GeneratorBase(NUMBERS, batch_size=batch_size)


def test_rows_that_do_not_match_are_refused_with_their_names():
    with pytest.raises(ValueError, match="`data/0/input` 23, `data/1/output` 22"):
        CNNDataGenerator(5, True, None, [{"input": SPECTRA}, {"output": SPECTRA[1:]}])
    with pytest.raises(ValueError, match="must be an array, or a dictionary"):
        GeneratorBase({"input": 3.0})
    with pytest.raises(ValueError, match="has no rows"):
        GeneratorBase(NUMBERS[:0])


def test_shuffled_batches_are_read_from_an_hdf5_file(tmp_path):
    with h5py.File(tmp_path / "spectra.h5", "w") as file:
        stored = file.create_dataset("spectra", data=SPECTRA)
        by_file = order(GeneratorBase({"input": stored}, batch_size=5, np_rng=3))
    np.testing.assert_array_equal(by_file, order(GeneratorBase({"input": SPECTRA}, batch_size=5, np_rng=3)))


def test_the_master_adds_an_axis_for_channels_where_there_is_none():
    data = {"spectra": np.ones((N, 7)), "images": np.ones((N, 6, 5)), "colours": np.ones((N, 6, 5, 3))}
    batches = GeneratorMaster(5, False, None, data)
    checked = batches.input_d_checking(data, np.arange(2))
    shapes = {name: array.shape for name, array in checked.items()}
    assert shapes == {"spectra": (2, 7, 1), "images": (2, 6, 5, 1), "colours": (2, 6, 5, 3)}
    for bad in (NUMBERS, np.ones((N, 1, 1, 1, 1))):
        with pytest.raises(ValueError, match="Unsupported data dimension of input 'bad'"):
            batches.input_d_checking({"bad": bad}, np.arange(2))


def test_the_order_is_a_copy_and_shuffled_only_if_asked():
    rows = list(range(10))
    plain, shuffled = (GeneratorMaster(5, shuffle, None, NUMBERS, np_rng=0) for shuffle in (False, True))
    np.testing.assert_array_equal(plain._get_exploration_order(rows), rows)
    drawn = shuffled._get_exploration_order(rows)
    assert sorted(drawn) == rows == list(range(10)) and list(drawn) != rows


@pytest.mark.parametrize("manual", [False, True])
def test_a_manual_reset_keeps_the_order_until_it_comes(manual):
    batches = GeneratorMaster(5, True, None, NUMBERS, manual_reset=manual, np_rng=0)
    before = batches.idx_list
    batches.on_epoch_end()
    assert (batches.idx_list == before).all() == manual
    batches.reset()
    assert (batches.idx_list != before).any()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", TRAINING)
def test_inputs_labels_and_weights_stay_with_their_star(kind, weighted):
    weights = NUMBERS + 0.5 if weighted else None
    data = [{"input": SPECTRA, "labels_err": SPECTRA[:, :2] + 100}, {"output": SPECTRA[:, :2] * 10}]
    seen = []
    for batch in kind(5, True, None, data, sample_weight=weights, np_rng=0):
        x, y = batch[:2]
        star = x["input"][:, 0, 0]
        n = len(star)
        assert x["input"].shape == (n, 4, 1) and x["labels_err"].shape == (n, 2)
        assert y["output"].shape == ((n, 2, 1) if kind is CVAEDataGenerator else (n, 2))
        np.testing.assert_array_equal(x["labels_err"][:, 1], star + 100)
        np.testing.assert_array_equal(y["output"].reshape(n, 2)[:, 0], star * 10)
        assert len(batch) == 2 + weighted
        if weighted:
            np.testing.assert_array_equal(batch[2], star + 0.5)
        seen.extend(star)
    assert sorted(seen) == list(range(N))


@pytest.mark.parametrize("kind", PREDICTION)
def test_a_prediction_covers_the_remainder_and_its_bar_ends_at_the_rows(kind):
    progress = bar()
    batches = kind(5, False, None, [{"input": SPECTRA}], pbar=progress)
    np.testing.assert_array_equal(order(batches), np.arange(N))
    assert progress.n == N
    order(batches)  # reading again moves nothing
    assert progress.n == N


def test_steps_that_would_lose_rows_are_warned_of_and_not_taken():
    with pytest.warns(UserWarning, match="4 batches of 5 leave out some of the 23 rows; all 5 batches"):
        batches = CNNPredDataGenerator(5, False, N // 5, [{"input": SPECTRA}])
    np.testing.assert_array_equal(order(batches), np.arange(N))


def test_bare_arrays_get_the_established_names():
    x, y = CNNDataGenerator(5, False, None, [SPECTRA, NUMBERS])[0]
    assert list(x) == ["input"] and list(y) == ["output"]
    assert list(CVAEPredDataGenerator(5, False, None, [SPECTRA], key_name="spectra")[0]) == ["spectra"]


@pytest.mark.parametrize(("kind", "data"), [(CNNDataGenerator, [SPECTRA]), (CNNPredDataGenerator, SPECTRA)])
def test_data_of_another_form_are_refused(kind, data):
    with pytest.raises(ValueError, match=r"`data` must be a list \[inputs"):
        kind(5, False, None, data)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [CNNDataGenerator, BayesianCNNDataGenerator])
def test_keras_trains_on_every_star_once_an_epoch(kind, weighted):
    x = keras.Input((4, 1), name="input")
    zeros = keras.layers.Dense(1, kernel_initializer="zeros", name="output")(keras.layers.Flatten()(x))
    net = keras.Model({"input": x}, {"output": zeros})
    net.compile(keras.optimizers.SGD(0.0), loss="mse")
    weights = NUMBERS if weighted else None
    batches = kind(5, True, None, [{"input": SPECTRA}, {"output": SPECTRA[:, :1]}], sample_weight=weights, np_rng=0)
    history = net.fit(batches, epochs=2, verbose=0).history["loss"]
    # The network answers 0: the loss is the (weighted) sum of the squared labels over the number of stars.
    np.testing.assert_allclose(history, (NUMBERS.astype(float) ** (3 if weighted else 2)).sum() / N, rtol=1e-5)


def test_keras_trains_an_autoencoder_on_every_star_once_an_epoch():
    x = keras.Input((4, 1), name="input")
    net = keras.Model({"input": x}, {"output": keras.layers.Dense(1, kernel_initializer="zeros", name="output")(x)})
    net.compile(keras.optimizers.SGD(0.0), loss="mse")
    batches = CVAEDataGenerator(5, True, None, [{"input": SPECTRA}, {"output": SPECTRA}], np_rng=0)
    history = net.fit(batches, epochs=2, verbose=0).history["loss"]
    np.testing.assert_allclose(history, (NUMBERS.astype(float) ** 2).sum() / N, rtol=1e-5)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("kind", PREDICTION)
def test_keras_predicts_every_row_in_order_and_the_bar_ends_at_the_rows(kind, workers):
    x = keras.Input((4, 1), name="input")
    net = keras.Model({"input": x}, keras.layers.Flatten()(x))
    progress = bar()
    batches = kind(5, False, None, [{"input": SPECTRA}], pbar=progress, workers=workers)
    np.testing.assert_array_equal(net.predict(batches, verbose=0), SPECTRA)
    assert progress.n == N
