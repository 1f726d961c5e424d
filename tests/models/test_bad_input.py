"""Data and settings that can't be used: each gives its own error, and no training starts."""

import numpy as np
import pytest

from astroNN.config import MAGIC_NUMBER
from astroNN.models import ApogeeBCNN, ApogeeCNN


@pytest.fixture(scope="module")
def data(stars):
    """What a training is given, to be spoilt one by one."""
    return {"input_data": stars.spectra[:80], "labels": stars.labels[:80]}


def refused(network, data, match, kind=ValueError, **spoilt):
    """Training raises an error that matches, and has not begun."""
    with pytest.raises(kind, match=match):
        network.fit(**(data | spoilt))
    assert network.keras_model is None
    assert network.history is None


def spoil(array, where, value):
    copy = np.array(array)
    copy[where] = value
    return copy


networks = pytest.mark.parametrize("network", [ApogeeCNN, ApogeeBCNN])


# Rows and shapes ---------------------------------------------------------------------------------------------


@networks
def test_labels_of_another_row_count(network, data):
    refused(network(), data, "`labels` 79", labels=data["labels"][:-1])


def test_a_row_count_is_also_an_index_error_as_in_older_versions(data):
    refused(ApogeeCNN(), data, "row counts", IndexError, labels=data["labels"][:-1])


@pytest.mark.parametrize("name", ["labels_err", "inputs_err"])
def test_errors_of_another_shape(data, name):
    like = data["labels" if name == "labels_err" else "input_data"]
    refused(ApogeeBCNN(), data, f"`{name}` must have the shape", **{name: np.ones(like[:-1].shape)})
    refused(ApogeeBCNN(), data, f"`{name}` must have the shape", **{name: np.ones(like[:, :-1].shape)})


@pytest.mark.parametrize("name", ["sample_weight", "groups"])
@networks
def test_weights_or_groups_for_another_number_of_stars(network, data, name):
    refused(network(), data, f"`{name}` must have one value for each of the 80 stars", **{name: np.ones(79)})


@networks
def test_a_mask_of_another_shape(network, data):
    refused(network(), data, "`mask` for 'input' has shape", mask=np.zeros((80, 59), bool))


def test_a_mask_that_is_a_bitmask(data):
    bits = np.zeros(data["input_data"].shape, int)
    bits[3, 4] = 1 << 12
    refused(ApogeeCNN(), data, "`mask`.*bitmask_boolean", mask=bits)


def test_a_mask_for_an_unknown_input(data):
    refused(ApogeeCNN(), data, "`mask` names the input 'spectra'", mask={"spectra": data["input_data"] > 2})


@pytest.mark.parametrize("n_pixels", [59, 61, 8575])
def test_spectra_of_the_wrong_length_for_a_trained_network(cnn, bcnn, n_pixels):
    for net in (cnn, bcnn):
        weights = net.get_weights()
        wrong = np.ones((10, n_pixels), "float32")
        for ask in (
            net.predict,
            net.jacobian,
            lambda x, net=net: net.evaluate(x, np.ones((10, 2))),
            lambda x, net=net: net.fit(x, np.arange(20.0).reshape(10, 2)),
        ):
            with pytest.raises(ValueError, match=f"`input_data`.*60.*{n_pixels}"):
                ask(wrong)
        assert all((a == b).all() for a, b in zip(weights, net.get_weights(), strict=True))


def test_spectra_that_still_have_the_chip_gaps_are_told_what_to_do():
    from astroNN.shared.checks import check_known_shape

    with pytest.raises(ValueError, match="gap_delete"):
        check_known_shape("input_data", "input", (8575, 1), (7514, 1))


def test_another_number_of_labels_for_a_trained_network(cnn, stars):
    with pytest.raises(ValueError, match="`labels`: this network was built for 2 labels, got 1"):
        cnn.fit(stars.spectra, stars.labels[:, :1])
    with pytest.raises(ValueError, match="`labels`: this network was built for 2 labels, got 3"):
        cnn.evaluate(stars.spectra, np.ones((320, 3)))


# Values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
@networks
def test_infinite_pixels(network, data, infinity):
    refused(
        network(),
        data,
        r"`input_data` holds infinite values \(the first in row 7\)",
        input_data=spoil(data["input_data"], (7, 3), infinity),
    )


def test_infinite_pixels_in_a_prediction(cnn, bcnn, data):
    for net in (cnn, bcnn):
        with pytest.raises(ValueError, match="`input_data` holds infinite values"):
            net.predict(spoil(data["input_data"], (7, 3), np.inf))


@networks
def test_infinite_labels(network, data):
    refused(network(), data, "`labels` holds infinite values", labels=spoil(data["labels"], (7, 1), np.inf))


@pytest.mark.parametrize("filler", [np.nan, MAGIC_NUMBER])
@networks
def test_a_column_of_labels_that_no_star_has(network, data, filler):
    net = network()
    net.targetname = ["teff", "logg"]
    refused(
        net,
        data,
        r"`labels`: every value is missing in column 1 \(logg\)",
        labels=spoil(data["labels"], (slice(None), 1), filler),
    )


@pytest.mark.parametrize("filler", [np.nan, MAGIC_NUMBER])
@networks
def test_a_training_star_without_a_good_pixel(network, data, filler):
    refused(
        network(),
        data,
        r"`input_data`: 2 of 80 stars have no good pixel \(the first in row 11\)",
        input_data=spoil(data["input_data"], [11, 30], filler),
    )


@networks
def test_a_training_star_whose_pixels_are_all_masked(network, data):
    mask = np.zeros(data["input_data"].shape, bool)
    mask[11] = True
    mask[11, 0] = False
    spectra = spoil(data["input_data"], (11, 0), np.nan)  # the last pixel is missing for another reason
    refused(network(), data, "`input_data`: 1 of 80 stars", input_data=spectra, mask=mask)


@pytest.mark.parametrize("name", ["labels_err", "inputs_err"])
def test_negative_errors(data, name):
    like = data["labels" if name == "labels_err" else "input_data"]
    errors = spoil(np.ones(like.shape), (3, 1), -0.5)
    refused(ApogeeBCNN(), data, f"`{name}` holds negative errors", **{name: errors})


@pytest.mark.parametrize("name", ["labels_err", "inputs_err"])
def test_infinite_errors(data, name):
    like = data["labels" if name == "labels_err" else "input_data"]
    errors = spoil(np.ones(like.shape), (3, 1), np.inf)
    refused(ApogeeBCNN(), data, f"`{name}` holds infinite errors", **{name: errors})


def test_negative_errors_in_a_prediction(bcnn, data):
    with pytest.raises(ValueError, match="`inputs_err` holds negative errors"):
        bcnn.predict(data["input_data"], -np.ones(data["input_data"].shape))


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_weights_that_are_no_weights(data, weight):
    weights = spoil(np.ones(80), 4, weight)
    refused(ApogeeCNN(), data, "`sample_weight` must be finite and not negative", sample_weight=weights)


# What is no array of numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["input_data", "labels"])
@networks
def test_object_dtype(network, data, name):
    refused(network(), data, f"`{name}` has dtype object", TypeError, **{name: data[name].astype(object)})


@pytest.mark.parametrize("name", ["input_data", "labels"])
def test_texts(data, name):
    refused(ApogeeCNN(), data, f"`{name}` has dtype <U", TypeError, **{name: data[name].astype(str)})


def test_complex_numbers(data):
    refused(ApogeeCNN(), data, "`input_data` has dtype complex", TypeError, input_data=data["input_data"] * 1j)


def test_rows_of_unequal_length(data):
    rows = [row[: 60 - i % 2] for i, row in enumerate(data["input_data"].tolist())]
    refused(ApogeeCNN(), data, "`input_data`", (TypeError, ValueError), input_data=rows)


@pytest.mark.parametrize("name", ["input_data", "labels"])
@networks
def test_empty_arrays(network, data, name):
    refused(network(), data, f"`{name}` is empty", **{name: data[name][:0]})
    refused(network(), data, f"`{name}` is empty", **{name: data[name][:, :0]})


def test_an_empty_array_in_a_prediction(cnn, bcnn):
    for net in (cnn, bcnn):
        with pytest.raises(ValueError, match="`input_data` is empty"):
            net.predict(np.empty((0, 60)))


@pytest.mark.parametrize("name", ["input_data", "labels"])
def test_nothing(data, name):
    refused(ApogeeCNN(), data, f"`{name}` is None", **{name: None})


def test_a_single_number(data):
    refused(ApogeeCNN(), data, "`input_data` is empty or a single number", input_data=3.0)


@pytest.mark.parametrize("name", ["input_data", "labels"])
def test_dictionaries_without_the_needed_name(data, name):
    refused(ApogeeCNN(), data, f"`{name}`.*without the key", **{name: {"spectra": data[name]}})


def test_inputs_that_the_trained_network_does_not_have(cnn, data):
    with pytest.raises(ValueError, match="`input_data` must have the inputs"):
        cnn.predict({"input": data["input_data"], "aux": data["input_data"]})


# Settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mc_num", [1, 0, 2.0, None])
def test_fewer_than_two_passes(data, mc_num):
    net = ApogeeBCNN()
    net.mc_num = mc_num
    refused(net, data, "mc_num cannot be smaller than 2", AttributeError)


@pytest.mark.parametrize("val_size", [-0.1, 1.0, 2])
@networks
def test_a_validation_fraction_out_of_range(network, data, val_size):
    net = network()
    net.val_size = val_size
    refused(net, data, "val_size")


@networks
def test_an_unknown_task(network, data):
    net = network()
    net.task = "guessing"
    refused(net, data, "guessing", RuntimeError)


@networks
def test_an_unknown_normalisation(network, data):
    net = network()
    net.input_norm_mode = 77
    refused(net, data, "77")


@pytest.mark.parametrize("seed", [-1, 1.5])
def test_a_seed_that_is_none(data, seed):
    net = ApogeeCNN()
    net.seed = seed
    refused(net, data, "seed")


@pytest.mark.parametrize("name", ["batch_size", "max_epochs"])
@pytest.mark.parametrize("value", [0, -5, 2.5])
def test_sizes_that_are_none(data, name, value):
    net = ApogeeCNN()
    setattr(net, name, value)
    refused(net, data, name)


def test_a_wrong_choice_for_an_existing_folder(cnn, tmp_path):
    with pytest.raises(ValueError, match="`if_exists`"):
        cnn.save(tmp_path / "run", if_exists="overwrite")
    assert list(tmp_path.iterdir()) == []
