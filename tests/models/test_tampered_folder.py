"""Folders of version 1 that a stranger forged: refused with the reason, nothing of them run, nothing written."""

import io
import json
import pickle
import zipfile

import h5py
import keras
import numpy as np
import pytest

from astroNN.models import load_folder
from astroNN.shared.errors import FolderError

from ..helpers.old_folders import (
    ARCHIVE,
    HDF5,
    N_LABELS,
    N_PIXELS,
    PARAMETERS,
    SOUND,
    sound_layers,
    write_archive,
    write_hdf5,
)

pytestmark = pytest.mark.one_backend


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "outer" / "old").mkdir(parents=True)
    (tmp_path / "outer" / "old" / PARAMETERS).write_text(json.dumps(SOUND))
    return tmp_path / "outer" / "old"


@pytest.fixture
def hdf5(folder):
    write_hdf5(folder / HDF5, sound_layers())
    return folder


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch):
    """What could run a stranger's code is not even called."""

    def called(*args, **kwargs):
        raise AssertionError("something of the folder was about to be run")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"),
                         (keras.saving, "deserialize_keras_object"), (keras.saving, "load_model"),
                         (keras.models, "load_model"), (keras.models, "model_from_json"),
                         (keras.layers, "deserialize"), (keras.layers.Lambda, "__init__")):  # fmt: skip
        monkeypatch.setattr(module, name, called)


def files(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.parent.parent.rglob("*")}


def refused(folder, match, kind=FolderError):
    before = files(folder)
    with pytest.raises(kind, match=match) as caught:
        load_folder(folder)
    assert files(folder) == before
    assert len(str(caught.value)) < 2000
    return caught


def edited(folder, **changes):
    (folder / PARAMETERS).write_text(json.dumps(SOUND | changes))
    return folder


def test_the_folder_is_sound_before_it_is_tampered_with(hdf5):
    before = files(hdf5)
    assert load_folder(hdf5).predict(np.ones((2, N_PIXELS)))[0].shape == (2, N_LABELS)
    assert files(hdf5) == before
    (hdf5 / HDF5).unlink()
    write_archive(hdf5 / ARCHIVE, sound_layers())
    assert load_folder(hdf5).predict(np.ones((2, N_PIXELS)))[0].shape == (2, N_LABELS)


# Parameters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "identifier",
    ["../x", "os.system", "__class__", "__import__('os').system('true')", "load_folder", "CNNBase", "NeuralNetMaster",
     "BayesianCNNBase", "persistence", "Normalizer", "", "astroNN.models.ApogeeBCNN", "DeepEnsemble\x00"],
)  # fmt: skip
def test_an_identifier_that_is_no_network(hdf5, identifier):
    refused(edited(hdf5, id=identifier), "Unknown model identifier", TypeError)


@pytest.mark.parametrize("identifier", [None, 3, ["ApogeeBCNN"], {"a": 1}])
def test_an_identifier_that_is_no_text(hdf5, identifier):
    refused(edited(hdf5, id=identifier), "no `id`")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("input", {"input": [40, 1], "../x": [2, 1]}), ("input", {"input": [40, 1], "": [2, 1]}),
        ("input", {"input": [40, 1], "a\\b": [2, 1]}), ("input", {"input": 40}), ("input", {"input": [2**40, 1]}),
        ("input", {"input": [2**30, 2**30, 2**30]}), ("input", {"input": [10**400, 1]}), ("input", [[40], 1]),
        ("input", "x"), ("labels", {"output": 10**400}), ("labels", {"output": 0}), ("labels", {"output": [2, -1]}),
        ("labels", {}), ("labels", None), ("hidden", [6, 10**400]), ("hidden", [[[6]]]), ("hidden", {"a": 6}),
        ("filternum", [0, 4]), ("filterlen", True), ("dropout_rate", float("nan")), ("dropout_rate", 1.0),
        ("l2", float("inf")), ("l2", 10**400), ("batch_size", 2**70), ("targetname", ["../../etc/x", "b"]),
        ("targetname", ["/etc/x", "b"]), ("targetname", ["a\x00b", "b"]), ("targetname", [["a"], "b"]),
        ("input_mean", {"input": [0.0] * 39}), ("input_mean", {"input": "x"}), ("input_mean", {"input": [10**400]}),
        ("input_mean", {"input": [{"a": 1}]}), ("labels_std", {"output": [1.0, -1.0]}),
        ("labels_std", {"output": [1e-60, 1.0]}), ("labels_mean", {"other": [1.0]}), ("labels_mean", [[1.0], [2, 3]]),
        ("input_norm_mode", {"input": ["3"]}), ("input_norm_mode", {"input": "os.system"}), ("task", 3),
        ("input_norm_mode", "__class__"), ("activation", ["relu"]), ("latent", -1), ("aux_length", 1.5),
    ],
)  # fmt: skip
def test_a_value_that_can_not_be(hdf5, key, value):
    refused(edited(hdf5, **{key: value}), f"`{key}`")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"activation": "os.system"}, "can't be built"),
        ({"task": "os.system"}, "can't be built"),
        ({"pool_length": 1000}, "can't be built|find no|shape"),
        ({"hidden": [6, 5]}, r"shape \(4, 2\).*\(5, 2\)"),
        ({"labels": {"output": 3}, "labels_mean": {"output": [0.0]}, "labels_std": {"output": [1.0]}}, "shape"),
        ({"input": {"input": [44, 1]}, "input_mean": {"input": [0.0]}}, "shape"),
        ({"hidden": [5000, 4]}, "`hidden` holds 5000"),
        ({"filternum": [1000, 1000]}, "far larger network"),
        ({"hidden": [1024] * 1024}, "far larger network|find no|shape"),
        ({"input": {"input": [33_000_000, 1]}, "input_mean": {"input": [0.0]}, "pool_length": 1}, "far larger"),
        ({"id": "ApogeeCNN", "hidden": [1] * 100_000}, "far larger network"),
        ({"id": "ApogeeCVAE", "labels": {"output": 1000}, "labels_mean": {"output": [0.0]}, "hidden": [6, 1000],
          "labels_std": {"output": [1.0]}, "latent": 10**9, "filternum": [2, 4]}, "far larger network"),
        ({"id": "ApogeeCNN"}, "find no array"),
    ],
)  # fmt: skip
def test_settings_of_another_network(hdf5, changes, match):
    refused(edited(hdf5, **changes), match)


def test_a_network_far_larger_than_its_weights_takes_no_memory(hdf5, monkeypatch):
    """The largest weights asked for are 4 x 1024 x 40,000 x 1,024 bytes, 168 GB: trying would end this process."""
    refused(
        edited(
            hdf5, input={"input": [40_000, 1]}, input_mean={"input": [0.0]}, filternum=[2, 1024], hidden=[1024, 4]
        ),
        "far larger network",
    )
    assert keras.layers.Layer.add_weight.__name__ == "add_weight"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('{"id": "ApogeeBCNN", "id": "ApogeeCNN"}', "'id' twice"),
        (json.dumps(SOUND)[:-1] + ', "input": {"input": [40, 1], "input": [2, 1]}}', "twice"),
        ("[" * 100_000, "damaged"),
        (json.dumps(SOUND)[:-1] + ', "x": ' + "[" * 100_000 + "}", "damaged"),
        (json.dumps(SOUND | {"input_mean": 0}).replace('"input_mean": 0', '"input_mean": ' + "[" * 400 + "]" * 400),
         "input_mean|damaged"),
        (json.dumps(SOUND | {"hidden": 0}).replace('"hidden": 0', '"hidden": ' + "[" * 400 + "]" * 400), "hidden"),
        (json.dumps(SOUND | {"l2": 0}).replace('"l2": 0', '"l2": ' + "9" * 5000), "damaged|`l2`"),
        ("\ud800".encode("utf-16-le", "surrogatepass").decode("latin-1"), "damaged"),
    ],
)  # fmt: skip
def test_a_parameter_file_that_is_forged(hdf5, text, match):
    (hdf5 / PARAMETERS).write_text(text)
    refused(hdf5, match)


def test_a_statistic_that_version_1_could_not_take_is_no_other_setting(hdf5):
    edited(hdf5, input_mean={"input": [float("nan")] + [0.5] * 39}, labels_std={"output": [float("inf"), None]})
    net = load_folder(hdf5)
    assert net.input_mean["input"][0] == 0.0
    np.testing.assert_array_equal(net.labels_std["output"], [1.0, 1.0])
    for key in ("dropout_rate", "l2", "inv_tau", "valsize"):
        refused(edited(hdf5, **{key: float("nan")}), f"`{key}`")


# HDF5 --------------------------------------------------------------------------------------------------------


def spoil(file, kind, secret):
    group = file["model_weights/output/output"]
    name, shape = "bias:0", (2,)
    del group[name]
    if kind == "soft link":
        group[name] = h5py.SoftLink("/model_weights/variance_output/variance_output/bias:0")
    elif kind == "external link":
        group[name] = h5py.ExternalLink(str(secret), "/bias")
    elif kind == "hard link":
        group[name] = file["model_weights/variance_output/variance_output/bias:0"]
    elif kind == "circle":
        group[name] = file["model_weights"]
    elif kind == "virtual":
        layout = h5py.VirtualLayout(shape, "f4")
        layout[:] = h5py.VirtualSource(str(secret), "bias", shape, "f4")
        group.create_virtual_dataset(name, layout)
    elif kind == "external storage":
        group.create_dataset(name, shape, "f4", external=[(str(secret), 0, 8)])
    elif kind == "texts":
        group[name] = np.array([b"a", b"b"])
    elif kind == "objects":
        group.create_dataset(name, shape, h5py.vlen_dtype(np.float32))
    elif kind == "references":
        group.create_dataset(name, shape, h5py.ref_dtype)
    elif kind == "records":
        group[name] = np.zeros(shape, [("a", "f4"), ("b", "f4")])
    elif kind == "complex":
        group[name] = np.zeros(shape, "complex64")
    elif kind == "integers":
        group[name] = np.zeros(shape, "int32")
    elif kind == "empty":
        group[name] = h5py.Empty("f4")
    elif kind == "a type":
        group[name] = np.dtype("f4")
    elif kind == "a huge claim":
        group.create_dataset(name, (1 << 40,), "f4", chunks=(1024,))
    elif kind == "a bomb":
        group.create_dataset(name, data=np.zeros(1 << 25, "float32"), compression="gzip", compression_opts=9)


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        *((kind, "link") for kind in ("soft link", "external link", "hard link", "circle")),
        *((kind, "no plain array") for kind in ("virtual", "external storage", "texts", "objects", "references",
                                                "records", "empty", "a type")),
        ("complex", "no plain array"), ("integers", "holds int32"), ("a huge claim", "claim 4398"),
        ("a bomb", "claim 134"),
    ],
)  # fmt: skip
def test_what_is_no_plain_array_is_refused_unread(hdf5, tmp_path, kind, match):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["bias"] = np.zeros(2, "float32")
    with h5py.File(hdf5 / HDF5, "r+") as file:
        spoil(file, kind, secret)
    refused(hdf5, match)


def test_groups_within_groups(hdf5):
    with h5py.File(hdf5 / HDF5, "r+") as file:
        file["model_weights/" + "/".join(["a"] * 40) + "/kernel:0"] = np.zeros(2)
    refused(hdf5, "nested too deep")


def test_a_group_of_one_layer_that_holds_the_arrays_of_another(hdf5):
    with h5py.File(hdf5 / HDF5, "r+") as file:
        file["model_weights"].move("output/output", "output/variance_output")
        file["model_weights"].move("variance_output/variance_output", "variance_output/output")
    net = load_folder(hdf5)  # the arrays themselves say whose they are; both stand once
    np.testing.assert_array_equal(
        net.keras_model.get_layer("variance_output").get_weights()[0], sound_layers()[4].arrays["kernel"]
    )
    with h5py.File(hdf5 / HDF5, "r+") as file:
        file["model_weights"].copy("output/variance_output", "variance_output/variance_output")
    refused(hdf5, "two arrays called")


def test_a_file_of_another_kind(hdf5):
    for content in (b"", b"\x89HDF", pickle.dumps({"a": 1}), b"PK\x03\x04", b"\x80\x04cos\nsystem\n"):
        (hdf5 / HDF5).write_bytes(content)
        refused(hdf5, "can't be read")


def test_a_pickle_beside_the_weights_is_not_touched(hdf5):
    (hdf5 / "model.pkl").write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    (hdf5 / "model_weights.keras").mkdir()
    load_folder(hdf5)


# Archives ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../outside.txt", "a/../../b", "model.weights.h5/../x", "C:\\x", "assets/x.pkl", "x.py"]
)
def test_an_archive_with_another_member(folder, name):
    write_archive(folder / ARCHIVE, sound_layers(), extra=[(name, b"x")])
    refused(folder, "Nothing of it was read")


def test_an_archive_with_a_member_twice(folder):
    with pytest.warns(UserWarning, match="Duplicate"):
        write_archive(folder / ARCHIVE, sound_layers(), extra=[("model.weights.h5", b"x")])
    refused(folder, "twice")


def test_an_archive_without_weights(folder):
    with zipfile.ZipFile(folder / ARCHIVE, "w") as archive:
        archive.writestr("config.json", "{}")
    refused(folder, "without 'model.weights.h5'")


@pytest.mark.parametrize("member", ["model.weights.h5", "config.json"])
def test_an_archive_that_is_a_bomb(folder, member):
    with zipfile.ZipFile(folder / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("model.weights.h5", "config.json"):
            archive.writestr(name, bytes(1 << 27) if name == member else b"{}")
    refused(folder, "claim 134217728 bytes")


def test_an_archive_that_says_less_than_it_holds(folder):
    write_archive(folder / ARCHIVE, sound_layers())
    content = bytearray((folder / ARCHIVE).read_bytes())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo("model.weights.h5").file_size
    told, forged = size.to_bytes(4, "little"), (100).to_bytes(4, "little")
    (folder / ARCHIVE).write_bytes(bytes(content).replace(told, forged))
    refused(folder, "can't be read")


def test_an_encrypted_archive(folder):
    write_archive(folder / ARCHIVE, sound_layers())
    content = bytearray((folder / ARCHIVE).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := content.find(signature, start + 1)) >= 0:
            content[start + offset] |= 1
    (folder / ARCHIVE).write_bytes(content)
    refused(folder, "encrypted")


def test_a_truncated_archive(folder):
    write_archive(folder / ARCHIVE, sound_layers())
    (folder / ARCHIVE).write_bytes((folder / ARCHIVE).read_bytes()[:-200])
    refused(folder, "can't be read")


def test_weights_in_an_archive_that_are_a_pickle(folder):
    with zipfile.ZipFile(folder / ARCHIVE, "w") as archive:
        archive.writestr("model.weights.h5", b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    refused(folder, "can't be read")


def test_a_lambda_in_the_configuration_is_text_at_most(folder):
    """The writer puts one into every configuration; with names beside the arrays not even the text is parsed."""
    write_archive(folder / ARCHIVE, sound_layers(), config="this is no JSON")
    load_folder(folder)
    write_archive(folder / ARCHIVE, sound_layers(), with_names=False)
    load_folder(folder)


def test_names_in_the_configuration_that_fit_no_array(folder):
    write_archive(folder / ARCHIVE, sound_layers(), with_names=False, config=json.dumps({"config": {"layers": [
        {"class_name": "Dense", "config": {"name": "../x"}}, {"class_name": 3, "config": {"name": "y"}},
    ]}}))  # fmt: skip
    refused(folder, "names of the layers")
