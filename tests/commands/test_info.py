"""``astronn info``: what it says of folders, against the networks that were saved there."""

import json
import os
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from astropy.table import Table

import astroNN
from astroNN.cli import main
from astroNN.commands import _saved_facts as saved_facts
from astroNN.commands._saved_weights import count_weights
from astroNN.models import ApogeeBCNN, ApogeeCVAE, DeepEnsemble, SimplePolyNN, load_folder
from astroNN.models.persistence import ensemble, folder, legacy_weights, schema, training_state

PARAMETERS = "astroNN_model_parameter.json"


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A calibrated Bayesian network, one of whose epochs is still to come, and its folder."""
    rng = np.random.default_rng(1)
    spectra = rng.normal(1.0, 0.05, (240, 60)).astype("float32")
    labels = Table({"teff": spectra[:, :6].sum(axis=1), "mass": spectra[:, 6:12].sum(axis=1)})
    labels["mass"].unit = "solMass"
    net = ApogeeBCNN()
    net.seed, net.verbose, net.max_epochs, net.val_size, net.mc_num = 1, 0, 3, 0.3, 10
    net.num_hidden, net.num_filters, net.keep_best = [8, 4], [2, 3], True
    net.fit(spectra, labels)
    path = net.save(tmp_path_factory.mktemp("saved") / "run", training_state=True)
    return net, path


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    x = np.linspace(-1.0, 1.0, 200)[:, None]
    trained = DeepEnsemble(SimplePolyNN, n_members=2, max_epochs=2, val_size=0.3, verbose=0, seed=4)
    trained.fit(x, x**2)
    return trained, trained.save(tmp_path_factory.mktemp("saved") / "ensemble")


@pytest.fixture
def copied(network, tmp_path):
    """A copy of the network's folder, to be damaged."""
    path = tmp_path / "copy"
    path.mkdir()
    for file in network[1].iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    return path


def told(path, capsys, code=0):
    """Facts as JSON."""
    assert main(["info", str(path), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def change(path, **values):
    stored = json.loads((path / PARAMETERS).read_text())
    (path / PARAMETERS).write_text(json.dumps(stored | values))


def test_the_facts_are_those_of_the_network_that_was_saved(network, capsys):
    net, path = network
    facts = told(path, capsys)
    assert (facts["class"], facts["kind"], facts["type"], facts["task"]) == (
        "ApogeeBCNN", "network", "Bayesian Convolutional Neural Network", "regression",
    )  # fmt: skip
    assert facts["written_by"]["astroNN"] == astroNN.__version__
    assert facts["written_by"]["keras"] == keras.__version__
    assert facts["inputs"] == {"input": [60, 1]}
    assert facts["labels"] == [{"name": "teff", "unit": "K"}, {"name": "mass", "unit": "solMass"}]
    assert facts["weights"] == {
        "file": "model.weights.h5", "numbers": net.keras_model.count_params(), "sha256_agrees": True,
    }  # fmt: skip
    assert facts["monte_carlo"] == {"passes": 10, "dropout_rate": net.dropout_rate}
    np.testing.assert_allclose(facts["calibration"]["factor"], net.calibration.factor)
    assert facts["calibration_propagated"] is None
    assert {file["name"]: file["bytes"] for file in facts["files"]} == {
        file.name: file.stat().st_size for file in path.iterdir()
    }
    assert facts["problems"] == []


def test_the_facts_of_the_training_are_those_of_its_history(network, capsys):
    net, path = network
    training = told(path, capsys)["training"]
    assert (training["stars"], training["validation_stars"]) == (168, 72)
    assert (training["epochs"], training["max_epochs"], training["seed"]) == (3, 3, 1)
    assert training["last_epoch"]["epoch"] == 3
    assert training["last_epoch"]["loss"] == pytest.approx(net.history.history["loss"][-1])
    values = net.history.history["val_output_mean_absolute_error"]
    assert training["best_epoch"]["epoch"] == net.best_epoch + 1 == int(np.argmin(values)) + 1
    assert training["best_epoch"]["value"] == pytest.approx(min(values))
    assert training["weights_of_best_epoch"]


def test_the_text_says_it_in_words(network, capsys):
    net, path = network
    assert main(["info", str(path)]) == 0
    said = capsys.readouterr().out
    for part in (
        "ApogeeBCNN", f"astroNN {astroNN.__version__}", "input (60, 1)", "teff [K], mass [solMass]", "10 passes",
        f"{net.keras_model.count_params():,} numbers", "SHA-256 agrees", "168 stars", "3 of 3", "resume=True",
        f"teff {net.calibration.factor[0]:.3f}", "training_state.h5",
    ):  # fmt: skip
        assert part in said


def test_neither_keras_nor_tensorflow_is_loaded(network):
    code = (
        "import sys\nfrom astroNN.cli import main\ncode = main(['info', sys.argv[1], '--json'])\n"
        "print({'keras', 'tensorflow', 'jax', 'torch', 'astropy', 'astroNN.models'} & set(sys.modules), code)"
    )
    paths = [str(Path(astroNN.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [sys.executable, "-c", code, network[1].name], cwd=network[1].parent, env=variables, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "set() 0", done.stderr


def test_the_names_of_files_are_those_that_saving_and_loading_use():
    assert saved_facts.PARAMETER_FILE == schema.PARAMETER_FILE
    assert saved_facts.FORMAT_VERSION == schema.FORMAT_VERSION
    assert saved_facts.STATE_FILE == training_state.STATE_FILE
    assert saved_facts.ENSEMBLE == ensemble.ENSEMBLE
    assert saved_facts.WEIGHTS_FILES[False] == (folder.WEIGHTS_FILE,)
    assert set(saved_facts.WEIGHTS_FILES[True]) == set(legacy_weights.LEGACY_WEIGHTS_FILES)


def test_an_interrupted_training_is_told_with_the_epochs_that_are_left(copied, capsys):
    change(copied, max_epochs=7)
    assert told(copied, capsys)["resume"] == {"possible": True, "unfinished": True, "epochs_done": 3}
    assert main(["info", str(copied)]) == 0
    assert "unfinished, 3 of 7 epochs" in capsys.readouterr().out
    (copied / "training_state.h5").unlink()
    assert not told(copied, capsys)["resume"]["possible"]


def test_an_autoencoder_has_a_reconstruction_in_place_of_labels(tmp_path, capsys):
    net = ApogeeCVAE()
    net.verbose, net.max_epochs, net.latent_dim, net.num_hidden, net.num_filters = 0, 1, 2, [8, 4], [2, 2]
    net.fit(np.random.default_rng(0).normal(1.0, 0.1, (100, 50)))
    facts = told(net.save(tmp_path / "cvae"), capsys)
    assert [label["name"] for label in facts["labels"]] == ["output"]
    assert facts["monte_carlo"] is None


def test_an_ensemble_is_told_with_its_members(members, capsys):
    trained, path = members
    facts = told(path, capsys)
    assert (facts["class"], facts["kind"], facts["n_members"], facts["n_trained"]) == (
        "DeepEnsemble", "ensemble", 2, 2,
    )  # fmt: skip
    assert [member["folder"] for member in facts["members"]] == ["member_001", "member_002"]
    assert [member["training"]["seed"] for member in facts["members"]] == [net.seed for net in trained.members]
    assert facts["members"][0]["weights"]["numbers"] == trained.members[0].keras_model.count_params()
    np.testing.assert_allclose(facts["calibration"]["factor"], trained.calibration.factor)
    assert main(["info", str(path)]) == 0
    said = capsys.readouterr().out
    assert "2 of 2 trained" in said and "member_002" in said and "Deep ensemble of SimplePolyNN" in said


# Folders that are none, and damaged ones ------------------------------------------------------------------------


def refused(path, capsys):
    """The one line that tells what is wrong."""
    assert main(["info", str(path)]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert len(lines) == 1 and lines[0].startswith("astronn info: ")
    return lines[0]


def test_what_is_no_folder_of_a_network_is_refused_in_one_line(tmp_path, capsys):
    assert "does not exist" in refused(tmp_path / "nothing", capsys)
    assert "no network" in refused(tmp_path, capsys)
    (tmp_path / "file").write_text("")
    assert "is a file" in refused(tmp_path / "file", capsys)


def test_the_root_of_a_disk_is_no_network(capsys):
    assert "holds no network" in refused(Path(Path.cwd().anchor), capsys)


@pytest.mark.skipif(os.name == "nt", reason="pipes of Unix")
def test_a_reader_that_has_seen_enough_is_no_failure(network):
    reader, writer = os.pipe()
    os.close(reader)
    code = "import sys\nfrom astroNN.cli import main\nsys.exit(main(['info', sys.argv[1]]))"
    arguments = [sys.executable, "-c", code, str(network[1])]
    done = subprocess.run(arguments, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_history_with_an_endless_field_is_told_as_damage(copied, capsys):
    (copied / "training_history.csv").write_text(f"epoch,{'a' * 200_000}\n0,1\n")
    assert "training_history.csv can't be read" in refused(copied, capsys)


def test_rows_of_a_history_that_are_cut_off_are_left_out(copied, capsys):
    (copied / "training_history.csv").write_text("epoch,loss,val_loss\n0,2,3\n1,1\n\n2,1,2,3\n")
    training = told(copied, capsys)["training"]
    assert training["last_epoch"] == {"epoch": 1, "loss": 2.0, "val_loss": 3.0}


def test_short_rows_under_many_names_take_no_memory(copied, capsys):
    # 2000 rows filled up to 20 000 names would be 40 million values.
    (copied / "training_history.csv").write_text(",".join(map(str, range(20_000))) + "\n" + "1\n" * 2000)
    tracemalloc.start()
    told(copied, capsys)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6  # bytes
    (copied / "training_history.csv").write_text("epoch\n" + "1\n" * 1_000_001)
    assert "more than 1,000,000 values" in refused(copied, capsys)


def test_parameters_too_large_to_be_read_are_refused(copied, capsys):
    with (copied / PARAMETERS).open("r+b") as file:
        file.truncate((1 << 25) + 1)
    assert "is larger than 32 MiB" in refused(copied, capsys)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "damaged"),
        ('{"id": "ApogeeCNN"', "damaged"),
        ("[1]", "no `id`"),
        ('{"id": 3}', "no `id`"),
        ('{"id": "ApogeeCNN", "format_version": 99}', "format version 99"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_parameters_that_cant_be_read_are_refused_in_one_line(content, said, copied, capsys):
    (copied / PARAMETERS).write_text(content)
    assert said in refused(copied, capsys)


def test_parameters_without_shapes_or_weights_are_told_as_damage(tmp_path, capsys):
    (tmp_path / PARAMETERS).write_text('{"id": "ApogeeCNN", "members": 3, "input": 5, "labels": {"output": []}}')
    assert "no weights" in refused(tmp_path, capsys)
    (tmp_path / PARAMETERS).write_text('{"id": "DeepEnsemble", "members": [3], "format_version": 2}')
    assert "member_001 is missing" in refused(tmp_path, capsys)
    (tmp_path / PARAMETERS).write_text('{"id": "DeepEnsemble", "members": {}, "format_version": 2}')
    assert "no members" in refused(tmp_path, capsys)


def test_changed_weights_are_found(copied, capsys):
    with h5py.File(copied / "model.weights.h5", "a") as file:
        file["conv_1/bias"][0] += 1
    assert "model.weights.h5 is not the file that was saved" in refused(copied, capsys)
    assert told(copied, capsys, code=2)["weights"]["sha256_agrees"] is False


def test_truncated_and_missing_weights_are_found(copied, capsys):
    file = copied / "model.weights.h5"
    file.write_bytes(file.read_bytes()[:1000])
    assert "can't be read" in refused(copied, capsys)
    file.unlink()
    assert "model.weights.h5 is missing" in refused(copied, capsys)


def test_a_changed_state_of_the_training_is_found(copied, capsys):
    (copied / "training_state.h5").write_bytes(b"")
    assert "training_state.h5 is not the file" in refused(copied, capsys)


def test_a_changed_or_missing_member_is_found(members, tmp_path, capsys):
    for source in members[1].rglob("*"):
        target = tmp_path / source.relative_to(members[1])
        target.mkdir() if source.is_dir() else target.write_bytes(source.read_bytes())
    change(tmp_path / "member_002", lr=0.5)
    assert f"member_002/{PARAMETERS} is not the file" in refused(tmp_path, capsys)
    (tmp_path / "member_002" / PARAMETERS).unlink()
    assert "member_002 is missing" in refused(tmp_path, capsys)


def test_names_that_would_steer_the_terminal_are_printed_harmlessly(copied, capsys):
    change(copied, targetname=["\x1b[31mred", "b\r\n  weights  fine"], task="\x1b[2J")
    assert main(["info", str(copied)]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said and "\r" not in said
    assert not any(line.strip() == "weights  fine" for line in said.splitlines())


def test_values_of_wrong_types_are_left_out(copied, capsys):
    change(
        copied, targetname=5, target_units={}, lr="fast", batch_size=10**400, num_train=-3, mc_num=[1], versions=[],
        seed=True, calibration={"factor": "x", "factor_err": [None]}, training_state=[1], keep_best={},
    )  # fmt: skip
    facts = told(copied, capsys)
    assert (facts["training"]["lr"], facts["training"]["seed"]) == (None, None)
    assert facts["labels"] == [{"name": "output", "unit": None, "shape": [2]}]
    assert main(["info", str(copied)]) == 0


def test_links_in_the_weights_are_not_followed(copied, capsys):
    with h5py.File(copied / "model.weights.h5", "a") as file:
        file["again"] = h5py.SoftLink("/")
    assert "link" in refused(copied, capsys)
    with h5py.File(copied / "model.weights.h5", "a") as file:
        del file["again"]
        file["conv_1/itself"] = file["conv_1"]
    assert "another name" in refused(copied, capsys)


# Earlier versions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["apogee_cnn", "apogee_bcnn", "mnist_bcnn"])
def test_folders_of_version_1_are_told_with_the_weights_that_they_load_with(name, shared_data, capsys):
    path = shared_data / "legacy" / name
    facts, net = told(path, capsys), load_folder(path)
    assert facts["class"] == type(net).__name__
    assert facts["format_version"] is None
    assert (facts["written_by"]["astroNN"], facts["written_by"]["keras"]) == ("1.1.0", "2.12.0")
    assert facts["weights"]["numbers"] == net.keras_model.count_params()
    assert facts["weights"]["sha256_agrees"] is None
    assert [label["name"] for label in facts["labels"]] == list(net.targetname)
    assert facts["inputs"] == {"input": list(net._input_shape["input"])}
    assert main(["info", str(path)]) == 0
    assert "saved by version 1" in capsys.readouterr().out


def test_parameters_of_version_1_0_are_understood(shared_data, tmp_path, capsys):
    flat = shared_data / "legacy" / "apogee_bcnn_flatjson" / PARAMETERS
    (tmp_path / PARAMETERS).write_bytes(flat.read_bytes())
    weights = shared_data / "legacy" / "apogee_bcnn" / "model_weights.h5"
    (tmp_path / "model_weights.h5").write_bytes(weights.read_bytes())
    facts = told(tmp_path, capsys)
    assert facts["inputs"] == {"input": [7514, 1]}
    assert len(facts["labels"]) == 4


def test_weights_in_a_keras_archive_are_counted_without_optimiser_and_random_states(tmp_path):
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(3), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
    )
    model.compile("adam", "mse")
    model.fit(np.zeros((8, 5)), np.zeros((8, 3)), verbose=0)
    model.save(tmp_path / "model_weights.keras")
    assert zipfile.is_zipfile(tmp_path / "model_weights.keras")
    assert count_weights(tmp_path / "model_weights.keras") == model.count_params() == 5 * 3 + 3 + 4 * 3
