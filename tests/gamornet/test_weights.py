"""Weights of GaMorNet from files written here in the layouts of Keras 2 and TFLearn, and from a server of our own."""

import builtins

import h5py
import keras
import numpy as np
import pytest

from astroNN.gamornet import _released, load_weights
from astroNN.gamornet._released import RELEASED, Released
from astroNN.models import Cifar10CNN, GaMorNet, GaMorNetBCNN
from astroNN.models.misc_models.gamornet import INPUT_SHAPES
from astroNN.shared import _transfer
from tests.helpers.http_server import FileServer

SHAPE = (19, 19, 1)
CONVOLUTIONS = ["conv_1", "conv_2", "conv_3", "conv_4", "conv_5"]
LAYERS = [*CONVOLUTIONS, "hidden_1", "hidden_2", "output"]
#: the order in which Keras 2 listed the layers, with the numbers of a process that had built other networks before
KERAS_2 = [
    "conv2d_8", "max_pooling2d_5", "local_response_normalization_5", "conv2d_9", "max_pooling2d_6",
    "local_response_normalization_6", "conv2d_10", "conv2d_11", "conv2d_12", "max_pooling2d_7",
    "local_response_normalization_7", "flatten_2", "dense_9", "dropout_5", "dense_10", "dropout_6", "dense_11",
]  # fmt: skip
TFLEARN = [*(f"Conv2D{n}" for n in ("", "_1", "_2", "_3", "_4")),
           *(f"FullyConnected{n}" for n in ("", "_1", "_2"))]  # fmt: skip


def network(kind=GaMorNet, flavour="keras", shape=SHAPE, seed=1):
    net = kind(flavour=flavour)
    # Equal sizes wherever the architecture lets layers be, so that no shape gives a wrong order away.
    net.num_filters, net.num_hidden, net.filter_len = [4] * 5, [4, 4], [5, 3, 3, 3, 3]
    net.verbose, net.seed = 0, seed
    if kind is GaMorNetBCNN:
        net.mc_num = 4
    return net.build(shape)


def random_weights(net, seed=0):
    """Kernel and bias of each layer, no two alike."""
    rng = np.random.default_rng(seed)
    model = net.keras_model
    return [
        (rng.normal(0, 1, layer.kernel.shape).astype("float32"), rng.normal(0, 1, layer.bias.shape).astype("float32"))
        for layer in map(model.get_layer, LAYERS)
    ]


def weights_of(net):
    return [tuple(net.keras_model.get_layer(name).get_weights()) for name in LAYERS]


def same(first, second):
    pairs = zip(first, second, strict=True)
    return all(np.array_equal(a, b) for one, other in pairs for a, b in zip(one, other, strict=True))


@pytest.fixture
def images():
    return np.random.default_rng(5).normal(0, 30.0, (5, *SHAPE[:2])).astype("float32")


# Files in the layouts of the earlier packages ---------------------------------------------------------------------


def write_keras_2(path, weights, names=KERAS_2, is_whole=False, version=b"2.2.4", spoil=None):
    """An HDF5 file as Keras 2.2 wrote it: attributes of bytes, one group a layer, also without weights."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if is_whole else file
        for place in {root, file}:
            place.attrs["keras_version"], place.attrs["backend"] = version, b"tensorflow"
        if is_whole:
            file.attrs["model_config"] = b'{"class_name": "Sequential", "config": "must not be read'
            file.create_group("optimizer_weights").create_dataset("training/SGD/iterations:0", data=np.int64(7))
        root.attrs["layer_names"] = [name.encode() for name in names]
        arrays = iter(weights)
        for name in names:
            group = root.create_group(name)
            group.attrs["weight_names"] = []
            if name.startswith(("conv2d", "dense")):
                kernel, bias = next(arrays)
                group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
                group.create_dataset(f"{name}/kernel:0", data=kernel)
                group.create_dataset(f"{name}/bias:0", data=bias)
        if spoil is not None:
            spoil(root)
    return path


def write_tflearn(prefix, weights, extra=True, scopes=TFLEARN):
    """A checkpoint as TFLearn's saver wrote it, with what stands beside the weights."""
    import tensorflow as tf

    arrays = {f"{scope}/{end}": array for scope, pair in zip(scopes, weights, strict=True)
              for end, array in zip("Wb", pair, strict=True)}  # fmt: skip
    if extra:
        arrays |= {f"{name}/Momentum": np.zeros_like(array) for name, array in arrays.items()}
        arrays |= {"Global_Step": np.float32(12.0), "Training_step": np.float32(12.0), "is_training": np.array(False),
                   "val_loss": np.float32(0.5), "Momentum/Accuracy/Mean/moving_avg": np.float32(0.9)}  # fmt: skip
    names = list(arrays)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(arrays[name]) for name in names],
    )
    return prefix


# Loading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole model", "weights alone"])
@pytest.mark.parametrize("ending", [pytest.param(".h5", marks=pytest.mark.slow), ".hdf5"])
def test_files_of_keras_2_are_read_by_the_order_of_their_layers(tmp_path, images, is_whole, ending):
    reference, net = network(), network(seed=2)
    weights = random_weights(reference)
    for name, pair in zip(LAYERS, weights, strict=True):
        reference.keras_model.get_layer(name).set_weights(pair)
    file = write_keras_2(tmp_path / f"model{ending}", weights, is_whole=is_whole)
    assert load_weights(net, file) == LAYERS
    assert same(weights_of(net), weights)
    np.testing.assert_array_equal(net.predict(images), reference.predict(images))


def test_a_checkpoint_of_tflearn_gives_the_same_predictions_as_the_file_of_keras(tmp_path, images):
    nets = [network(flavour="tflearn", seed=seed) for seed in (1, 2)]
    weights = random_weights(nets[0])
    prefix = write_tflearn(tmp_path / "check-562800", weights)
    # Today's Keras wrote this one: nothing says which flavour it has.
    file = write_keras_2(tmp_path / "model.h5", weights, version="3.10.0")
    load_weights(nets[0], prefix)
    load_weights(nets[1], str(file))
    assert same(weights_of(nets[0]), weights)
    np.testing.assert_array_equal(nets[0].predict(images), nets[1].predict(images))


@pytest.mark.parametrize("ending", [".index", ".data-00000-of-00001", ".meta"])
def test_a_checkpoint_may_be_named_by_one_of_its_files(tmp_path, ending):
    net = network(flavour="tflearn")
    weights = random_weights(net)
    load_weights(net, f"{write_tflearn(tmp_path / 'check-1', weights)}{ending}")
    assert same(weights_of(net), weights)


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5", "model.h5"])
@pytest.mark.filterwarnings("ignore:.*HDF5")
def test_files_that_keras_writes_today_are_read_too(tmp_path, name):
    source, net = network(seed=3), network(seed=4)
    weights = random_weights(source)
    for layer, pair in zip(LAYERS, weights, strict=True):
        source.keras_model.get_layer(layer).set_weights(pair)
    save = source.keras_model.save_weights if "weights" in name else source.keras_model.save
    save(tmp_path / name)
    load_weights(net, tmp_path / name)
    assert same(weights_of(net), weights)


def test_layers_can_be_left_out_and_then_may_have_other_shapes(tmp_path):
    larger, net = network(shape=(40, 40, 1)), network()
    before, weights = weights_of(net), random_weights(larger)
    file = write_keras_2(tmp_path / "model.h5", weights)
    chosen = [True, False, True, True, True, False, False, True]
    assert load_weights(net, file, chosen) == ["conv_1", "conv_3", "conv_4", "conv_5", "output"]
    expected = [new if wanted else old for new, old, wanted in zip(weights, before, chosen, strict=True)]
    assert same(weights_of(net), expected)
    assert chosen == [True, False, True, True, True, False, False, True]


def test_a_keras_model_may_take_them(tmp_path):
    net = network()
    weights = random_weights(net)
    model = keras.models.clone_model(net.keras_model)
    load_weights(model, write_keras_2(tmp_path / "model.h5", weights))
    for name, pair in zip(LAYERS, weights, strict=True):
        np.testing.assert_array_equal(model.get_layer(name).get_weights()[0], pair[0])


def test_a_bayesian_network_starts_with_next_to_no_spread_of_its_logits(tmp_path, images):
    net = network(GaMorNetBCNN)
    weights = random_weights(net)
    head = net.keras_model.get_layer("variance_output")
    head.set_weights([np.ones_like(array) for array in head.get_weights()])
    load_weights(net, write_keras_2(tmp_path / "model.h5", weights))
    assert same(weights_of(net), weights)
    _, uncertainty = net.predict(images)
    np.testing.assert_allclose(uncertainty["predictive"], np.expm1(np.log1p(np.exp(-4.0))), rtol=1e-4)
    head.set_weights([np.ones_like(array) for array in head.get_weights()])
    load_weights(net, tmp_path / "model.h5", [True] * 7 + [False])
    assert (head.get_weights()[0] == 1).all()


# Released weights ---------------------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server with small files in the places of the released ones, set as the mirror; and a cache of its own."""
    monkeypatch.setattr(_transfer, "PAUSES", (0.01,))
    monkeypatch.setattr("astroNN.config.astroNN_CACHE_DIR", str(tmp_path / "cache"), raising=False)
    net = network()
    file = write_keras_2(tmp_path / "model.h5", random_weights(net))
    prefix = write_tflearn(tmp_path / "check", random_weights(net))
    files = {f"mirror/{released.path}": file.read_bytes() for released in RELEASED["keras"].values()}
    for released in RELEASED["tflearn"].values():
        for ending in (".index", ".data-00000-of-00001"):
            files[f"mirror/{released.path}{ending}"] = (tmp_path / f"{prefix.name}{ending}").read_bytes()
    with FileServer(files) as running:
        settings = tmp_path / "config.ini"
        settings.write_text(f"[Downloads]\ngamornet = {running.url}mirror\n")
        monkeypatch.setenv("ASTRONN_CONFIG", str(settings))
        running.cache, running.weights = tmp_path / "cache" / "gamornet", random_weights(net)
        yield running


@pytest.mark.parametrize("flavour", ["keras", "tflearn"])
@pytest.mark.parametrize("name", ["SDSS_sim", "SDSS_tl", "CANDELS_sim", "CANDELS_tl"])
def test_released_weights_are_fetched_once_by_their_names(server, flavour, name):
    net = network(flavour=flavour)
    for _ in range(2):
        load_weights(net, name)
    assert same(weights_of(net), server.weights)
    released = RELEASED[flavour][name]
    assert [path for path, _ in server.requests] == [f"mirror/{released.path}{end}" for end in released.endings]
    assert all((server.cache / f"{released.path}{end}").is_file() for end in released.endings)


def test_the_names_stand_for_the_published_files():
    paths = {name: released.path for name, released in RELEASED["keras"].items()}
    assert paths["SDSS_tl"] == "gamornet_keras/trained_models/SDSS/tl/model_sdsss_tl.hdf5"
    assert paths["SDSS_sim"] == "gamornet_keras/trained_models/SDSS/sim_trained/model_sdss_sim_trained.h5"
    assert RELEASED["tflearn"]["CANDELS_tl"].path == "gamornet/trained_models/CANDELS/tl/check-571275"
    assert RELEASED["tflearn"]["SDSS_sim"].path == "gamornet/trained_models/SDSS/sim_trained/check-1405593"


def test_a_network_that_is_not_built_is_built_for_the_survey(server, monkeypatch):
    net = GaMorNet()
    net.num_filters, net.num_hidden, net.filter_len = [4] * 5, [4, 4], [5, 3, 3, 3, 3]
    with pytest.raises(ValueError, match=r"layer 13 .* needs \(36, 4\)"):
        load_weights(net, "CANDELS_sim")  # the small file is for images of 19x19 pixels
    assert not net.has_model  # as before: no network of random weights is left behind
    monkeypatch.setitem(INPUT_SHAPES, "CANDELS", SHAPE)
    load_weights(net, "CANDELS_sim")
    assert net.input_shape == (None, *SHAPE) and same(weights_of(net), server.weights)


def test_where_the_weights_can_not_be_fetched_the_network_stays_unbuilt(server):
    server.acts[f"mirror/{RELEASED['keras']['SDSS_tl'].path}"] = [404]
    net = GaMorNet()
    with pytest.raises(ConnectionError):
        load_weights(net, "SDSS_tl")
    assert not net.has_model


def test_where_the_server_can_not_be_reached_the_error_tells_what_to_do(server, tmp_path):
    net = network()
    path = f"mirror/{RELEASED['keras']['SDSS_tl'].path}"
    server.acts[path] = [404]
    with pytest.raises(ConnectionError) as caught:
        load_weights(net, "SDSS_tl")
    for part in ("'SDSS_tl' can't be fetched", "ftp://ftp.astro.yale.edu/pub/aghosh/", "drive.google.com",
                 str(server.cache), "model_sdsss_tl.hdf5", "[Downloads]", str(tmp_path / "config.ini")):  # fmt: skip
        assert part in str(caught.value)
    # A file put there by hand is taken.
    place = server.cache / RELEASED["keras"]["SDSS_tl"].path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(server.files[path])
    server.requests.clear()
    load_weights(net, "SDSS_tl")
    assert same(weights_of(net), server.weights) and server.requests == []


def test_a_page_in_place_of_the_file_is_refused(server):
    server.acts[f"mirror/{RELEASED['keras']['SDSS_tl'].path}"] = [("other", b"<!DOCTYPE html><html>sign in</html>")]
    with pytest.raises(ConnectionError, match="a page instead"):
        load_weights(network(), "SDSS_tl")


def test_a_checksum_is_heeded_where_one_is_known(server, monkeypatch):
    released = Released(RELEASED["keras"]["SDSS_tl"].path, sha256={"": "sha256:" + "0" * 64})
    monkeypatch.setitem(_released.RELEASED["keras"], "SDSS_tl", released)
    with pytest.raises(ConnectionError, match="another checksum"):
        load_weights(network(), "SDSS_tl")


# What must not work -------------------------------------------------------------------------------------------------


def refused(net, source, match, kind=ValueError, **settings):
    before = [array.copy() for pair in weights_of(net) for array in pair]
    with pytest.raises(kind, match=match):
        load_weights(net, source, **settings)
    after = [array for pair in weights_of(net) for array in pair]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


SPOILT = {
    "a layer is missing": (lambda root: root.__delitem__("conv2d_10"), "convolutions .* but 4 and 3 among 7"),
    "a layer too many": (
        lambda root: (root.create_dataset("flatten_2/flatten_2/kernel:0", data=np.ones((4, 4))),
                      root.create_dataset("flatten_2/flatten_2/bias:0", data=np.ones(4))),
        "but 5 and 4 among 9 layers",
    ),
    "no bias": (lambda root: root.__delitem__("dense_9/dense_9/bias:0"), "'dense_9' has no bias"),
    "another array": (
        lambda root: root.create_dataset("dense_9/dense_9/gamma:0", data=np.ones(4)), "gamma:0' is neither kernel",
    ),
    "no order": (lambda root: root.attrs.__delitem__("layer_names"), "`layer_names`, .* is missing"),
    "an order of numbers": (
        lambda root: root.attrs.__setitem__("layer_names", [1, 2]), "`layer_names`, .* is missing",
    ),
    "an unnamed layer": (
        lambda root: root.attrs.__setitem__("layer_names", [name.encode() for name in KERAS_2[1:]]),
        r"does not name \['conv2d_8'\]",
    ),
    "a link": (
        lambda root: (root.__delitem__("conv2d_9"), root.__setitem__("conv2d_9", h5py.SoftLink("/conv2d_8"))),
        "is a link",
    ),
    "whole numbers": (
        lambda root: (root.__delitem__("dense_11/dense_11/bias:0"),
                      root.create_dataset("dense_11/dense_11/bias:0", data=np.ones(3, int))),
        "bias of layer 17 .*is int64",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILT)
def test_spoilt_files_of_keras_are_refused_and_change_nothing(tmp_path, case):
    spoil, match = SPOILT[case]
    net = network()
    refused(net, write_keras_2(tmp_path / "model.h5", random_weights(net), spoil=spoil), match)


def test_weights_of_another_shape_are_refused_with_the_shapes(tmp_path):
    net = network()
    file = write_keras_2(tmp_path / "model.h5", random_weights(network(shape=(40, 40, 1))))
    refused(net, file, r"kernel of layer 13 \('dense_9'\) is float32 of shape \(16, 4\).*needs \(4, 4\).*load_layers")


@pytest.mark.parametrize("size", [0, 7, 60, 3000])
def test_truncated_files_are_refused(tmp_path, size):
    net = network()
    file = write_keras_2(tmp_path / "model.h5", random_weights(net))
    file.write_bytes(file.read_bytes()[:size])
    refused(net, file, "truncated|can't be read")


@pytest.mark.parametrize("ending", [".index", ".data-00000-of-00001"])
def test_a_truncated_checkpoint_is_refused(tmp_path, ending):
    net = network(flavour="tflearn")
    prefix = write_tflearn(tmp_path / "check", random_weights(net))
    file = tmp_path / f"check{ending}"
    file.write_bytes(file.read_bytes()[:100])
    refused(net, prefix, "checkpoint .*check can't be read")
    file.unlink()
    refused(net, prefix, "There is no file|can't be read", (ValueError, FileNotFoundError))


def test_a_checkpoint_with_a_changed_byte_is_refused(tmp_path):
    net = network(flavour="tflearn")
    prefix = write_tflearn(tmp_path / "check", random_weights(net))
    file = tmp_path / "check.data-00000-of-00001"
    file.write_bytes(bytes(byte ^ 1 for byte in file.read_bytes()))
    refused(net, prefix, "checkpoint .*check can't be read")


def test_a_checkpoint_that_lacks_a_variable_or_has_another_shape(tmp_path):
    net = network(flavour="tflearn")
    weights = random_weights(net)
    scopes = [*TFLEARN[:4], "Conv2D_9", *TFLEARN[5:]]
    refused(net, write_tflearn(tmp_path / "renamed", weights, scopes=scopes), "lacks Conv2D_4/W, Conv2D_4/b; it has")
    larger = random_weights(network(shape=(40, 40, 1)))
    refused(
        net,
        write_tflearn(tmp_path / "larger", larger),
        r"'FullyConnected/W' has the shape \(16, 4\), .*needs \(4, 4\)",
    )


def test_a_network_that_was_not_the_first_of_its_session_is_read_by_the_order_of_its_layers(tmp_path):
    net = network(flavour="tflearn")
    weights = random_weights(net)
    scopes = [f"Conv2D_{k}" for k in range(8, 13)] + [f"FullyConnected_{k}" for k in range(3, 6)]
    load_weights(net, write_tflearn(tmp_path / "check", weights, scopes=scopes))
    assert same(weights_of(net), weights)


def test_of_several_networks_the_first_is_read_and_a_warning_says_so(tmp_path):
    net = network(flavour="tflearn")
    weights, others = random_weights(net), random_weights(net)
    others = [tuple(array + 1.0 for array in pair) for pair in others]
    scopes = [f"Conv2D_{k}" for k in range(5, 10)] + [f"FullyConnected_{k}" for k in range(3, 6)]
    prefix = write_tflearn(tmp_path / "check", others + weights, scopes=scopes + TFLEARN)
    with pytest.warns(UserWarning, match="check holds the layers of several networks: 10 convolutions") as caught:
        load_weights(net, prefix)
    assert caught[0].filename == __file__
    assert same(weights_of(net), weights)


def test_without_tensorflow_a_checkpoint_is_an_error_that_says_so(tmp_path, monkeypatch):
    net = network(flavour="tflearn")
    prefix = write_tflearn(tmp_path / "check", random_weights(net))
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "tensorflow":
            raise ImportError("No module named 'tensorflow'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    refused(net, prefix, "TensorFlow alone can read.*pip install tensorflow", ImportError)


def test_weights_of_the_other_flavour_are_refused(tmp_path):
    plain, across = network(), network(flavour="tflearn")
    weights = random_weights(plain)
    refused(plain, write_tflearn(tmp_path / "check", weights), "belong to the flavour 'tflearn'.*flavour='tflearn'")
    refused(across, write_keras_2(tmp_path / "model.h5", weights), "Keras 2.2.4, .*belong to the flavour 'keras'")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        file.attrs["astroNN_gamornet_flavour"] = "tflearn"  # what a file of the drop-in functions says of itself
    refused(plain, tmp_path / "model.h5", "belong to the flavour 'tflearn'.*flavour='tflearn'")


@pytest.mark.parametrize("choice", [[True] * 7, [1] * 8, "all", [False] * 8, True, [None] * 8])
def test_choices_of_layers_that_are_none(tmp_path, choice):
    net = network()
    file = write_keras_2(tmp_path / "model.h5", random_weights(net))
    refused(
        net, file, "`load_layers` (must be 8 times|is False for every)", (ValueError, TypeError), load_layers=choice
    )


def test_sources_that_are_none(tmp_path):
    net = network()
    refused(net, "SDSS_t1", "'SDSS_sim', 'SDSS_tl', .*Did you mean 'SDSS_tl'", FileNotFoundError)
    refused(net, tmp_path / "nothing.h5", "There is no file .*nothing.h5", FileNotFoundError)
    refused(net, tmp_path, "is a folder, no file of weights.*load_folder", FileNotFoundError)
    refused(net, None, "`source` must be a path or one of 'SDSS_sim'", TypeError)
    (tmp_path / "text.h5").write_text("not what it says, but long enough to be looked at")
    refused(net, tmp_path / "text.h5", "can't be read")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    refused(net, tmp_path / "empty.h5", "holds no weights")


def test_another_network_gives_its_weights_to_the_layers_chosen(images):
    source, net = network(seed=1), network(seed=2)
    before = weights_of(net)
    assert load_weights(net, source, [True] * 5 + [False] * 3) == CONVOLUTIONS
    assert same(weights_of(net)[:5], weights_of(source)[:5])
    assert same(weights_of(net)[5:], before[5:])
    load_weights(net, source.keras_model)
    np.testing.assert_allclose(net.predict(images), source.predict(images), rtol=1e-5)


def test_layers_are_chosen_by_the_documented_names_too():
    source, net = network(seed=1), network(seed=2)
    assert load_weights(net, source, "load_bools_CANDELS") == LAYERS[:6]
    with pytest.raises(ValueError, match="`load_layers` must be .* 'load_bools_SDSS'.*got 'all'"):
        load_weights(net, source, "all")


def test_other_classes_and_another_normalisation_do_not_go_unnoticed():
    source, net = network(seed=1), network(seed=2)
    source.targetname = source.targetname[::-1]
    with pytest.raises(ValueError, match="has the classes .*bulge-dominated', .* `load_layers`"):
        load_weights(net, source)
    load_weights(net, source, [True] * 7 + [False])
    source = network(seed=1)
    source.input_normalizer.normalization_mode = "1"
    with pytest.warns(UserWarning, match="`network` takes images with input_norm_mode 0, `source` with 1"):
        load_weights(net, source)


def test_weights_of_a_training_that_failed_are_refused():
    source, net = network(seed=1), network(seed=2)
    kernel, bias = source.keras_model.get_layer("conv_3").get_weights()
    source.keras_model.get_layer("conv_3").set_weights([np.full_like(kernel, np.nan), bias])
    refused(net, source, "layer 8 has weights that are NaN or infinite")


def test_another_network_that_does_not_fit_changes_nothing():
    net = network()
    before = weights_of(net)
    with pytest.raises(ValueError, match="`source` has the flavour 'tflearn', `network` the flavour 'keras'"):
        load_weights(net, network(flavour="tflearn"))
    # 19 pixels leave one row before the dense layers, 40 leave two.
    with pytest.raises(ValueError, match=r"`source`: layer 13 has weights of the shapes .* `load_layers`"):
        load_weights(net, network(shape=(40, 40, 1)))
    with pytest.raises(ValueError, match="`source` is not built yet"):
        load_weights(net, GaMorNet())
    with pytest.raises(ValueError, match="`source` must be a GaMorNet"):
        load_weights(net, keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))
    assert same(weights_of(net), before)


def test_networks_that_are_no_gamornet(tmp_path):
    file = write_keras_2(tmp_path / "model.h5", random_weights(network()))
    with pytest.raises(TypeError, match="`network` must be a GaMorNet.*got str"):
        load_weights("GaMorNet", file)
    with pytest.raises(ValueError, match="not built yet.*build"):
        load_weights(GaMorNet(), file)
    with pytest.raises(ValueError, match="not built yet"):
        load_weights(Cifar10CNN(), "SDSS_tl")
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="must be a GaMorNet, with 5 convolutions.*got 0, 1 and 0"):
        load_weights(dense, file)
