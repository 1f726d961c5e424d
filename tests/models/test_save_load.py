"""The folder of a network: what stands in it, and who can read it."""

import csv
import hashlib
import json

import h5py
import keras
import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, ApogeeCNN, load_folder

PARAMETERS, WEIGHTS = "astroNN_model_parameter.json", "model.weights.h5"
OTHER_BACKENDS = {"tensorflow": ["torch", "jax"], "jax": ["tensorflow"], "torch": ["tensorflow"]}


# There and back ----------------------------------------------------------------------------------------------


def test_a_loaded_network_is_the_saved_one(folder, bcnn, stars, tools):
    loaded = load_folder(folder)
    loaded.verbose = 0
    assert type(loaded) is ApogeeBCNN
    assert tools.equal_weights(bcnn, loaded)
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


def test_a_loaded_network_can_be_saved_again(folder, tmp_path, tools):
    loaded = load_folder(folder)
    again = load_folder(loaded.save(tmp_path / "again"))
    assert tools.equal_weights(loaded, again)
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


def test_a_learning_schedule_is_no_reason_to_lose_a_network(untrained, tmp_path, tools):
    net = untrained()
    net.lr = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    assert tools.equal_weights(net, load_folder(net.save(tmp_path / "run")))


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


@pytest.mark.slow  # test_every_network.py asks a fresh process for the answers of every network
def test_a_fresh_process_in_another_folder_gives_the_same_answers(ask_fresh, bcnn, stars):
    # Threads may add up in another order: the weights are the same bit for bit, the sums to rounding.
    expect(bcnn, stars, ask_fresh(None)[0], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("backend", OTHER_BACKENDS[keras.backend.backend()])
def test_another_backend_reads_the_folder_and_writes_one_that_is_read_here(ask_fresh, bcnn, stars, backend, tools):
    """The masks of dropout come from numpy, so that the predictions agree, too: to rounding in float32."""
    answers, again = ask_fresh(backend)
    expect(bcnn, stars, answers, rtol=2e-3)
    assert tools.equal_weights(load_folder(again), bcnn)


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


def test_an_existing_folder_is_never_overwritten_unless_asked(cnn, tmp_path, tools):
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
    assert tools.equal_weights(load_folder(first), cnn)


def test_a_name_with_a_dot_keeps_it(cnn, tmp_path, tools):
    assert cnn.save(tmp_path / "teff.v1.5").name == "teff.v1.5"
    with pytest.warns(UserWarning, match="teff.v1.5_2"):
        assert cnn.save(tmp_path / "teff.v1.5").name == "teff.v1.5_2"
    assert tools.equal_weights(load_folder(tmp_path / "teff.v1.5_2"), cnn)


def test_without_a_name_the_folder_is_the_next_run_of_the_day(untrained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [untrained(net).save().name for net in (ApogeeCNN(), ApogeeCNN())]
    assert [name[-7:] for name in names] == ["_run001", "_run002"]
    assert all(name.startswith("astroNN_") for name in names)


def test_a_folder_is_loaded_from_within(folder, monkeypatch, bcnn, tools):
    monkeypatch.chdir(folder)
    assert tools.equal_weights(load_folder(), bcnn)
    monkeypatch.chdir(folder.parent)
    assert tools.equal_weights(load_folder("run"), bcnn)
    assert load_folder("run").folder_name == "run"


def test_a_place_that_can_not_be_written_is_an_error_and_leaves_nothing(cnn, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError):
        cnn.save(tmp_path / "file" / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_save_that_fails_leaves_the_old_folder(cnn, tmp_path, monkeypatch, tools):
    kept = cnn.save(tmp_path / "run")

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("astroNN.models.persistence.folder.model_card", full_disk)
    with pytest.raises(OSError, match="No space left"):
        cnn.save(kept, if_exists="replace")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert tools.equal_weights(load_folder(kept), cnn)
