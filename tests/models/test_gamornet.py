"""GaMorNet: layer by layer against numpy, sizes of the published networks, and its life as a network of astroNN."""

import math

import h5py
import keras
import numpy as np
import pytest

from astroNN.models import GaMorNet, GaMorNetBCNN, _data, load_folder
from astroNN.models.misc_models.gamornet import checked_input_shape
from astroNN.nn.layers import MCDropout
from astroNN.shared.errors import FolderError
from astroNN.shared.sources import Rows

RNG = np.random.default_rng(0)
NETWORKS = [GaMorNet, GaMorNetBCNN]
FLAVOURS = ["keras", "tflearn"]


def small(kind=GaMorNet, flavour="keras", **settings):
    """A network with few filters and units, silent and repeatable."""
    net = kind(flavour=flavour)
    net.num_filters, net.num_hidden = [6, 14, 5, 4, 13], [16, 12]
    net.verbose, net.seed, net.max_epochs, net.lr = 0, 3, 2, 0.01
    if kind is GaMorNetBCNN:
        net.mc_num = 8
    for name, value in settings.items():
        setattr(net, name, value)
    return net


def with_random_weights(net):
    """Weights, biases included, with which the responses are strong enough to be damped."""
    for layer in net.keras_model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            fan_in = math.prod(kernel.shape[:-1])
            layer.set_weights([RNG.normal(0, 1.5 / fan_in**0.5, kernel.shape), RNG.normal(0, 0.1, bias.shape)])
    return net


def galaxies(n=64, size=19):
    """Images with light in one of three places, and their classes as rows of 0 and 1."""
    rng = np.random.default_rng(1)
    kind = rng.integers(0, 3, n)
    images = rng.normal(0.0, 1.0, (n, size, size))
    for k in range(3):
        images[kind == k, 2 + 6 * k : 5 + 6 * k, 6:13] += 300.0
    return images.astype("float32"), np.eye(3)[kind].astype("float32")


# Layers ---------------------------------------------------------------------------------------------------------


def padded(x, window, stride, value):
    """Padding "same": as many windows as strides fit in, the larger half of what is missing behind."""
    widths = [(0, 0)]
    for size in x.shape[1:3]:
        missing = max((math.ceil(size / stride) - 1) * stride + window - size, 0)
        widths.append((missing // 2, missing - missing // 2))
    return np.pad(x, [*widths, (0, 0)], constant_values=value)


def places(x, window, stride):
    return [
        (i // stride, j // stride, x[:, i : i + window, j : j + window])
        for i in range(0, x.shape[1] - window + 1, stride)
        for j in range(0, x.shape[2] - window + 1, stride)
    ]


def convolved(x, kernel, bias, stride):
    out = np.zeros((len(x), *(math.ceil(size / stride) for size in x.shape[1:3]), kernel.shape[-1]))
    for i, j, part in places(padded(x, len(kernel), stride, 0.0), len(kernel), stride):
        out[:, i, j] = np.einsum("nhwc,hwco->no", part, kernel) + bias
    return out


def pooled(x):
    out = np.zeros((len(x), *(math.ceil(size / 2) for size in x.shape[1:3]), x.shape[-1]))
    for i, j, part in places(padded(x, 3, 2, -np.inf), 3, 2):
        out[:, i, j] = part.max(axis=(1, 2))
    return out


def damped(x, flavour):
    out = np.empty_like(x)
    height, width, channels = x.shape[1:]
    for i in range(height):
        for j in range(width):
            if flavour == "keras":
                around = x[:, max(0, i - 2) : i + 3, max(0, j - 2) : j + 3] ** 2
                strength = around.mean(axis=(1, 2)).sum(axis=-1)[:, None]
                out[:, i, j] = x[:, i, j] / (1 + 1e-4 * strength) ** 0.75
                continue
            for c in range(channels):
                strength = (x[:, i, j, max(0, c - 5) : c + 6] ** 2).sum(axis=-1)
                out[:, i, j, c] = x[:, i, j, c] / (1 + 1e-4 * strength) ** 0.75
    return out


def by_numpy(weights, images, flavour):
    """Output of every layer with a name or a shape of its own, in float64; dropout is off."""
    steps, x = {}, images.astype("float64")
    for number in range(1, 6):
        kernel, bias = weights[f"conv_{number}"]
        x = steps[f"conv_{number}"] = convolved(x, kernel, bias, 4 if number == 1 else 1)
        x = np.maximum(x, 0)
        if number in (1, 2, 5):
            x = steps[f"pool_{number}"] = pooled(x)
            x = steps[f"damped_{number}"] = damped(x, flavour)
    x = steps["flat"] = x.reshape(len(x), -1)
    for number in (1, 2):
        kernel, bias = weights[f"hidden_{number}"]
        x = steps[f"hidden_{number}"] = x @ kernel + bias
        x = np.tanh(x)
    logits = x @ weights["output"][0] + weights["output"][1]
    steps["output"] = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return steps


def layers_by_step(model):
    """Layers of a GaMorNet under the names of the steps above."""
    named = {layer.name: layer for layer in model.layers}
    of_class = {}
    for layer in model.layers:
        of_class.setdefault(type(layer).__name__, []).append(layer)
    (damping,) = [of_class[name] for name in of_class if name.endswith("ResponseNormalization")]
    steps = {f"pool_{n}": layer for n, layer in zip((1, 2, 5), of_class["MaxPooling2D"], strict=True)}
    steps |= {f"damped_{n}": layer for n, layer in zip((1, 2, 5), damping, strict=True)}
    return named | steps | {"flat": of_class["Flatten"][0]}


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("shape", [(19, 19, 1), (30, 23, 2)])
def test_every_layer_gives_what_numpy_gives(flavour, shape):
    net = with_random_weights(small(flavour=flavour).build(shape))
    weights = {layer.name: layer.get_weights() for layer in net.keras_model.layers if layer.weights}
    images = RNG.normal(0.0, 200.0, (2, *shape)).astype("float32")
    expected = by_numpy(weights, images, flavour)
    layers = layers_by_step(net.keras_model)
    inner = keras.Model(net.keras_model.inputs, {name: layers[name].output for name in expected})
    given = inner.predict({"input": images}, verbose=0)
    for name, values in expected.items():
        # A thousand products of single precision in a sum, in each of eight layers.
        np.testing.assert_allclose(given[name], values, rtol=2e-5, atol=2e-5 * abs(values).max(), err_msg=name)
    np.testing.assert_allclose(net.predict(images), expected["output"], rtol=1e-4, atol=1e-6)


def test_the_flavours_give_other_probabilities_from_the_same_weights():
    images = RNG.normal(0.0, 200.0, (4, 19, 19)).astype("float32")
    first = with_random_weights(small().build((19, 19, 1)))
    second = small(flavour="tflearn").build((19, 19, 1))
    second.keras_model.set_weights(first.get_weights())
    assert abs(first.predict(images) - second.predict(images)).max() > 0.01


# The published networks -----------------------------------------------------------------------------------------

# Output of each step and number of weights, from the table of the paper.
TABLE = {
    "SDSS": ({"conv_1": (42, 42, 96), "pool_1": (21, 21, 96), "conv_2": (21, 21, 256), "pool_2": (11, 11, 256),
              "conv_4": (11, 11, 384), "conv_5": (11, 11, 256), "damped_5": (6, 6, 256), "flat": (9216,)},
             [11_712, 614_656, 885_120, 1_327_488, 884_992, 37_752_832, 16_781_312, 12_291], 58_270_403),
    "CANDELS": ({"conv_1": (21, 21, 96), "pool_1": (11, 11, 96), "conv_2": (11, 11, 256), "pool_2": (6, 6, 256),
                 "conv_4": (6, 6, 384), "conv_5": (6, 6, 256), "damped_5": (3, 3, 256), "flat": (2304,)},
                [11_712, 614_656, 885_120, 1_327_488, 884_992, 9_441_280, 16_781_312, 12_291], 29_958_851),
}  # fmt: skip


@pytest.mark.parametrize("survey", TABLE)
def test_it_has_the_shapes_and_the_number_of_weights_of_the_paper(survey):
    shapes, n_weights, total = TABLE[survey]
    net = GaMorNet().build(survey)
    layers = layers_by_step(net.keras_model)
    assert {name: layers[name].output.shape[1:] for name in shapes} == shapes
    assert [layer.count_params() for layer in net.keras_model.layers if layer.weights] == n_weights
    assert net.keras_model.count_params() == total
    assert net.output_shape == (None, 3)


@pytest.mark.parametrize(("flavour", "stddev"), [("keras", 0.05), ("tflearn", 0.02)])
def test_weights_start_as_published(flavour, stddev):
    net = small(flavour=flavour, num_hidden=[400, 300]).build((83, 83, 1))
    kernels = {layer.name: layer.get_weights() for layer in net.keras_model.layers if layer.weights}
    for name, (kernel, bias) in kernels.items():
        assert (bias == 0).all()
        if name.startswith("conv"):
            limit = (3 / math.prod(kernel.shape[:-1])) ** 0.5
            assert 0.98 * limit < abs(kernel).max() <= limit * (1 + 1e-6)
    kernel = kernels["hidden_2"][0]
    # Drawn anew beyond two standard deviations, which leaves 0.8796 of one.
    assert abs(kernel).max() <= 2 * stddev * (1 + 1e-6)
    assert abs(kernel.std() / (0.8796 * stddev) - 1) < 5 / (2 * kernel.size) ** 0.5


@pytest.mark.parametrize(("flavour", "norm"), [("keras", None), ("tflearn", 5.0)])
def test_the_optimiser_is_the_documented_one_and_its_settings_are_attributes(flavour, norm):
    net = small(flavour=flavour)
    assert (GaMorNet().lr, GaMorNet().batch_size, net.momentum, net.nesterov) == (1e-4, 64, 0.9, False)
    net.momentum, net.nesterov = 0.5, True
    config = net.build((19, 19, 1)).keras_model.optimizer.get_config()
    assert isinstance(net.keras_model.optimizer, keras.optimizers.SGD)
    assert (config["momentum"], config["nesterov"], config["global_clipnorm"]) == (0.5, True, norm)
    own = small(optimizer=keras.optimizers.Adam(0.02)).build((19, 19, 1))
    assert isinstance(own.keras_model.optimizer, keras.optimizers.Adam)


# Its life -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[(GaMorNet, "tflearn"), (GaMorNetBCNN, "keras")], ids=["plain", "Bayesian"])
def trained(request):
    net = small(*request.param, max_epochs=20, dropout_rate=0.1, val_size=0.0, batch_size=16)
    # So small a network, from its small first weights, takes gradient descent hundreds of steps to leave its start.
    net.num_filters, net.optimizer = [6, 14, 8, 8, 13], keras.optimizers.Adam(0.005)
    images, classes = galaxies()
    net.fit(images, classes)
    return net


def test_it_learns(trained):
    images, classes = galaxies()
    answer = trained.predict(images)
    kind = answer[0] if isinstance(answer, tuple) else answer.argmax(axis=1)
    # Who calls all images alike has 26 of 64 right; 38 are 3 standard deviations more.
    assert (kind == classes.argmax(axis=1)).sum() > 38


def test_saved_and_loaded_it_is_the_same(trained, tmp_path):
    images, _ = galaxies(8)
    loaded = load_folder(trained.save(tmp_path / "net"))
    assert type(loaded) is type(trained) and loaded.flavour == trained.flavour
    before, after = trained.predict(images), loaded.predict(images)
    np.testing.assert_array_equal(*(a[0] if isinstance(a, tuple) else a for a in (before, after)))


def test_the_jacobian_is_that_of_differences(trained):
    images, _ = galaxies(2)
    jacobian = trained.jacobian(images)
    assert jacobian.shape == (2, 3, 19, 19)
    graph, step = trained.keras_model_predict or trained.keras_model, 0.05
    mean = keras.models.clone_model(graph, clone_function=_without_dropout)
    mean.set_weights([w for layer in graph.layers if not isinstance(layer, MCDropout) for w in layer.get_weights()])
    for row, column in ((9, 9), (3, 12)):
        pair = []
        for sign in (1, -1):
            moved = images[..., None].copy()
            moved[:, row, column] += sign * step
            answer = mean.predict({"input": moved}, verbose=0)
            pair.append(answer["output"] if isinstance(answer, dict) else answer)
        slopes = (pair[0] - pair[1]) / (2 * step)
        # Probabilities are rounded by 2^-24, and the difference is divided by 0.1; kinks of ReLU lie between.
        np.testing.assert_allclose(jacobian[:, :, row, column], slopes, rtol=0.05, atol=2e-5)


def _without_dropout(layer):
    return keras.layers.Identity() if isinstance(layer, MCDropout) else type(layer).from_config(layer.get_config())


def test_a_bayesian_one_gives_probabilities_and_their_spread(trained):
    if not isinstance(trained, GaMorNetBCNN):
        pytest.skip("for Bayesian ones")
    images, _ = galaxies(6)
    images[2] = np.nan
    with pytest.warns(UserWarning, match="1 of 6 stars have no good pixel"):
        probabilities, spread = trained.predict_probabilities(images)
        kind, uncertainty = trained.predict(images)
    good = np.arange(6) != 2
    assert np.isnan(probabilities[2]).all() and np.isnan(spread[2]).all() and kind[2] == -1
    np.testing.assert_allclose(probabilities[good].sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(probabilities[good].argmax(axis=1), kind[good])
    entropy = -(probabilities[good] * np.log(probabilities[good])).sum(axis=1)
    np.testing.assert_allclose(uncertainty["model"][good], entropy, rtol=1e-4, atol=1e-6)
    assert (spread[good] > 0).any() and (spread[good] < 0.5).all()


def test_images_go_in_as_they_are(trained):
    images, _ = galaxies(8)
    assert trained.input_norm_mode == float(trained.input_mean["input"]) == 0 and trained.input_std["input"] == 1
    np.testing.assert_array_equal(trained._read_inputs({"input": images}, {}, np.arange(8))["input"][..., 0], images)


def test_a_network_that_is_only_built_predicts_saves_and_trains(tmp_path):
    images, classes = galaxies(8)
    net = small(flavour="tflearn", nesterov=True, momentum=0.7, val_size=0.0, max_epochs=1).build((19, 19, 1))
    before = net.predict(images)
    loaded = load_folder(net.save(tmp_path / "net"))
    np.testing.assert_array_equal(loaded.predict(images), before)
    config = loaded.keras_model.optimizer.get_config()
    assert (config["momentum"], config["nesterov"], config["global_clipnorm"]) == (0.7, True, 5.0)
    net.fit(images, classes)
    assert (net.predict(images) != before).any()


def test_a_missing_pixel_counts_as_nothing_where_there_was_no_training():
    images, _ = galaxies(3)
    net = with_random_weights(small().build((19, 19, 1)))
    zero, missing = images.copy(), images.copy()
    zero[:, 4, 5], missing[:, 4, 5] = 0.0, np.nan
    np.testing.assert_array_equal(net.predict(missing), net.predict(zero))


def test_other_classes_may_be_named():
    assert small(targetname=["spiral", "elliptical"]).build((19, 19, 1)).output_shape == (None, 2)


# What must not work ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_flavour_that_there_is_not(kind, tmp_path):
    with pytest.raises(ValueError, match="`flavour` must be one of 'keras', 'tflearn', got 'Keras'"):
        kind(flavour="Keras")
    net = small(kind)
    net.flavour = "vanilla"
    with pytest.raises(ValueError, match="got 'vanilla'"):
        net.build((19, 19, 1))


def test_a_folder_with_a_flavour_that_there_is_not(tmp_path):
    folder = small().build((19, 19, 1)).save(tmp_path / "net")
    file = folder / "astroNN_model_parameter.json"
    file.write_text(file.read_text().replace('"flavour": "keras"', '"flavour": "vanilla"'))
    with pytest.raises(FolderError, match="GaMorNet can't be built with the settings in .*'vanilla'"):
        load_folder(folder)


@pytest.mark.parametrize(
    "shape", ["SDDS", "sdss", (83, 83), 83, (83, 83, 0), (83.0, 83, 1), None, (True, 83, 1), ("83", "83", "1")]
)
def test_shapes_that_are_none(shape):
    with pytest.raises(ValueError, match=r'`input_shape` must be three whole numbers.*"SDSS" \(167, 167, 1\)'):
        GaMorNet().build(shape)
    assert checked_input_shape("SDSS") == (167, 167, 1) and checked_input_shape([np.int64(8), 9, 1]) == (8, 9, 1)


def test_networks_that_can_not_be_built():
    with pytest.raises(ValueError, match="at least 11x11 pixels.*got 10x83"):
        small().build((10, 83, 1))
    with pytest.raises(ValueError, match="num_filters of GaMorNet must be 5 numbers, got"):
        small(num_filters=[4, 4]).build((19, 19, 1))
    with pytest.raises(ValueError, match="input_norm_mode 2 the images to train on give the normalisation"):
        small(input_norm_mode=2).build((19, 19, 1))
    net = small().build((19, 19, 1))
    with pytest.raises(ValueError, match=r"is built already, for images of the shape \(19, 19, 1\)"):
        net.build("SDSS")


def test_labels_of_another_number_of_classes():
    images, classes = galaxies(8)
    with pytest.raises(ValueError, match="the 3 columns disk-dominated, indeterminate, bulge-dominated, .*got 2"):
        small().fit(images, np.eye(2)[classes[:, 0].astype(int)])


def test_settings_of_the_optimiser_made_after_building_count():
    net = small(GaMorNet)
    net.build((19, 19, 1))
    net.keras_model.get_layer("conv_1").trainable = False
    before = net.keras_model.get_layer("conv_1").get_weights()
    net.optimizer, net.lr, net.max_epochs = "adam", 0.002, 1
    net.fit(*galaxies())
    assert isinstance(net.keras_model.optimizer, keras.optimizers.Adam)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(net.keras_model.optimizer.learning_rate), 0.002, rtol=1e-6)
    for old, new in zip(before, net.keras_model.get_layer("conv_1").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    # Later ones need `recompile`, as in every network: an optimiser that has learnt something is kept.
    trained = net.keras_model.optimizer
    net.fit(*galaxies())
    assert net.keras_model.optimizer is trained


def test_images_in_a_file_are_not_read_before_they_are_needed(tmp_path):
    net = small(GaMorNet)
    net.build((19, 19, 1))
    images = galaxies()[0][..., None]
    with h5py.File(tmp_path / "images.h5", "w") as file:
        file["images"] = images
        assert isinstance(_data.checked_inputs(net, file["images"])[0]["input"], Rows)
        np.testing.assert_array_equal(net.predict(file["images"]), net.predict(images))
        history = net.fit(file["images"], galaxies()[1]).history
    assert np.isfinite(history["loss"]).all()
