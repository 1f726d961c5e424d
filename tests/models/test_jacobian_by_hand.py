"""Jacobians of every kind of network against central differences of the same network by numpy in float64."""

import keras
import numpy as np
import pytest

from astroNN.apogee import aspcap_mask
from astroNN.models import (
    ApogeeBCNN,
    ApogeeBCNNCensored,
    ApogeeCNN,
    ApogeeCVAE,
    ApogeeKeplerEchelle,
    Cifar10CNN,
)
from astroNN.models.inspection import _gradients
from astroNN.models.inspection import jacobian as jacobian_module
from astroNN.models.inspection._gradients import StarGradients
from astroNN.models.inspection.jacobian import star_gradients
from astroNN.nn.layers import MCDropout
from astroNN.nn.utilities.normalizer import Normalizer

from ..helpers import float64_network

RTOL = 1e-4
# float32 has 6e-8 of relative rounding, and a derivative is a sum of some hundred products.
ROUNDING = 1e-5
# Ramps have kinks: a step so small that none lies within it costs 1e-16 / 1e-8 of rounding.
STEPS = {"tanh": 1e-5, "relu": 1e-8}


def assert_slopes(jacobian, function, x, step, seed=0):
    """Compare some random pixels; `x` in normalised units, `jacobian` of shape (n_stars, n_labels, ...)."""
    pixels = np.random.default_rng(seed).choice(x[0].size, size=min(12, x[0].size), replace=False)
    expected = float64_network.slopes(function, x.astype("float64"), pixels, step)
    found = jacobian.reshape(*jacobian.shape[:2], -1)[..., pixels]
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=RTOL, atol=ROUNDING * np.abs(expected).max())


def normalised(net, x):
    return net._read_inputs({"input": x}, {}, np.arange(len(x)))["input"]


@pytest.fixture(scope="module")
def smooth_cnn(stars, tools):
    net = tools.small(ApogeeCNN(), activation="tanh")
    net.fit(stars.spectra, stars.labels)
    return net


@pytest.fixture(scope="module")
def smooth_bcnn(stars, tools):
    net = tools.small(ApogeeBCNN(), activation="tanh")
    net.fit(stars.spectra, stars.labels)
    return net


@pytest.mark.parametrize(
    ("network", "activation"),
    [
        ("bcnn", "relu"),
        ("smooth_cnn", "tanh"),
        pytest.param("cnn", "relu", marks=pytest.mark.slow),
        pytest.param("smooth_bcnn", "tanh", marks=pytest.mark.slow),
    ],
)
def test_spectra(stars, network, activation, request):
    net = request.getfixturevalue(network)
    layers = [layer for layer in net.keras_model.layers if layer.name not in ("variance_output", "labels_err")]
    assert_slopes(
        net.jacobian(stars.spectra[:4]),
        lambda x: float64_network.run(layers, x),
        normalised(net, stars.spectra[:4]),
        STEPS[activation],
    )


def test_images_with_channels(tools):
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (64, 10, 12, 3)).astype("float32")
    net = tools.small(Cifar10CNN(), num_hidden=[12, 8], max_epochs=1)
    net.fit(images, np.eye(10)[rng.integers(0, 10, 64)])
    assert net.jacobian(images[:2]).shape == (2, 10, 10, 12, 3)
    assert_slopes(
        net.jacobian(images[:2]),
        lambda x: float64_network.run(net.keras_model.layers, x),
        normalised(net, images[:2]),
        STEPS["relu"],
    )


def test_several_inputs_each_has_its_own(tools):
    rng = np.random.default_rng(0)
    x = {"input": rng.uniform(0, 255, (64, 20, 18)).astype("float32"), "aux": rng.normal(size=(64, 3))}
    net = tools.small(ApogeeKeplerEchelle(), num_hidden=[12, 8], max_epochs=1)
    net.fit(x, x["aux"][:, :2])
    layers = net.keras_model.layers
    joint = next(i for i, layer in enumerate(layers) if isinstance(layer, keras.layers.Concatenate))
    before = [la for la in layers[:joint] if type(la).__name__ not in ("InputLayer", "Flatten")]
    after = layers[joint + 1 :]
    pooled = next(i for i, layer in enumerate(before) if isinstance(layer, keras.layers.MaxPooling2D)) + 1

    def labels(image, aux):
        features = float64_network.run(before[:pooled], image).reshape(len(image), -1)
        features = float64_network.run(before[pooled:], features)
        return float64_network.run(after, np.concatenate([features, aux.reshape(len(aux), -1)], axis=1))

    some = {name: array[:3] for name, array in x.items()}
    read = net._read_inputs(some, {}, np.arange(3))
    by_image, by_aux = net.jacobian(some), net.jacobian(some, input_name="aux")
    assert by_image.shape == (3, 2, 20, 18) and by_aux.shape == (3, 2, 3)
    assert_slopes(by_image, lambda image: labels(image, read["aux"]), read["input"], STEPS["tanh"])
    assert_slopes(by_aux, lambda aux: labels(read["input"].astype("float64"), aux), read["aux"], STEPS["tanh"])


@pytest.fixture(scope="module")
def autoencoder(stars, tools):
    net = tools.small(ApogeeCVAE(), activation="tanh", num_hidden=[12, 8], latent_dim=3)
    net.fit(stars.spectra)
    return net


def latent_mean(net, x):
    layers = [la for la in net.keras_encoder.layers if la.name not in ("sigma_output",) and "sampling" not in la.name]
    return float64_network.run(layers, x)


def test_latent_variables(stars, autoencoder):
    x = normalised(autoencoder, stars.spectra[:3])
    assert_slopes(
        autoencoder.jacobian_latent(stars.spectra[:3]), lambda x: latent_mean(autoencoder, x), x, STEPS["tanh"]
    )


def test_reconstructions_are_those_of_the_latent_means(stars, autoencoder):
    jacobian = autoencoder.jacobian(stars.spectra[:3])
    assert jacobian.shape == (3, 60, 60)

    def reconstruction(x):
        drawn = float64_network.run(autoencoder.keras_decoder.layers, latent_mean(autoencoder, x))
        return drawn.reshape(len(x), -1)

    assert_slopes(jacobian, reconstruction, normalised(autoencoder, stars.spectra[:3]), STEPS["tanh"])
    np.testing.assert_array_equal(autoencoder.jacobian(stars.spectra[:3]), jacobian)  # nothing random in it


def test_drawn_latent_variables_on_request(stars, autoencoder):
    first, second = (autoencoder.jacobian(stars.spectra[:2], mc_num=1) for _ in range(2))
    assert first.shape == (2, 60, 60)
    assert np.abs(first - second).max() > 0
    # 60 rows are worked out in two chunks; a latent space of 3 numbers leaves a matrix of rank 3 or, with their
    # variances, 6. Two draws would give it up to 12.
    assert np.linalg.matrix_rank(first[0], tol=1e-4 * np.abs(first[0]).max()) <= 6


def test_pixels_outside_its_windows_have_exactly_no_influence_on_an_element_through_them():
    net = ApogeeBCNNCensored()
    net.verbose, net.seed = 0, 1
    spectra = np.random.default_rng(0).normal(1, 0.05, (4, 7514)).astype("float32")
    labels = np.random.default_rng(1).normal(size=(4, 22)).astype("float32")
    net._input_shape, net._labels_shape = {"input": (7514, 1)}, {"output": 22}
    net.input_names, net.output_names = ["input"], ["output"]
    net.input_normalizer, net.labels_normalizer = Normalizer(3, 0), Normalizer(2, 0)
    net.input_normalizer.fit({"input": spectra})
    net.labels_normalizer.fit({"output": labels})
    net.compile()
    with_hints = net.jacobian(spectra[:2])
    # Cut the branch of the whole spectrum: its first convolution gives nothing.
    convolution = net.get_layer("conv_1")
    convolution.set_weights([np.zeros_like(weight) for weight in convolution.get_weights()])
    jacobian = net.jacobian(spectra[:2])
    for column, element in enumerate(net.targetname):
        if element in ("teff", "logg", "Fe"):
            assert not jacobian[:, column].any()
            continue
        window = aspcap_mask(element, dr=14)
        assert not jacobian[:, column, ~window].any(), element
        assert jacobian[:, column, window].any(), element
        assert with_hints[:, column, ~window].any(), element  # two numbers of the whole spectrum are known to it


def two_convolutions(padding, widths, pool, filters, activation, dropout):
    """A network of 12 labels that begins as those for APOGEE do."""
    spectra = keras.Input((61, 1), name="input")
    x = spectra
    for number, (n_filters, width) in enumerate(zip(filters, widths, strict=True)):
        x = keras.layers.Conv1D(n_filters, width, padding=padding, bias_initializer="normal")(x)
        x = keras.layers.Activation(activation)(x)
        x = MCDropout(0.3, seed=number)(x) if dropout else x
    x = keras.layers.Flatten()(keras.layers.MaxPooling1D(pool)(x))
    x = keras.layers.Dense(16, activation="tanh")(MCDropout(0.3, seed=9)(x) if dropout else x)
    return keras.Model({"input": spectra}, keras.layers.Dense(12, name="output")(x))


SHAPES = [
    ("same", (8, 8), 4, (2, 4), "relu", False),
    ("valid", (5, 4), 3, (3, 5), "tanh", False),
    ("same", (3, 1), 2, (1, 2), "sigmoid", False),
    ("same", (8, 8), 4, (2, 4), "softplus", True),
    ("valid", (7, 2), 5, (2, 3), "elu", True),
]


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape)).replace(" ", ""))
def test_convolutions_by_hand_and_by_the_backend_agree(shape, monkeypatch):
    """Of thinned networks too: both see the same masks if the states of the generators are set back."""
    keras.utils.set_random_seed(0)
    model = two_convolutions(*shape)
    x = {"input": np.random.default_rng(0).normal(size=(5, 61, 1)).astype("float32")}
    found = {}
    for way, cost in (("by hand", 0.0), ("backend", np.inf)):
        gradients = StarGradients(model, "input")
        assert gradients._local is not None
        monkeypatch.setattr(_gradients, "_LOCAL_COST", cost)
        for layer in model.layers:
            if isinstance(layer, MCDropout):
                layer.seed_generator.state.assign(np.array([0, 7]))
        found[way] = gradients(x)
    assert found["by hand"].shape == (5, 12, 61, 1)
    scale = np.abs(found["backend"]).max()
    np.testing.assert_allclose(found["by hand"], found["backend"], atol=1e-6 * scale, rtol=1e-4)


@pytest.fixture(scope="module")
def net_of_many_labels(stars, tools):
    labels = np.stack([stars.spectra[:, 2 * k : 2 * k + 6].sum(axis=1) for k in range(22)], axis=1)
    net = tools.small(ApogeeCNN(), num_hidden=[24, 16], targetname=[f"label_{k}" for k in range(22)])
    net.fit(stars.spectra, labels)
    return net


@pytest.mark.parametrize("many_stars", [2, 50])  # many are compiled in another way
def test_many_labels_of_a_spectrum_take_the_way_by_hand(stars, net_of_many_labels, monkeypatch, many_stars):
    monkeypatch.setattr(jacobian_module, "_MANY_STARS", many_stars)
    net = net_of_many_labels
    net._derivatives.clear()
    gradients = star_gradients(net)
    assert gradients._is_local(22)
    assert_slopes(
        net.jacobian(stars.spectra[:4]),
        lambda x: float64_network.run(net.keras_model.layers, x),
        normalised(net, stars.spectra[:4]),
        STEPS["relu"],
    )


@pytest.mark.parametrize("elements", [1, 5_000])
def test_small_blocks_change_nothing(stars, bcnn, monkeypatch, elements):
    whole = bcnn.jacobian(stars.spectra[:7])
    monkeypatch.setattr(_gradients, "_ELEMENTS", elements)
    np.testing.assert_allclose(bcnn.jacobian(stars.spectra[:7]), whole, atol=1e-6 * np.abs(whole).max())


def test_more_than_the_memory_allowed_is_refused_and_the_mean_needs_that_of_one_star(stars, bcnn, autoencoder):
    one_star = 4 * 2 * 60
    with pytest.raises(MemoryError, match=r"jacobian: .*\(10, 2, 60\) needs 4.8 kB.*allows 480 bytes.*mean_output"):
        bcnn.jacobian(stars.spectra[:10], max_memory=one_star)
    assert bcnn.jacobian(stars.spectra[:10], mean_output=True, max_memory=one_star).shape == (2, 60)
    with pytest.raises(MemoryError, match=r"jacobian: .*\(320, 60, 60\) needs 4.61 MB"):
        autoencoder.jacobian(stars.spectra, max_memory=1e6)
    for wrong in (0, -1, "2 GB", True, np.nan):
        with pytest.raises(ValueError, match="max_memory"):
            bcnn.jacobian(stars.spectra[:2], max_memory=wrong)


def test_an_unknown_input_is_refused(stars, bcnn):
    with pytest.raises(ValueError, match="`input_name` must be one of 'input', got 'aux'"):
        bcnn.jacobian(stars.spectra[:2], input_name="aux")
