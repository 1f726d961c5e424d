"""The code of all tutorials, on little data: a change that breaks one is found without the half hour they take.

Each runs whole, with numbers of its own code replaced by smaller ones. `test_tutorials.py` runs them as they stand.
"""

import json
import shutil

import pytest

from tests.demo.notebooks import NOTEBOOKS, NotebookProcess, by_path, cells

pytestmark = pytest.mark.tensorflow_only

TIMEOUT = 600  # s for one, on a machine that does other things as well

#: pieces of the code of each tutorial, and what stands there in place of them
SMALLER = {
    "apogee/bayesian_labels": {
        "simulate_apogee(3000,": "simulate_apogee(600,",
        "simulate_apogee(800,": "simulate_apogee(150,",
        "net.verbose = 20,": "net.verbose = 1,",
        "n_components=15": "n_components=3",
        "net.jacobian(test.spectra[:100],": "net.jacobian(test.spectra[:10],",
        "mask=test.mask[:100])": "mask=test.mask[:10])",
    },
    "apogee/censored": {
        "simulate_apogee(1800,": "simulate_apogee(560,",
        "simulate_apogee(300, labels=MEASURED, seed=2,": "simulate_apogee(60, labels=MEASURED, seed=2,",
        "simulate_apogee(300, labels=MEASURED, seed=3,": "simulate_apogee(60, labels=MEASURED, seed=3,",
        "net.reduce_lr_patience = 14,": "net.reduce_lr_patience = 1,",
        "others.spectra[:60], mask=others.mask[:60]": "others.spectra[:10], mask=others.mask[:10]",
    },
    "apogee_paper/workflow": {
        '"--stars", 360, "--members", 12': '"--stars", 150, "--members", 2',
        '"3_train_networks.py", "--work", work': '"3_train_networks.py", "--work", work, "--epochs", 1',
        '"4_infer_spectra.py", "--work", work': '"4_infer_spectra.py", "--work", work, "--sampling", "fast"',
        '"--sizes", n_stars // 2': '"--sizes", 50, "--epochs", 1',
    },
    "autoencoder/spectra": {
        "N_TRAIN, PIXELS = 1500,": "N_TRAIN, PIXELS = 150,",
        "vae.max_epochs = 0.003, 32, 60": "vae.max_epochs = 0.003, 32, 1",
    },
    "custom_model/custom_model": {
        "simulate_apogee(2000,": "simulate_apogee(560,",
        "self.max_epochs = 0.002, 32, 30": "self.max_epochs = 0.002, 32, 1",
    },
    "galaxies/galaxy10": {
        "N_TRAIN, N_TEST = 2000, 1000": "N_TRAIN, N_TEST = 150, 60",
        "net.max_epochs = names, 0.002, 8": "net.max_epochs = names, 0.002, 1",
    },
    "gamornet/galaxies": {
        "simulate_galaxies(1500,": "simulate_galaxies(80,",
        'simulate_galaxies(500, survey="CANDELS"': 'simulate_galaxies(40, survey="CANDELS"',
        "[[0, 125, 250, 375, 499]]": "[[0, 10, 20, 30, 39]]",
        'net.verbose = "adam", 8,': 'net.verbose = "adam", 1,',
        "range(1, 9)": "range(1, 2)",
        "simulate_galaxies(300,": "simulate_galaxies(40,",
        "simulate_galaxies(500, survey=blurred": "simulate_galaxies(40, survey=blurred",
        'network.verbose = "adam", 10,': 'network.verbose = "adam", 1,',
    },
    "missing_labels/missing_and_noisy": {
        "simulate_apogee(1000, labels=LABELS, missing=0.5,": "simulate_apogee(200, labels=LABELS, missing=0.2,",
        "simulate_apogee(2000, labels=LABELS, missing=0.5,": "simulate_apogee(200, labels=LABELS, missing=0.2,",
        "simulate_apogee(1000, labels=LABELS, seed=3)": "simulate_apogee(100, labels=LABELS, seed=3)",
        "N_STEPS = 1100": "N_STEPS = 20",
    },
    "neuralODE/noisy_oscillator": {"epochs=100": "epochs=2"},
    "neuralODE/orbits": {
        '("dop853", "dopri5", "rk4")': '("dopri5",)',
        "2.0 * np.pi * 50, 5000": "2.0 * np.pi * 5, 500",
        "np.linspace(0.0, 100 * 365.25, 2001)": "np.linspace(0.0, 20 * 365.25, 401)",
    },
    "neuralODE/sine": {'("dop853", "dopri5", "rk4")': '("dopri5",)', "(10, 10_000)": "(10, 100)"},
    "quick_start": {
        "simulate_apogee(2500,": "simulate_apogee(560,",
        "simulate_apogee(500,": "simulate_apogee(100,",
        "net.max_epochs, net.batch_size = 20,": "net.max_epochs, net.batch_size = 1,",
    },
    "uncertainty/one_dimension": {
        "rng.uniform(-2.0, 2.0, 2700)": "rng.uniform(-2.0, 2.0, 800)",
        "self.batch_size = 0.01, 50,": "self.batch_size = 0.01, 2,",
        "n_members=5": "n_members=2",
    },
}


def made_smaller(code, pieces):
    """The cells with pieces replaced, each of which must stand there once."""
    for piece, smaller in pieces.items():
        holders = [number for number, cell in enumerate(code) if piece in cell]
        assert sum(cell.count(piece) for cell in code) == 1, f"{piece!r} stands in cells {holders}, and not once"
        code = [cell.replace(piece, smaller) for cell in code]
    return code


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    """One for all, as importing TensorFlow takes as long as most of these runs; another one if it was ended."""
    folder, started = tmp_path_factory.mktemp("tutorials"), []

    def running():
        if not started or not started[-1].alive:
            started.append(NotebookProcess(folder / f"printed{len(started)}.txt"))
        return started[-1]

    yield running
    for one in started:
        one.close()


def test_all_tutorials_have_a_small_variant():
    assert sorted(SMALLER) == sorted(map(by_path, NOTEBOOKS))


@pytest.mark.parametrize("code", [["epochs = 20", "x = 1"], ["epochs = 200", "epochs = 200"]])
def test_a_piece_that_is_not_there_once_is_told(code):
    with pytest.raises(AssertionError, match="epochs = 200.*not once"):
        made_smaller(code, {"epochs = 200": "epochs = 1"})


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_path)
def test_the_code_of_a_tutorial_runs_on_little_data(path, process, tmp_path):
    code = made_smaller(cells(json.loads(path.read_text(encoding="utf-8")), "code"), SMALLER[by_path(path)])
    place = shutil.copytree(path.parent, tmp_path / "tutorial")
    process().run(code, place, TIMEOUT, scripts_inside=True)
