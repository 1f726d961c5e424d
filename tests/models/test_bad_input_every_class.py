"""Bad input to every ready-made network: each is refused by name before a network is built."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest

import astroNN.models
from astroNN.models import BayesianCNNBase, CNNBase, ConvVAEBase

pytestmark = pytest.mark.one_backend

N = 12
OF_IMAGES = ("classes", "echelle", "galaxies")
KINDS = {
    "ApogeeCNN": "spectra", "StarNet2017": "spectra", "ApogeeBCNN": "spectra", "ApogeeBCNNaux": "spectra",
    "ApogeeBCNNCensored": "censored", "ApogeeDR14GaiaDR2BCNN": "gaia", "SimplePolyNN": "any",
    "ApogeeKeplerEchelle": "echelle", "Cifar10CNN": "classes", "Galaxy10CNN": "classes", "MNIST_BCNN": "classes",
    "GaMorNet": "galaxies", "GaMorNetBCNN": "galaxies", "ApogeeCVAE": "autoencoder",
    "ApokascEncoderDecoder": "autoencoder",
}  # fmt: skip


@dataclass
class Data:
    """Good data of one network, to be spoilt."""

    inputs: dict
    labels: np.ndarray

    def with_main(self, array):
        return Data({**self.inputs, "input": array}, self.labels)

    @property
    def main(self):
        return self.inputs["input"]


def good(name):
    rng = np.random.default_rng(0)
    kind = KINDS[name]
    n_pixels = {"censored": 7514, "gaia": 7517}.get(kind, 64)
    n_labels = {"censored": 22, "gaia": 1}.get(kind, 2)
    if kind in OF_IMAGES:
        inputs = {"input": rng.integers(0, 255, (N, 28, 30)).astype("float32")}
        if kind != "echelle":
            n_classes = 3 if kind == "galaxies" else 10
            return Data(inputs, np.eye(n_classes)[rng.integers(0, n_classes, N)])
        return Data(inputs | {"aux": rng.normal(size=(N, 2))}, rng.normal(size=(N, 2)))
    spectra = rng.normal(1.0, 0.1, (N, n_pixels)).astype("float32")
    return Data({"input": spectra}, spectra if kind == "autoencoder" else rng.normal(size=(N, n_labels)))


@pytest.fixture(params=KINDS)
def name(request):
    return request.param


@pytest.fixture
def net(name, monkeypatch):
    """A network whose graph must not be built: the checks come first."""
    made = getattr(astroNN.models, name)()
    made.verbose = 0
    monkeypatch.setattr(type(made), "_build", lambda self: pytest.fail("the network was built"))
    return made


def refused(net, data, match, kinds=ValueError):
    with pytest.raises(kinds, match=match):
        net.fit(data.inputs if len(data.inputs) > 1 else data.main, data.labels)
    assert not net.has_model and net.history is None and net.input_normalizer is None


# For all --------------------------------------------------------------------------------------------------------


def test_no_good_pixel(net, name):
    data = good(name)
    refused(net, data.with_main(np.full(data.main.shape, np.nan)), "`input_data`: 12 of 12 stars have no good pixel")


def test_no_label(net, name):
    data = good(name)
    data.labels = np.full(data.labels.shape, np.nan)
    refused(net, data, "`(labels|input_recon_target)`: every value.* is missing")


@pytest.mark.parametrize("which", ["input", "labels"])
def test_no_star(net, name, which):
    data = good(name)
    data = data.with_main(data.main[:0]) if which == "input" else Data(data.inputs, data.labels[:0])
    refused(net, data, r"`(input_data|labels|input_recon_target)(\['input'\])?` is empty")


@pytest.mark.parametrize("wrong", [str, complex, object])
@pytest.mark.parametrize("which", ["input", "labels"])
def test_no_numbers(net, name, which, wrong):
    data = good(name)
    data = (
        data.with_main(data.main.astype(wrong)) if which == "input" else Data(data.inputs, data.labels.astype(wrong))
    )
    refused(net, data, r"`(input_data|labels|input_recon_target)(\['input'\])?` has dtype", TypeError)


def test_rows_that_do_not_pair_up(net, name):
    data = good(name)
    refused(net, Data(data.inputs, data.labels[1:]), "`input_data` 12.*`(labels|input_recon_target)` 11", IndexError)


@pytest.mark.parametrize("extra_axes", [3, 5])
def test_too_many_axes(net, name, extra_axes):
    if KINDS[name] == "any":
        pytest.skip("a polynomial takes numbers in any shape")
    data = good(name)
    shape = data.main.shape + (2,) * extra_axes
    refused(net, data.with_main(np.ones(shape)), "`input_data` of .* must be (spectra|images), of shape")


def test_spectra_for_images_and_images_for_spectra(net, name):
    if KINDS[name] == "any":
        pytest.skip("a polynomial takes numbers in any shape")
    data = good(name)
    images = KINDS[name] in OF_IMAGES
    wrong = data.main.reshape(N, -1) if images else np.ones((N, 8, 8))
    needed = "images, of shape .*height, width" if images else "spectra, of shape .*n_pixels"
    refused(net, data.with_main(wrong), f"`input_data` of {name} must be {needed}")


def test_fewer_pixels_than_the_layers_need(net, name):
    if KINDS[name] == "any":
        pytest.skip("a polynomial takes one number")
    data = good(name)
    small = data.main[:, :2, :2] if data.main.ndim == 3 else data.main[:, :1]
    refused(net, data.with_main(small), "at least|must have 7514 pixels|aux_length", (ValueError, IndexError))


def test_labels_of_two_axes(net, name):
    data = good(name)
    data.labels = np.ones((N, 2, 3))
    refused(net, data, "`(labels|input_recon_target)`.* (must have the shape|must be given as)")


def test_an_input_that_no_layer_takes(net, name):
    data = good(name)
    data.inputs["colour"] = np.ones((N, 1))
    refused(net, data, rf"`input_data` of {name} must hold .*colour")


def test_a_task_that_there_is_not(net, name):
    net.task = "guess"
    refused(net, good(name), "Only .* are supported as `task`, got 'guess'", RuntimeError)


ONE_TASK = {
    "ApogeeBCNNCensored": "regression", "ApogeeDR14GaiaDR2BCNN": "regression", "ApogeeCVAE": "regression",
    "ApokascEncoderDecoder": "regression", "MNIST_BCNN": "classification", "GaMorNet": "classification",
    "GaMorNetBCNN": "classification",
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_TASK)
@pytest.mark.parametrize("task", ["regression", "classification", "binary_classification"])
def test_a_task_that_a_network_can_not_do(net, name, task):
    if task == ONE_TASK[name]:
        pytest.skip("this is the task that it can do")
    net.task = task
    refused(net, good(name), f"{name}: only the task '{ONE_TASK[name]}' is supported, got '{task}'", RuntimeError)


# For one --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ApogeeBCNNCensored"])
def test_the_censored_network_needs_its_pixels_and_its_labels(net, name):
    data = good(name)
    for n_pixels in (7513, 8575):
        refused(net, data.with_main(np.ones((N, n_pixels))), f"`input_data`.* must have 7514 pixels.*got {n_pixels}")
    refused(net, Data(data.inputs, data.labels[:, :21]), "`labels` must have the 22 columns teff logg C .*got 21")


@pytest.mark.parametrize("name", ["ApogeeDR14GaiaDR2BCNN"])
@pytest.mark.parametrize(("n_columns", "kind"), [(7513, IndexError), (7514, IndexError), (7515, ValueError)])
def test_the_luminosity_network_needs_a_magnitude_and_a_column_for_the_offset(net, name, n_columns, kind):
    data = good(name)
    refused(net, data.with_main(data.main[:, :n_columns]), f"apparent magnitude.*got {n_columns} columns", kind)


@pytest.mark.parametrize("name", ["ApogeeBCNNaux"])
@pytest.mark.parametrize("aux_length", [0, -1, 64, 65, 1.5, "2"])
def test_the_number_of_auxiliary_columns_leaves_a_spectrum(net, name, aux_length):
    net.aux_length = aux_length
    refused(net, good(name), "`aux_length` must be .*got")


@pytest.mark.parametrize("name", ["ApogeeKeplerEchelle"])
def test_the_echelle_network_needs_both_inputs(net, name):
    data = good(name)
    refused(net, Data({"input": data.main}, data.labels), '`input_data` .*must hold "input" and "aux".*')
    # Two convolutions of 8 without padding, then a pooling by 4.
    refused(net, data.with_main(np.ones((N, 18, 17))), "at least 18x18 pixels.*got 18x17")
    refused(
        net, Data(data.inputs | {"aux": np.ones((N - 1, 2))}, data.labels), r"`input_data\['aux'\]` 11", IndexError
    )


@pytest.mark.parametrize("name", ["ApokascEncoderDecoder"])
@pytest.mark.parametrize("n_outputs", [1, 62, 63])
def test_the_decoder_gives_multiples_of_four(net, name, n_outputs):
    data = good(name)
    refused(net, Data(data.inputs, data.labels[:, :n_outputs]), f"multiple of 4.*got {n_outputs}.*input_recon_target")


# Classes --------------------------------------------------------------------------------------------------------

NOT_CLASSES = {
    "whole numbers": (lambda y: np.argmax(y, axis=1), r"rows with a single 1.*got the shape \(12, 1\)"),
    "no 1": (lambda y: y * 0.5, r"rows with a single 1.*row 0 is"),
    "two 1s": (lambda y: np.maximum(y, np.roll(y, 1, axis=1)), "rows with a single 1"),
    "negative": (lambda y: 2 * y - 1, "rows with a single 1"),
    "percent": (lambda y: 100 * y, "rows with a single 1"),
}


@pytest.mark.parametrize("name", ["GaMorNet", "GaMorNetBCNN"])
@pytest.mark.parametrize("n_classes", [2, 10])
def test_galaxies_have_three_classes(net, name, n_classes):
    labels = np.eye(n_classes)[np.arange(N) % n_classes]
    refused(net, Data(good(name).inputs, labels), f"the 3 columns disk-dominated, indeterminate, .*got {n_classes}")


@pytest.mark.parametrize("name", ["Cifar10CNN", "Galaxy10CNN", "MNIST_BCNN", "GaMorNet", "GaMorNetBCNN"])
@pytest.mark.parametrize("wrong", NOT_CLASSES)
def test_labels_that_are_no_classes(net, name, wrong):
    spoil, match = NOT_CLASSES[wrong]
    data = good(name)
    refused(net, Data(data.inputs, spoil(data.labels)), f"`labels`.*{match}")


@pytest.mark.parametrize("name", ["ApogeeCNN", "ApogeeBCNN"])
@pytest.mark.parametrize(("value", "shown"), [(2.0, "2"), (-1.0, "-1"), (1.5, "1.5")])
def test_binary_labels_that_are_not_between_no_and_yes(net, name, value, shown):
    net.task = "binary_classification"
    data = good(name)
    data.labels = (data.labels > 0).astype("float32")
    data.labels[5, 1] = value
    refused(net, data, f"`labels` of a binary_classification must be 0 or 1.*row 5 is .*{shown}")


def test_classes_may_be_missing_or_shares_of_votes():
    from astroNN.shared.label_checks import check_classes

    labels = np.array([[0, 1, 0], [0.2, 0.5, 0.3], [np.nan] * 3, [np.nan, 1, 0]], "float32")
    check_classes("labels", labels, "classification")
    check_classes("labels", labels, "binary_classification")
    check_classes("labels", labels * 7, "regression")


# Of a user's own class, which may take anything ----------------------------------------------------------------


def flat_model(net):
    symbol = keras.Input(net._input_shape["input"], name="input")
    flat = keras.layers.Flatten()(symbol)
    return keras.Model(symbol, keras.layers.Dense(net._labels_shape["output"], name="output")(flat))


def test_another_model_on_a_ready_made_class_may_take_other_data():
    own = type("Images", (astroNN.models.ApogeeCNN,), {"model": flat_model})()
    own.verbose, own.val_size = 0, 0.0
    own.fit_on_batch(np.random.default_rng(0).normal(size=(N, 3, 3)), np.arange(2.0 * N).reshape(N, 2))
    assert own.input_shape == (None, 3, 3, 1)


# Of trained networks --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    """One small trained network of every base."""

    def vae_model(net):
        from astroNN.nn.layers import VAESampling

        symbol = keras.Input(net._input_shape["input"], name="input")
        latent = [
            keras.layers.Dense(2, name=name)(keras.layers.Flatten()(symbol)) for name in ("z_mean", "z_log_var")
        ]
        decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(9, name="decode")], name="output")
        return keras.Model(symbol, [*latent, VAESampling()(latent)]), decoder

    def bayesian_model(net):
        plain = flat_model(net)
        variance = keras.layers.Dense(2, name="variance_output")(keras.layers.Flatten()(plain.inputs[0]))
        return keras.Model(plain.inputs[0], [plain.outputs[0], variance])

    nets, spectra = [], np.random.default_rng(0).normal(size=(N, 9))
    for base, model in ((CNNBase, flat_model), (BayesianCNNBase, bayesian_model), (ConvVAEBase, vae_model)):
        net = type("Small", (base,), {"model": model})()
        net.verbose, net.input_norm_mode, net.labels_norm_mode, net.mc_num = 0, 2, 2, 2
        net.fit_on_batch(spectra, spectra if base is ConvVAEBase else spectra[:, :2])
        nets.append(net)
    return nets


BAD = {
    "another number of pixels": (np.ones((4, 8)), ValueError, "built for 9x1 values per star, got 8x1"),
    "another number of pixels in one star": (np.ones(8), ValueError, "built for 9x1 values per star, got 1x1"),
    "images": (np.ones((4, 3, 3)), ValueError, "built for 9x1 values per star, got 3x3x1"),
    "no star": (np.ones((0, 9)), ValueError, "is empty"),
    "a number": (3.0, ValueError, "single number"),
    "words": (np.full((4, 9), "flux"), TypeError, "dtype <U4"),
    "complex": (np.ones((4, 9), complex), TypeError, "dtype complex"),
    "infinite": (np.full((4, 9), np.inf), ValueError, "infinite"),
    "nothing": (None, ValueError, "None"),
    "another name": ({"flux": np.ones((4, 9))}, ValueError, "without the key 'input'"),
    "a further name": ({"input": np.ones((4, 9)), "aux": np.ones((4, 1))}, ValueError, "must have the inputs"),
}


@pytest.mark.parametrize("wrong", BAD)
def test_data_that_a_trained_network_can_not_take(trained, wrong):
    x, kind, match = BAD[wrong]
    for net in trained:
        ways = [net.predict, net.jacobian]
        ways += [net.predict_encoder, net.jacobian_latent] if isinstance(net, ConvVAEBase) else []
        for way in ways:
            with pytest.raises(kind, match=match):
                way(x)


def test_stars_without_a_good_pixel_are_nan_in_predictions(trained):
    spectra = np.ones((4, 9))
    spectra[2] = np.nan
    for net in trained[:2]:
        with pytest.warns(UserWarning, match="1 of 4 stars have no good pixel"):
            pred = net.predict(spectra)
        pred = pred[0] if isinstance(pred, tuple) else pred
        assert (np.isnan(pred).all(axis=1) == [False, False, True, False]).all()
