"""The folder of a network: what stands in it, who can read it, and that nothing damaged is ever taken for whole."""

import csv
import hashlib
import json
import shutil
import signal
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, ApogeeCNN, load_folder
from astroNN.nn.utilities.normalizer import Normalizer

PARAMETERS, WEIGHTS = "astroNN_model_parameter.json", "model.weights.h5"
OTHER_BACKENDS = {"tensorflow": ["torch", "jax"], "jax": ["tensorflow"], "torch": ["tensorflow"]}


@pytest.fixture(scope="module")
def folder(bcnn, tmp_path_factory):
    """A saved network; don't change it."""
    return bcnn.save(tmp_path_factory.mktemp("models") / "run")


@pytest.fixture
def copy(folder, tmp_path):
    """A saved network to be spoilt."""
    return Path(shutil.copytree(folder, tmp_path / "run"))


@pytest.fixture(scope="module")
def untrained(stars, tools):
    """A complete network that costs no training: built, with normalisers."""

    def make(network=None, **settings):
        net = tools.small(ApogeeBCNN() if network is None else network, **settings)
        net._input_shape, net._labels_shape = {"input": (60, 1)}, {"output": 2}
        net.input_names, net.output_names = ["input"], ["output"]
        net._draw_seed()
        net.input_normalizer, net.labels_normalizer = Normalizer(3, 0), Normalizer(2, 0)
        net.input_normalizer.fit({"input": stars.spectra})
        net.labels_normalizer.fit({"output": stars.labels})
        net._publish_statistics()
        net.num_train, net.val_num = 256, 64
        net.compile()
        return net

    return make


def equal_weights(first, second):
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def edited(folder, **changes):
    path = folder / PARAMETERS
    parameters = json.loads(path.read_text())
    parameters.update(changes)
    path.write_text(json.dumps(parameters))
    return folder


def sign(folder):
    """Give the JSON the hash of the weights as they are now, as a forger would."""
    return edited(folder, weights_sha256=hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest())


# There and back ----------------------------------------------------------------------------------------------


def test_a_loaded_network_is_the_saved_one(folder, bcnn, stars):
    loaded = load_folder(folder)
    loaded.verbose = 0
    assert type(loaded) is ApogeeBCNN
    assert equal_weights(bcnn, loaded)
    errors = np.full(stars.spectra.shape, 0.02)
    expected, expected_spread = bcnn.predict(stars.spectra, errors)
    prediction, spread = loaded.predict(stars.spectra, errors)
    np.testing.assert_array_equal(prediction, expected)
    for name, value in expected_spread.items():
        np.testing.assert_array_equal(spread[name], value)
    for name in ("num_hidden", "num_filters", "seed", "lr", "mc_num", "targetname", "l2", "val_size", "batch_size",
                 "num_train", "val_num", "inv_model_precision", "input_names"):  # fmt: skip
        assert getattr(loaded, name) == getattr(bcnn, name), name
    np.testing.assert_array_equal(loaded.val_idx, bcnn.val_idx)
    np.testing.assert_array_equal(loaded.train_idx, bcnn.train_idx)
    np.testing.assert_array_equal(loaded.calibration.factor, bcnn.calibration.factor)
    for name in ("input_mean", "input_std", "labels_mean", "labels_std"):
        for key, value in getattr(bcnn, name).items():
            np.testing.assert_array_equal(np.squeeze(getattr(loaded, name)[key]), np.squeeze(value))


def test_a_loaded_network_can_be_saved_again(folder, tmp_path):
    loaded = load_folder(folder)
    again = load_folder(loaded.save(tmp_path / "again"))
    assert equal_weights(loaded, again)
    first, second = (json.loads((path / PARAMETERS).read_text()) for path in (folder, tmp_path / "again"))
    assert first | {"weights_sha256": ""} == second | {"weights_sha256": ""}


def test_a_loaded_network_trains_on_with_its_statistics(folder, stars):
    loaded = load_folder(folder)
    loaded.verbose, loaded.max_epochs = 0, 1
    mean, weights = loaded.labels_mean["output"].copy(), loaded.get_weights()
    loaded.fit(stars.spectra, stars.labels + 500.0, labels_err=stars.labels_err)
    np.testing.assert_array_equal(loaded.labels_mean["output"], mean)
    assert any((a != b).any() for a, b in zip(weights, loaded.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("name", "value"),
    [("disable_dropout", True), ("l2", None), ("val_size", None), ("targetname", None), ("dropout_rate", 0.0),
     ("activation", keras.activations.tanh)],
)  # fmt: skip
def test_settings_survive(untrained, tmp_path, name, value):
    net = untrained(**{name: value})
    loaded = load_folder(net.save(tmp_path / "run"))
    kept = getattr(loaded, name)
    assert kept == ("tanh" if name == "activation" else value)
    spectra = np.linspace(0.9, 1.1, 120, dtype="float32").reshape(2, 60)
    np.testing.assert_array_equal(loaded.predict(spectra)[0], net.predict(spectra)[0])


def test_a_learning_schedule_is_no_reason_to_lose_a_network(untrained, tmp_path):
    net = untrained()
    net.lr = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    assert equal_weights(net, load_folder(net.save(tmp_path / "run")))


FRESH = """
import json, sys
import numpy as np
from astroNN.models import load_folder
net = load_folder(sys.argv[1] if len(sys.argv) > 1 else {folder!r})
net.verbose = 0
pred, spread = net.predict(np.load({spectra!r}), inputs_err=np.full((70, 60), 0.02))
np.savez("answers.npz", pred=pred, **spread, **{{f"w{{i}}": w for i, w in enumerate(net.get_weights())}})
net.save("again")
"""


@pytest.fixture(scope="module")
def ask_fresh(run_python, folder, stars, tmp_path_factory):
    def ask(backend):
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        np.save(elsewhere / "spectra.npy", stars.spectra[:70])
        script = FRESH.format(folder=str(folder), spectra=str(elsewhere / "spectra.npy"))
        run_python(script, elsewhere, backend)
        return dict(np.load(elsewhere / "answers.npz")), elsewhere / "again"

    return ask


def expect(bcnn, stars, answers, **tolerance):
    for i, weight in enumerate(bcnn.get_weights()):
        assert answers[f"w{i}"].tobytes() == weight.tobytes()
    prediction, spread = bcnn.predict(stars.spectra[:70], inputs_err=np.full((70, 60), 0.02))
    for name, value in (spread | {"pred": prediction}).items():
        np.testing.assert_allclose(answers[name], value, **tolerance, err_msg=name)


def test_a_fresh_process_in_another_folder_gives_the_same_answers(ask_fresh, bcnn, stars):
    # Threads may add up in another order: the weights are the same bit for bit, the sums to rounding.
    expect(bcnn, stars, ask_fresh(None)[0], rtol=1e-5)


@pytest.mark.parametrize("backend", OTHER_BACKENDS[keras.backend.backend()])
def test_another_backend_reads_the_folder_and_writes_one_that_is_read_here(ask_fresh, bcnn, stars, backend):
    """The masks of dropout come from numpy, so that the predictions agree, too: to rounding in float32."""
    answers, again = ask_fresh(backend)
    expect(bcnn, stars, answers, rtol=2e-3)
    assert equal_weights(load_folder(again), bcnn)


# What stands in the folder -----------------------------------------------------------------------------------


def test_the_folder_has_its_five_files(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        PARAMETERS, "hyperparameter.txt", WEIGHTS, "model_card.md", "training_history.csv",
    ]  # fmt: skip


def no_constants(name):
    raise AssertionError(f"{name} is no JSON")


def test_the_parameters_are_strict_json_with_the_established_keys(folder):
    text = (folder / PARAMETERS).read_text(encoding="utf-8")
    parameters = json.loads(text, parse_constant=no_constants)
    assert {
        "id", "input", "labels", "hidden", "filternum", "filterlen", "pool_length", "task", "activation",
        "last_layer_activation", "input_mean", "input_std", "labels_mean", "labels_std", "input_norm_mode",
        "labels_norm_mode", "valsize", "targetname", "dropout_rate", "l1", "l2", "maxnorm", "batch_size", "inv_tau",
        "length_scale", "input_names", "output_names", "aux_length", "format_version", "weights_sha256", "seed",
        "val_idx", "calibration", "versions",
    } <= set(parameters)  # fmt: skip
    assert parameters["id"] == "ApogeeBCNN"
    assert parameters["input"] == {"input": [60, 1]}
    assert parameters["labels"] == {"output": 2}
    assert (parameters["hidden"], parameters["filternum"]) == ([24, 16], [2, 4])
    assert parameters["input_norm_mode"] == {"input": "3"}
    assert parameters["labels_norm_mode"] == {"output": "2"}
    assert len(parameters["input_mean"]["input"]) == 60
    assert parameters["input_std"] == {"input": [1.0]}
    assert len(parameters["labels_std"]["output"]) == 2
    assert parameters["task"] == "regression"
    assert text == json.dumps(parameters, indent=4, sort_keys=True) + "\n"
    assert parameters["weights_sha256"] == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def test_arrays_are_found_under_the_names_of_their_layers(folder, bcnn):
    with h5py.File(folder / WEIGHTS) as file:
        stored = {f"{layer}/{name}": dataset[()] for layer, group in file.items() for name, dataset in group.items()}
    expected = {f"{layer.name}/{v.name}": v for layer in bcnn.keras_model.layers for v in layer.weights}
    assert set(stored) == set(expected)
    assert set(stored) == {
        f"{layer}/{kind}"
        for layer in ("conv_1", "conv_2", "hidden_1", "hidden_2", "output", "variance_output")
        for kind in ("kernel", "bias")
    }
    for name, variable in expected.items():
        np.testing.assert_array_equal(stored[name], keras.ops.convert_to_numpy(variable))


def test_the_history_is_a_table_of_the_epochs(folder, bcnn):
    with open(folder / "training_history.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    names = list(rows[0])[1:]
    assert names == sorted(names)
    assert set(names) == set(bcnn.history.history)
    for name in names:
        np.testing.assert_allclose([float(row[name]) for row in rows], bcnn.history.history[name], rtol=1e-6)


def test_the_texts_tell_a_human_what_this_is(folder):
    lines = (folder / "hyperparameter.txt").read_text().splitlines()
    assert [line.split(":")[0] for line in lines][:5] == [
        "Model", "Model Type", "astroNN identifier", "Python Version", "astroNN Version",
    ]  # fmt: skip
    assert "Batch size: 64 " in lines
    card = (folder / "model_card.md").read_text()
    assert "# ApogeeBCNN" in card
    assert "| teff |" in card
    assert "256 training and 64 validation stars" in card


# Names -------------------------------------------------------------------------------------------------------


def test_an_existing_folder_is_never_overwritten_unless_asked(cnn, tmp_path):
    first = cnn.save(tmp_path / "run")
    before = (first / PARAMETERS).read_bytes()
    with pytest.warns(UserWarning, match="run_2"):
        assert cnn.save(tmp_path / "run") == tmp_path / "run_2"
    with pytest.warns(UserWarning, match="run_3"):
        assert cnn.save(str(tmp_path / "run")) == tmp_path / "run_3"
    with pytest.raises(FileExistsError, match="run"):
        cnn.save(tmp_path / "run", if_exists="error")
    assert (first / PARAMETERS).read_bytes() == before
    (first / "notes.txt").write_text("old")
    assert cnn.save(tmp_path / "run", if_exists="replace") == first
    assert not (first / "notes.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run_2", "run_3"]
    assert equal_weights(load_folder(first), cnn)


def test_a_name_with_a_dot_keeps_it(cnn, tmp_path):
    assert cnn.save(tmp_path / "teff.v1.5").name == "teff.v1.5"
    with pytest.warns(UserWarning, match="teff.v1.5_2"):
        assert cnn.save(tmp_path / "teff.v1.5").name == "teff.v1.5_2"
    assert equal_weights(load_folder(tmp_path / "teff.v1.5_2"), cnn)


def test_without_a_name_the_folder_is_the_next_run_of_the_day(untrained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [untrained(tools_net).save().name for tools_net in (ApogeeCNN(), ApogeeCNN())]
    assert [name[-7:] for name in names] == ["_run001", "_run002"]
    assert all(name.startswith("astroNN_") for name in names)


def test_a_folder_is_loaded_from_within(folder, monkeypatch, bcnn):
    monkeypatch.chdir(folder)
    assert equal_weights(load_folder(), bcnn)
    monkeypatch.chdir(folder.parent)
    assert equal_weights(load_folder("run"), bcnn)
    assert load_folder("run").folder_name == "run"


def test_a_place_that_can_not_be_written_is_an_error_and_leaves_nothing(cnn, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError):
        cnn.save(tmp_path / "file" / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_save_that_fails_leaves_the_old_folder(cnn, tmp_path, monkeypatch):
    kept = cnn.save(tmp_path / "run")

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("astroNN.models.persistence.folder.model_card", full_disk)
    with pytest.raises(OSError, match="No space left"):
        cnn.save(kept, if_exists="replace")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert equal_weights(load_folder(kept), cnn)


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


def test_a_folder_of_version_1_says_so(copy):
    parameters = json.loads((copy / PARAMETERS).read_text())
    del parameters["format_version"]
    (copy / PARAMETERS).write_text(json.dumps(parameters))
    refused(copy, "version 1")


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


def test_arrays_go_where_their_names_say_in_whatever_order_they_stand(copy, bcnn):
    with h5py.File(copy / WEIGHTS) as file:
        arrays = {f"{layer}/{name}": data[()] for layer, group in file.items() for name, data in group.items()}
    (copy / WEIGHTS).unlink()
    with h5py.File(copy / WEIGHTS, "w", track_order=True) as file:
        for name in sorted(arrays, reverse=True):
            file.create_dataset(name, data=arrays[name])
    assert equal_weights(load_folder(sign(copy)), bcnn)


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


# Kills -------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from astroNN.shared import files
moment = int(os.environ["MOMENT"])
count = 0
def at(function):
    # Counts the calls that touch the disk, and dies before the one that was chosen.
    def wrapped(*args, **kwargs):
        global count
        count += 1
        if count == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return wrapped
path = Path("run")
for name in ("rename", "replace", "fsync", "rmdir", "unlink"):
    setattr(os, name, at(getattr(os, name)))
with files.atomic_folder(path, "replace") as draft:
    for source in Path("new").iterdir():
        (draft.folder / source.name).write_bytes(source.read_bytes())
print(count)
"""


def test_a_kill_at_any_moment_of_a_replacing_save_leaves_a_whole_folder(run_python, untrained, tmp_path):
    """The folder is put in place by `atomic_folder`, whose every step is a moment to die at."""
    old, new = untrained(seed=1), untrained(seed=2)
    old.save(tmp_path / "old")
    new.save(tmp_path / "new")
    seen = set()
    moments = iter(range(1, 100))
    for moment in moments:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        shutil.copytree(tmp_path / "old", tmp_path / "run")
        done = run_python(KILLED, tmp_path, check=False, MOMENT=str(moment), KERAS_BACKEND="numpy")
        loaded = load_folder(tmp_path / "run")
        which = "old" if equal_weights(loaded, old) else "new"
        assert equal_weights(loaded, old if which == "old" else new)
        assert loaded.folder_name == "run"
        seen.add(which)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        # What is left behind is in nobody's way: the next save takes the name.
        new.save(tmp_path / "run", if_exists="replace")
        assert equal_weights(load_folder(tmp_path / "run"), new)
    assert done.returncode == 0
    assert moment > 8  # files flushed, folders renamed, the old one deleted
    assert seen == {"old", "new"}


def test_between_the_two_renames_the_old_folder_is_found(untrained, tmp_path):
    from astroNN.shared.files import previous_folder

    net = untrained()
    net.save(tmp_path / "run").rename(previous_folder(tmp_path / "run"))
    loaded = load_folder(tmp_path / "run")
    assert equal_weights(loaded, net)
    assert loaded.save(tmp_path / "run", if_exists="replace") == tmp_path / "run"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("moment", ["batch", "epoch"])
def test_after_ctrl_c_the_network_can_be_saved_and_used(stars, tools, tmp_path, moment):
    class Impatient(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if moment == "batch" and batch == 2:
                raise KeyboardInterrupt

        def on_epoch_end(self, epoch, logs=None):
            if moment == "epoch":
                raise KeyboardInterrupt

    net = tools.small(ApogeeCNN(), callbacks=Impatient(), max_epochs=3)
    with pytest.raises(KeyboardInterrupt):
        net.fit(stars.spectra, stars.labels)
    loaded = load_folder(net.save(tmp_path / "run"))
    assert equal_weights(loaded, net)
    assert np.isfinite(net.predict(stars.spectra[:3])).all()
    net.callbacks = None
    net.max_epochs = 1
    net.fit(stars.spectra, stars.labels)
    assert np.isfinite(net.history.history["loss"]).all()


def test_an_interrupted_second_training_keeps_no_old_calibration(stars, folder):
    class Impatient(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    net = load_folder(folder)
    net.verbose, net.callbacks = 0, Impatient()
    assert net.calibration is not None
    with pytest.raises(KeyboardInterrupt):
        net.fit(stars.spectra, stars.labels)
    assert net.calibration is None
