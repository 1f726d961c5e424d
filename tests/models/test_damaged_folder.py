"""Folders that are damaged or forged: none is taken for a network, and no error is hard to understand."""

import hashlib
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from astroNN.models import load_folder

pytestmark = pytest.mark.one_backend

PARAMETERS, WEIGHTS = "astroNN_model_parameter.json", "model.weights.h5"


@pytest.fixture
def copy(folder, tmp_path):
    """A saved network to be spoilt."""
    return Path(shutil.copytree(folder, tmp_path / "run"))


def edited(folder, **changes):
    path = folder / PARAMETERS
    parameters = json.loads(path.read_text())
    parameters.update(changes)
    path.write_text(json.dumps(parameters))
    return folder


def sign(folder):
    """Give the JSON the hash of the weights as they are now, as a forger would."""
    return edited(folder, weights_sha256=hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest())


# Damage ------------------------------------------------------------------------------------------------------


def refused(folder, match, kind=ValueError, **keywords):
    with pytest.raises(kind, match=match):
        load_folder(folder, **keywords)


def test_a_folder_that_is_not_there(tmp_path):
    refused(tmp_path / "none", "Folder not exists", FileNotFoundError)


def test_a_folder_without_its_parameters(copy, tmp_path, monkeypatch):
    (copy / PARAMETERS).rename(tmp_path / PARAMETERS)
    monkeypatch.chdir(tmp_path)  # those of the current folder must not be taken instead
    refused(copy, PARAMETERS, FileNotFoundError)


def test_a_folder_without_weights(copy):
    (copy / WEIGHTS).unlink()
    refused(copy, WEIGHTS, FileNotFoundError)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.9])
def test_truncated_weights(copy, fraction, signed):
    data = (copy / WEIGHTS).read_bytes()
    (copy / WEIGHTS).write_bytes(data[: int(len(data) * fraction)])
    if signed:
        sign(copy)
    refused(copy, "truncated")
    refused(copy, "truncated", OSError)


def test_one_changed_bit_of_the_weights(copy):
    data = bytearray((copy / WEIGHTS).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / WEIGHTS).write_bytes(data)
    refused(copy, "checksum")


def test_truncated_parameters(copy):
    text = (copy / PARAMETERS).read_text()
    (copy / PARAMETERS).write_text(text[: len(text) // 2])
    refused(copy, "damaged")


@pytest.mark.parametrize("text", ["", "[]", "{}", "\x00", "[" * 100_000, '{"id": 3}'])
def test_parameters_that_are_none(copy, text):
    (copy / PARAMETERS).write_text(text)
    refused(copy, PARAMETERS)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hidden", "many"), ("hidden", [1.5]), ("batch_size", None), ("batch_size", -1), ("l2", "x"),
        ("dropout_rate", float("nan")), ("dropout_rate", float("inf")), ("disable_dropout", 3), ("mc_num", "x"),
        ("input", {"input": []}), ("input", {"input": [-60, 1]}), ("input", None), ("labels", {}),
        ("labels", {"output": True}), ("input_mean", {"input": [float("nan")] * 60}), ("input_mean", {}),
        ("input_mean", {"input": [0.0] * 59}), ("labels_std", {"output": ["a", "b"]}), ("labels_std", None),
        ("input_norm_mode", {"input": "9"}), ("input_norm_mode", "3"), ("targetname", 5), ("targetname", [5]),
        ("val_idx", [10**6] * 64), ("val_idx", "all"), ("val_idx", [1]), ("seed", 0.5), ("activation", 7),
        ("calibration", {"factor": [1.0]}),
    ],
)  # fmt: skip
def test_a_parameter_that_can_not_be(copy, key, value):
    refused(edited(copy, **{key: value}), "calibration" if key == "calibration" else f"{key}|NaN|Infinity")


@pytest.mark.parametrize("key", ["batch_size", "input", "labels", "labels_mean", "input_std", "labels_norm_mode"])
def test_a_parameter_that_is_missing(copy, key):
    parameters = json.loads((copy / PARAMETERS).read_text())
    del parameters[key]
    (copy / PARAMETERS).write_text(json.dumps(parameters))
    refused(copy, key)


def test_without_a_format_version_a_folder_must_hold_weights_of_version_1(copy):
    parameters = json.loads((copy / PARAMETERS).read_text())
    del parameters["format_version"]
    (copy / PARAMETERS).write_text(json.dumps(parameters))
    refused(copy, "model_weights.h5", FileNotFoundError)


@pytest.mark.parametrize("identifier", ["MyOwnNet", "load_folder", "os.system", "__builtins__", "persistence"])
def test_a_folder_of_an_unknown_model(copy, identifier):
    refused(edited(copy, id=identifier), f"Unknown model identifier -> {identifier}", TypeError)


def test_settings_that_ask_for_another_network(copy):
    refused(edited(copy, hidden=[24, 17]), r"hidden_2/(kernel|bias)")
    refused(edited(copy, labels={"output": 3}), "labels_")


# Forged weights ----------------------------------------------------------------------------------------------


def test_two_heads_of_equal_shape_can_not_be_swapped(copy, bcnn):
    """They have the same shape: only names and the hash tell them apart."""
    with h5py.File(copy / WEIGHTS, "r+") as file:
        file.move("output", "other")
        file.move("variance_output", "output")
        file.move("other", "variance_output")
    refused(copy, "checksum")


def test_arrays_go_where_their_names_say_in_whatever_order_they_stand(copy, bcnn, tools):
    with h5py.File(copy / WEIGHTS) as file:
        arrays = {f"{layer}/{name}": data[()] for layer, group in file.items() for name, data in group.items()}
    (copy / WEIGHTS).unlink()
    with h5py.File(copy / WEIGHTS, "w", track_order=True) as file:
        for name in sorted(arrays, reverse=True):
            file.create_dataset(name, data=arrays[name])
    assert tools.equal_weights(load_folder(sign(copy)), bcnn)


def test_an_array_too_many(copy):
    with h5py.File(copy / WEIGHTS, "r+") as file:
        file["stowaway/kernel"] = np.ones(3)
    refused(sign(copy), "stowaway/kernel")


def test_an_array_too_few(copy):
    with h5py.File(copy / WEIGHTS, "r+") as file:
        del file["variance_output/bias"]
    refused(sign(copy), "variance_output/bias")


def test_an_array_of_another_shape(copy):
    with h5py.File(copy / WEIGHTS, "r+") as file:
        del file["output/bias"]
        file["output/bias"] = np.ones((1, 2))
    refused(sign(copy), "output/bias")


def forge(file, kind, folder):
    group = file["output"]
    del group["bias"]
    if kind == "external link":
        group["bias"] = h5py.ExternalLink(str(folder / "secret.h5"), "/bias")
    elif kind == "soft link":
        group["bias"] = h5py.SoftLink("/variance_output/bias")
    elif kind == "virtual":
        layout = h5py.VirtualLayout((2,), "f4")
        layout[:] = h5py.VirtualSource(str(folder / "secret.h5"), "bias", (2,), "f4")
        group.create_virtual_dataset("bias", layout)
    elif kind == "external storage":
        group.create_dataset("bias", (2,), "f4", external=[(str(folder / "secret.bin"), 0, 8)])
    elif kind == "texts":
        group["bias"] = np.array([b"a", b"b"])
    elif kind == "objects":
        group.create_dataset("bias", (2,), h5py.vlen_dtype(np.float32))
    elif kind == "a group in a group":
        group["bias"] = file["output"]
    elif kind == "a type":
        group["bias"] = np.dtype("f4")


@pytest.mark.parametrize(
    "kind",
    ["external link", "soft link", "virtual", "external storage", "texts", "objects", "a group in a group", "a type"],
)
def test_what_is_no_plain_array_is_refused_unread(copy, tmp_path, kind):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["bias"] = np.zeros(2, "float32")
    (tmp_path / "secret.bin").write_bytes(b"\0" * 8)
    with h5py.File(copy / WEIGHTS, "r+") as file:
        forge(file, kind, tmp_path)
    refused(sign(copy), "output/bias.*(link|no plain array)")


def test_no_code_of_a_folder_runs(copy, tmp_path, monkeypatch):
    """A class beside the weights is the stranger's: it is not imported unless given by the user."""
    (copy / "custom_models.py").write_text("raise SystemExit('the stranger ran')")
    monkeypatch.chdir(copy)
    refused(edited(copy, id="Stranger"), "custom_models", TypeError)
