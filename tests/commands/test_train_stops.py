"""What ends ``astronn train`` before its end, and how the training goes on."""

import argparse
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from astroNN.cli import main
from astroNN.commands.failures import told
from tests.commands.training_jobs import N_STARS, SIMPLE, command, environment, run, weights, write_data


def test_a_table_with_texts_is_known_again_and_other_labels_are_not(here):
    from astropy.table import MaskedColumn, Table

    from astroNN.commands._training_config import read_config
    from astroNN.commands._training_data import TrainingData

    names = np.array([f"2M{number:05}" for number in range(N_STARS)], dtype=object)
    label = MaskedColumn(np.arange(N_STARS, dtype="float32"), mask=np.arange(N_STARS) % 7 == 0)
    table = Table({"id": names, "teff": label, "Fe": np.ones(N_STARS)})
    Path("train.toml").write_text(SIMPLE.replace("labels =", 'table = "labels.ecsv"\nlabels ='))

    def read():
        table.write("labels.ecsv", overwrite=True)
        return TrainingData(read_config(Path("train.toml")))

    first, second = read(), read()
    assert first.labels["id"].dtype == object
    assert first.fingerprint() == second.fingerprint()
    table["Fe"][3] = 2.0
    assert read().fingerprint() != first.fingerprint()


def test_an_error_in_the_midst_of_the_training_keeps_its_traceback(here, monkeypatch):
    def fail(run):
        raise ValueError("shapes do not match")

    monkeypatch.setattr("astroNN.models.training.run._Run.train", fail)
    with pytest.raises(RuntimeError, match="failed on the way: shapes do not match") as raised:
        here(SIMPLE, "--quiet")
    assert isinstance(raised.value.__cause__, ValueError)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"restart": False}, "stopped. The same command goes on where it was."),
        ({"restart": True}, "stopped. The same command without --restart goes on where it was."),
        ({}, "stopped."),
    ],
)
def test_ctrl_c_tells_how_to_go_on(arguments, said, capsys):
    def stopped(arguments):
        raise KeyboardInterrupt

    assert told("train", stopped, argparse.Namespace(**arguments)) == 130
    assert capsys.readouterr().err == f"\nastronn train: {said}\n"


def wait_for(path, process):
    deadline = time.monotonic() + 300
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.02)


LONGER = SIMPLE.replace("max_epochs = 4", "max_epochs = 12\nbatch_size = 8")
ENSEMBLE = "[ensemble]\nn_members = 3\n"


@pytest.fixture(scope="module", params=["", ENSEMBLE], ids=["network", "ensemble"])
def whole(request, tmp_path_factory):
    """Settings, and the folder of a training by them that nothing has stopped."""
    cwd = tmp_path_factory.mktemp("whole")
    write_data(cwd)
    (cwd / "train.toml").write_text(LONGER + request.param)
    done = run("train.toml", "--quiet", cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return LONGER + request.param, cwd / "run"


def stop(number, cwd):
    """Start a training, and send it a signal when it has its first checkpoint; returns its code and its errors."""
    process = subprocess.Popen(
        command("train.toml"),
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A parent that ignores Ctrl-C (as a shell's background jobs do) hands this on; a user's terminal doesn't.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    wait_for(cwd / ".run.parts" / "checkpoint", process)
    process.send_signal(number)
    errors = process.communicate(timeout=120)[1]
    return process.returncode, errors


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_a_stopped_training_goes_on_by_the_same_command_to_the_same_network(number, whole, here, capsys, caplog):
    text, folder = whole
    caplog.set_level("INFO", logger="astroNN")
    Path("train.toml").write_text(text)
    code, errors = stop(number, Path.cwd())
    assert not Path("run").exists()
    assert code == (130 if number == signal.SIGINT else -signal.SIGKILL), errors
    if number == signal.SIGINT:
        assert "The same command goes on" in errors.splitlines()[-1] and "Traceback" not in errors
    assert main(["info", "run"]) == 2
    assert str(Path(".run.parts", "checkpoint")) in capsys.readouterr().err
    assert here(text.replace("seed = 5", "seed = 6")) == 2
    assert "settings" in capsys.readouterr().err
    assert here(text) == 0
    assert "Going on with the training" in caplog.text
    assert ("Epoch 1/12" in capsys.readouterr().out) == (ENSEMBLE in text)
    assert sorted(path.name for path in Path().iterdir()) == ["run", "train.h5", "train.toml"]
    for member in ["member_001", "member_002", "member_003"] if ENSEMBLE in text else ["."]:
        found = weights(Path("run", member))
        for name, array in weights(folder / member).items():
            # To rounding: threads may add up in another order.
            np.testing.assert_allclose(found[name], array, rtol=1e-3, atol=1e-5, err_msg=name)
