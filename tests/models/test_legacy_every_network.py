"""Every class loads from the layouts of version 1: arrays go where they belong, whatever their order and numbers."""

import functools
import json
import re

import h5py
import keras
import numpy as np
import pytest

from astroNN import models
from astroNN.models import load_folder
from astroNN.nn.utilities.normalizer import Normalizer
from astroNN.shared.errors import FolderError

from ..helpers.old_folders import (
    ARCHIVE,
    HDF5,
    OldLayer,
    flat,
    named,
    parameters_1_1,
    write_archive,
    write_hdf5,
    write_parameters,
)

pytestmark = pytest.mark.one_backend

ELEMENTS = "c c1 n o na mg al si p s k ca ti ti2 v cr mn co ni".split()
CONVOLUTIONS = [("conv_1", "Conv1D", None), ("conv_2", "Conv1D", None)]
IMAGE_CONVOLUTIONS = [("conv_1", "Conv2D", None), ("conv_2", "Conv2D", None)]
TWO_DENSE = [("hidden_1", "Dense", None), ("hidden_2", "Dense", None)]
HEADS = [("output", "Dense", "output"), ("variance_output", "Dense", "variance_output")]

# In the order of making: name of the layer today, its class, its name in version 1 (None: automatic).
LAYERS = {
    "ApogeeCNN": [*CONVOLUTIONS, *TWO_DENSE, ("dense_output", "Dense", None)],
    "StarNet2017": [*CONVOLUTIONS, *TWO_DENSE, ("output", "Dense", "output")],
    "ApogeeBCNN": [*CONVOLUTIONS, *TWO_DENSE, *HEADS],
    "ApogeeBCNNaux": [*CONVOLUTIONS, *TWO_DENSE, *HEADS],
    "ApogeeBCNNCensored": [
        *CONVOLUTIONS, *TWO_DENSE,
        *((name, "Dense", None) for name in ("teff", "logg", "fe", "teff_var", "logg_var", "fe_var")),
        ("aux_fullspec", "Dense", "aux_fullspec"),
        *((f"{e}_{end}", "Dense", f"{e}_{end}") for e in ELEMENTS
          for end in ("dense", "dense_2", "concat", "concat_var")),
    ],
    "ApogeeDR14GaiaDR2BCNN": [
        ("offset_1", "Dense", None), ("offset_2", "Dense", None), ("offset_output", "Dense", "offset_output"),
        *CONVOLUTIONS, *TWO_DENSE, ("fakemag_output", "Dense", "fakemag_output"),
        ("fakemag_variance_output", "Dense", "fakemag_variance_output"),
    ],
    "ApogeeKeplerEchelle": [*IMAGE_CONVOLUTIONS, *TWO_DENSE, ("dense_output", "Dense", None)],
    "Cifar10CNN": [*IMAGE_CONVOLUTIONS, *TWO_DENSE, ("dense_output", "Dense", None)],
    "Galaxy10CNN": [*IMAGE_CONVOLUTIONS, *TWO_DENSE, ("dense_output", "Dense", None)],
    "MNIST_BCNN": [*IMAGE_CONVOLUTIONS, *TWO_DENSE, *HEADS],
    "ApogeeCVAE": [
        *CONVOLUTIONS, *TWO_DENSE, ("mean_output", "Dense", "mean_output"), ("sigma_output", "Dense", "sigma_output"),
        ("decoder_hidden_1", "Dense", None, "output"), ("decoder_hidden_2", "Dense", None, "output"),
        ("decoder_conv_1", "Conv1D", None, "output"), ("decoder_conv_2", "Conv1D", None, "output"),
        ("output", "Conv1D", "output", "output"),
    ],
    "ApokascEncoderDecoder": [
        *CONVOLUTIONS, ("hidden_1", "Dense", None), ("z_mean", "Dense", "z_mean"),
        ("z_log_var", "Dense", "z_log_var"),
        ("decoder_hidden", "Dense", None, "output"), ("decoder_conv_1", "Conv1DTranspose", None, "output"),
        ("decoder_conv_2", "Conv1DTranspose", None, "output"), ("output", "Conv1DTranspose", "output", "output"),
    ],
    "SimplePolyNN": [("output", "PolyFit", "output")],
}  # fmt: skip

# Order in the file, by depth, where it is documented to differ from that of making (rest: as made).
FIRST_IN_FILE = {
    "ApogeeBCNNCensored": "conv_1 conv_2 hidden_1 hidden_2 teff logg c_dense fe c1_dense".split(),
    "ApogeeDR14GaiaDR2BCNN": "conv_1 conv_2 hidden_1 hidden_2 offset_1 fakemag_output offset_2 offset_output".split(),
}
LAST_IN_FILE = {"ApogeeBCNNCensored": "mn_concat_var fe_var co_concat_var ni_concat_var".split()}

# Shapes and sizes: equal wherever the architecture lets layers be, so that no shape gives an error away.
SETTINGS = {
    "ApogeeCNN": ((40, 1), 6, {"num_hidden": [6, 6]}),
    "StarNet2017": ((40, 1), 6, {"num_hidden": [6, 6]}),
    "ApogeeBCNN": ((40, 1), 6, {"num_hidden": [6, 6]}),
    "ApogeeBCNNaux": ((42, 1), 6, {"num_hidden": [6, 6, 3, 3]}),
    "ApogeeBCNNCensored": ((7514, 1), 22, {"num_hidden": [6, 6, 3, 2, 2]}),
    "ApogeeDR14GaiaDR2BCNN": ((7517, 1), 1, {"num_hidden": [2, 2, 2, 2]}),
    "ApogeeKeplerEchelle": ((22, 22, 1), 6, {"num_hidden": [6, 6]}),
    "Cifar10CNN": ((8, 8, 3), 6, {"num_hidden": [6, 6]}),
    "Galaxy10CNN": ((8, 8, 3), 6, {"num_hidden": [6, 6]}),
    "MNIST_BCNN": ((8, 8, 1), 6, {"num_hidden": [6, 6]}),
    "ApogeeCVAE": ((24, 1), 24, {"num_hidden": [4, 4], "latent_dim": 4}),
    "ApokascEncoderDecoder": (
        (40, 1), 16, {"num_hidden": [4, 4], "latent_dim": 4, "num_filters": [2, 2, 2, 2], "filter_len": [8, 8]},
    ),
    "SimplePolyNN": ((5, 1), 2, {}),
}  # fmt: skip


@functools.cache
def built(name):
    """A small network with random weights, no two alike."""
    shape, n_labels, settings = SETTINGS[name]
    net = getattr(models, name)()
    for attribute, value in settings.items():
        setattr(net, attribute, value)
    net.verbose, net.seed = 0, 3
    inputs, labels = {"input": shape}, {"output": n_labels}
    if name == "ApogeeKeplerEchelle":
        inputs["aux"] = (6, 1)
    net._input_shape, net._labels_shape = inputs, labels
    rng = np.random.default_rng(5)
    for side, shapes in (("input", inputs), ("labels", labels)):
        modes = getattr(net, f"{side}_norm_mode")
        normalizer = Normalizer(modes, 0)
        for key, size in shapes.items():
            normalizer.mean_labels[key] = rng.normal(0, 1, np.prod(size)).astype("float32")
            normalizer.std_labels[key] = rng.uniform(1, 2, 1).astype("float32")
        setattr(net, f"{side}_normalizer", normalizer)
    net._publish_statistics()
    net.compile()
    for layer in weighted(net.keras_model).values():
        layer.set_weights([rng.normal(0, 1, array.shape) for array in layer.get_weights()])
    return net


def weighted(model):
    found = {}
    for layer in model.layers:
        if hasattr(layer, "layers"):
            found |= weighted(layer)
        elif layer.weights:
            found[layer.name] = layer
    return found


def old_layers(net, name, first):
    """Layers by today's name as version 1 would have named them, in the order of the file."""
    today = weighted(net.keras_model)
    assert sorted(today) == sorted(entry[0] for entry in LAYERS[name])
    made = {}
    for now, kind, then, *inside in LAYERS[name]:
        names = ["kernel"] if kind == "PolyFit" else ["kernel", "bias"]
        arrays = dict(zip(names, today[now].get_weights(), strict=True))
        made[now] = OldLayer(kind, then, arrays, *inside)
    named(made.values(), first)
    start, end = FIRST_IN_FILE.get(name, []), LAST_IN_FILE.get(name, [])
    middle = [now for now in made if now not in (*start, *end)]
    return [made[now] for now in (*start, *middle, *end)]


def assert_same(loaded, net):
    before, after = weighted(net.keras_model), weighted(loaded.keras_model)
    assert sorted(before) == sorted(after)
    for name, layer in before.items():
        for ours, theirs in zip(layer.get_weights(), after[name].get_weights(), strict=True):
            np.testing.assert_array_equal(theirs, ours, err_msg=name)
    for statistic in ("input_mean", "input_std", "labels_mean", "labels_std"):
        for key, values in getattr(net, statistic).items():
            np.testing.assert_array_equal(np.ravel(getattr(loaded, statistic)[key]), np.ravel(values))
    assert type(loaded) is type(net)
    assert dict(loaded._input_shape.items()) == dict(net._input_shape.items())
    assert dict(loaded._labels_shape.items()) == dict(net._labels_shape.items())


# Named by 1.1, by 1.0, and late in a session; the network of 87 layers takes seconds to build.
HDF5_CASES = [(name, first) for name in LAYERS for first in (0, 1, 9) if first == 9 or "Censored" not in name]
# Keras before 3.6 left the names of the layers to config.json.
ARCHIVE_CASES = [(name, named) for name in LAYERS for named in (True, False) if not named or "Censored" not in name]
NOT_IN_1_0 = ("ApogeeKeplerEchelle", "ApogeeBCNNaux", "ApokascEncoderDecoder", "ApogeeBCNNCensored")


@pytest.mark.parametrize(("name", "first"), HDF5_CASES)
def test_from_hdf5_every_array_goes_to_its_layer(name, first, tmp_path):
    net = built(name)
    folder = write_parameters(tmp_path / "old", parameters_1_1(net))
    write_hdf5(folder / HDF5, old_layers(net, name, first), weightless=["MCDropout_1", "BoolMask_1"])
    assert_same(load_folder(folder), net)


@pytest.mark.parametrize(("name", "with_names"), ARCHIVE_CASES)
def test_from_an_archive_every_array_goes_to_its_layer(name, with_names, tmp_path):
    net = built(name)
    folder = write_parameters(tmp_path / "old", parameters_1_1(net))
    write_archive(folder / ARCHIVE, old_layers(net, name, first=9), with_names)
    assert_same(load_folder(folder), net)


# The censored one has a test of its own.
@pytest.mark.parametrize("name", [name for name in LAYERS if name not in NOT_IN_1_0])
def test_from_the_flat_parameters_of_1_0(name, tmp_path):
    net = built(name)
    folder = write_parameters(tmp_path / "old", flat(parameters_1_1(net)))
    write_hdf5(folder / HDF5, old_layers(net, name, first=1), version="2.2.0", optimizer="training/Adam")
    assert_same(load_folder(folder), net)


@pytest.mark.parametrize("write", [write_hdf5, write_archive])
@pytest.mark.parametrize("name", ["ApogeeBCNN", "ApogeeCVAE", "SimplePolyNN"])
def test_an_array_too_many_or_too_few_is_an_error(name, write, tmp_path):
    net = built(name)
    folder = write_parameters(tmp_path / "old", parameters_1_1(net))
    layers = old_layers(net, name, first=0)
    automatic, explicit = (OldLayer("Dense", new, layers[0].arrays) for new in ("dense_77", "stowaway"))
    for changed in ([*layers, explicit], [*layers, automatic], layers[:-1], layers[1:]):
        write(folder / (HDF5 if write is write_hdf5 else ARCHIVE), changed)
        with pytest.raises(FolderError, match="find no (array|layer)"):
            load_folder(folder)


def as_1_2(net):
    """An `ApogeeBCNN` as a plain Keras model with automatic names, as the development version 1.2 made it."""
    shape, n_labels = tuple(net._input_shape["input"]), int(net._labels_shape["output"])
    layers = [keras.layers.Conv1D(n, 8, padding="same") for n in net.num_filters]
    layers += [keras.layers.Dense(n) for n in net.num_hidden]
    heads = [keras.layers.Dense(n_labels, name=name) for name in ("output", "variance_output")]
    spectra, errors = keras.Input(shape, name="input"), keras.Input((n_labels,), name="labels_err")
    x = keras.layers.Dropout(0.3)(layers[0](spectra))
    x = keras.layers.Flatten()(keras.layers.MaxPooling1D(4)(layers[1](x)))
    x = layers[3](keras.layers.Dropout(0.3)(layers[2](x)))
    outputs = {head.name: head(x) for head in reversed(heads)}
    model = keras.Model(inputs={"input": spectra, "labels_err": errors}, outputs=outputs)
    model.compile(optimizer="adam", loss={"output": "mse"})
    today = weighted(net.keras_model)
    for layer, (now, _, _) in zip([*layers, *heads], LAYERS["ApogeeBCNN"], strict=True):
        layer.set_weights(today[now].get_weights())
    return model


@pytest.mark.parametrize("file", [ARCHIVE, HDF5])
def test_a_file_that_keras_3_itself_wrote(file, tmp_path):
    net = built("ApogeeBCNN")
    folder = write_parameters(tmp_path / "old", parameters_1_1(net))
    keras.layers.Dense(1), keras.layers.Conv1D(1, 1)  # numbers go on through a session
    as_1_2(net).save(folder / file)
    assert_same(load_folder(folder), net)


def autoencoder_as_1_2(net):
    """An `ApogeeCVAE` as a plain Keras model: automatic names, the decoder a model inside, a Lambda that draws."""
    kinds = [(keras.layers.Conv1D, (2, 8)), (keras.layers.Conv1D, (4, 8)), (keras.layers.Dense, (4,)),
             (keras.layers.Dense, (4,))]  # fmt: skip
    spectra = x = keras.Input((24, 1), name="input")
    for kind, sizes in kinds[:2]:
        x = kind(*sizes, padding="same")(x)
    x = keras.layers.Flatten()(keras.layers.MaxPooling1D(4)(x))
    for kind, sizes in kinds[2:]:
        x = kind(*sizes)(x)
    latent = [keras.layers.Dense(4, name=name)(x) for name in ("mean_output", "sigma_output")]
    draw = keras.layers.Lambda(lambda moments: moments[0], output_shape=(4,))
    decoder = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(4), keras.layers.Dropout(0.1), keras.layers.Dense(96),
         keras.layers.Reshape((24, 4)), keras.layers.Conv1D(4, 8, padding="same"),
         keras.layers.Conv1D(2, 8, padding="same"), keras.layers.Conv1D(1, 8, padding="same", name="output")],
        name="output",
    )  # fmt: skip
    model = keras.Model(spectra, [decoder(draw(latent)), *latent])
    model.compile(optimizer="adam", loss="mse")
    made, today = weighted(model), weighted(net.keras_model)
    automatic = {  # dense_9 before dense_10
        kind: sorted((name for name in made if re.fullmatch(rf"{kind}(_\d+)?", name)), key=lambda n: (len(n), n))
        for kind in ("conv1d", "dense")
    }
    for now, kind, then, *_ in LAYERS["ApogeeCVAE"]:
        made[then or automatic[kind.lower()].pop(0)].set_weights(today[now].get_weights())
    return model


@pytest.mark.parametrize("file", [ARCHIVE, HDF5])
def test_an_autoencoder_that_keras_3_itself_wrote_with_a_lambda_that_is_never_run(file, tmp_path, monkeypatch):
    net = built("ApogeeCVAE")
    folder = write_parameters(tmp_path / "old", parameters_1_1(net))
    keras.layers.Dense(1), keras.layers.Conv1D(1, 1)  # numbers go on through a session
    autoencoder_as_1_2(net).save(folder / file)

    def called(*args, **kwargs):
        raise AssertionError("something of the file was about to be run")

    for module, name in ((keras.saving, "deserialize_keras_object"), (keras.saving, "load_model"),
                         (keras.layers, "deserialize"), (keras.layers.Lambda, "__init__")):  # fmt: skip
        monkeypatch.setattr(module, name, called)
    assert_same(load_folder(folder), net)


def test_the_misspelt_class_of_1_1_is_today_s(tmp_path):
    net = built("ApogeeKeplerEchelle")
    folder = write_parameters(tmp_path / "old", parameters_1_1(net, identifier="ApogeeKplerEchelle"))
    write_hdf5(folder / HDF5, old_layers(net, "ApogeeKeplerEchelle", 0))
    assert_same(load_folder(folder), net)


def test_scopes_that_tensorflow_1_numbered_once_more_are_those_of_their_layer(tmp_path):
    net = built("ApogeeBCNN")
    folder = write_parameters(tmp_path / "old", parameters_1_1(net))
    layers = old_layers(net, "ApogeeBCNN", 1)
    write_hdf5(folder / HDF5, layers)
    with h5py.File(folder / HDF5, "a") as file:
        for layer in layers:
            file["model_weights"][layer.name].move(layer.name, f"{layer.name}_1")
    assert_same(load_folder(folder), net)


def test_an_archive_without_any_names_is_refused(tmp_path):
    net = built("ApogeeBCNN")
    folder = write_parameters(tmp_path / "old", parameters_1_1(net))
    for config in ("", "[]", json.dumps({"config": {"layers": []}}), "[" * 10000):
        write_archive(folder / ARCHIVE, old_layers(net, "ApogeeBCNN", 0), with_names=False, config=config)
        with pytest.raises(FolderError, match=r"names? of"):
            load_folder(folder)


def test_the_other_encoder_decoder_of_1_2_is_named_as_the_reason(tmp_path):
    """Its convolutions were not padded: 57 outputs need 4 n + 57 - 8 of its kind, and no multiple of 4."""
    net = built("ApokascEncoderDecoder")
    parameters = parameters_1_1(net)
    parameters["labels"], parameters["labels_mean"] = {"output": 57}, {"output": [0.0]}
    folder = write_parameters(tmp_path / "old", parameters)
    write_archive(folder / ARCHIVE, old_layers(net, "ApokascEncoderDecoder", 0))
    with pytest.raises(FolderError, match=r"1\.2 built this class without padding"):
        load_folder(folder)
