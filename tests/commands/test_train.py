"""``astronn train`` as users meet it: in a process of its own, started in another folder."""

import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest

import astroNN
from astroNN.cli import main
from astroNN.commands._training_example import EXAMPLE
from astroNN.models import ApogeeBCNN, ApogeeCNN, DeepEnsemble, load_folder
from tests.commands.training_jobs import LABELS, SIMPLE, environment, run, weights, write_data

BAYESIAN = """
network = "ApogeeBCNN"   # a comment of the user's
out = "run"
[data]
file = "train.h5"
labels = ["teff", "Fe"]
labels_err = true
spectra_err = "spectra_err"
groups = "star"
[settings]
max_epochs = 3
seed = 5
num_hidden = [8, 4]
num_filters = [2, 3]
val_size = 0.3
lr = 0.003
keep_best = true
mc_num = 10
"""


def assert_same_weights(folder, other):
    first, second = weights(folder), weights(other)
    assert first.keys() == second.keys() and first
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A Bayesian network, trained once by the command: the working folder, and what it printed."""
    cwd = tmp_path_factory.mktemp("elsewhere")
    write_data(cwd)
    (cwd / "settings").mkdir()
    (cwd / "settings" / "bayesian.toml").write_text(BAYESIAN)
    done = run("settings/bayesian.toml", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return cwd, done


def fitted_in_python(cwd):
    """The network of `BAYESIAN`, trained without the command, on labels in plain arrays."""
    net = ApogeeBCNN(lr=0.003)
    net.max_epochs, net.seed, net.val_size, net.mc_num, net.verbose = 3, 5, 0.3, 10, 0
    net.num_hidden, net.num_filters, net.keep_best, net.targetname = [8, 4], [2, 3], True, LABELS
    with h5py.File(cwd / "train.h5") as file:
        net.fit(
            file["spectra"],
            np.stack([file[name][:] for name in LABELS], axis=1),
            inputs_err=file["spectra_err"],
            labels_err=np.stack([file[f"{name}_err"][:] for name in LABELS], axis=1),
            mask=file["mask"],
            groups=file["star"][:],
        )
    return net


def test_a_training_by_the_command_gives_the_weights_of_the_same_training_in_python(trained, tmp_path):
    cwd, _ = trained
    net = fitted_in_python(cwd)
    assert_same_weights(cwd / "run", net.save(tmp_path / "python"))
    loaded = load_folder(cwd / "run")
    np.testing.assert_allclose(loaded.calibration.factor, net.calibration.factor, rtol=1e-5)
    np.testing.assert_array_equal(loaded.val_idx, net.val_idx)
    assert loaded.targetname == LABELS


def test_the_folder_holds_the_settings_and_nothing_is_left_beside_it(trained):
    cwd, done = trained
    assert sorted(path.name for path in cwd.iterdir()) == ["run", "settings", "train.h5"]
    copied = (cwd / "run" / "training_settings.toml").read_text()
    assert copied.endswith(BAYESIAN)
    assert copied.startswith("#: ") and f"astroNN {astroNN.__version__}" in copied
    assert tomllib.loads(copied) == tomllib.loads(BAYESIAN)
    assert str(cwd / "run") in done.stdout
    assert "part" not in done.stdout and "Traceback" not in done.stderr


def test_a_network_with_settings_in_its_folder_can_be_replaced_like_any_other(trained, tmp_path):
    cwd, _ = trained
    net = load_folder(cwd / "run")
    path = net.save(tmp_path / "again")
    (path / "training_settings.toml").write_text(BAYESIAN)
    assert net.save(path, if_exists="replace") == path


def test_a_second_command_refuses_the_folder_and_changes_nothing(trained, capsys, monkeypatch):
    cwd, _ = trained
    monkeypatch.chdir(cwd)
    before = {path: path.stat().st_mtime_ns for path in cwd.rglob("*")}
    assert main(["train", "settings/bayesian.toml"]) == 2
    said = capsys.readouterr().err
    assert "out: 'run' exists" in said and "--replace" in said
    assert {path: path.stat().st_mtime_ns for path in cwd.rglob("*")} == before


def test_replace_puts_the_new_network_in_the_place_of_the_old_one(here):
    assert here(SIMPLE, "--quiet") == 0
    before = weights(Path("run"))
    text = "#: the user's own\n" + SIMPLE.replace("seed = 5", "seed = 6\n#: the user's, too")
    assert here(text, "--replace", "--quiet") == 0
    after = weights(Path("run"))
    assert any((before[name] != after[name]).any() for name in before)
    assert "seed = 6" in Path("run", "training_settings.toml").read_text()
    # The settings in the folder are settings: the same training once more, its head not doubled.
    Path("run").rename("first")
    assert main(["train", "first/training_settings.toml", "--quiet"]) == 0
    assert "#: the user's own\n" in Path("run", "training_settings.toml").read_text()
    assert_same_weights(Path("first"), Path("run"))
    assert Path("run", "training_settings.toml").read_text() == Path("first", "training_settings.toml").read_text()


def test_a_folder_that_is_no_network_is_not_replaced(here, capsys):
    Path("run").mkdir()
    Path("run", "thesis.tex").write_text("")
    assert here(SIMPLE, "--replace") == 2
    assert "holds no network" in capsys.readouterr().err
    assert Path("run", "thesis.tex").exists()


def test_without_a_seed_the_one_drawn_is_written_down(here):
    assert here(SIMPLE.replace("seed = 5\n", "").replace("max_epochs = 4", "max_epochs = 1"), "--quiet") == 0
    assert f"seed = {load_folder('run').seed}" in Path("run", "training_settings.toml").read_text()


def test_labels_of_a_table_bring_their_names_and_units(here):
    from astropy.table import Table

    with h5py.File("train.h5") as file:
        table = Table({name: file[name][:] for name in LABELS})
    table["teff"].unit = "K"
    table.write("labels.fits")
    settings = SIMPLE.replace("labels =", 'table = "labels.fits"\nlabels =')
    assert here(settings, "--quiet") == 0
    net = load_folder("run")
    assert (net.targetname, net.target_units) == (LABELS, ["K", None])
    assert here(SIMPLE.replace('"run"', '"other"'), "--quiet") == 0
    assert_same_weights(Path("run"), Path("other"))
    table[:5].write("labels.fits", overwrite=True)
    assert here(settings.replace('"run"', '"third"')) == 2


def test_an_ensemble_is_trained_as_in_python(here):
    assert here(SIMPLE + "[ensemble]\nn_members = 2\n", "--quiet") == 0
    assert sorted(path.name for path in Path().iterdir()) == ["run", "train.h5", "train.toml"]
    ensemble = DeepEnsemble(ApogeeCNN, n_members=2, max_epochs=4, num_hidden=[8, 4], verbose=0, seed=5)
    with h5py.File("train.h5") as file:
        labels = np.stack([file[name][:] for name in LABELS], axis=1)
        ensemble.fit(file["spectra"], labels, mask=file["mask"])
    ensemble.save("python")
    assert len(load_folder("run")) == 2
    for member in ("member_001", "member_002"):
        assert_same_weights(Path("run", member), Path("python", member))
    assert Path("run", "training_settings.toml").is_file()


def test_an_autoencoder_needs_no_labels(here):
    settings = SIMPLE.replace("ApogeeCNN", "ApogeeCVAE").replace('labels = ["teff", "Fe"]\n', "")
    settings = settings.replace("num_hidden = [8, 4]", "num_hidden = [8, 4]\nlatent_dim = 2\nnum_filters = [2, 2]")
    assert here(settings.replace("max_epochs = 4", "max_epochs = 1"), "--quiet") == 0
    assert load_folder("run").latent_dim == 2


REFUSED = [
    ('network = "A', "is no TOML"),
    (SIMPLE.replace("network", "netwrok"), "netwrok: there is no such key. Did you mean 'network'?"),
    (SIMPLE.replace("labels =", "lables ="), "[data] lables: there is no such key. Did you mean 'labels'?"),
    (SIMPLE.replace("max_epochs", "max_epoch"), "[settings] max_epoch: ApogeeCNN has no such setting. Did you mean "),
    (SIMPLE.replace("max_epochs = 4", "max_epochs = 4.5"), "[settings] max_epochs: it must be an integer; got 4.5"),
    (SIMPLE.replace("max_epochs = 4", "max_epochs = true"), "[settings] max_epochs: it must be an integer"),
    (SIMPLE.replace("max_epochs = 4", "max_epochs = 0"), "max_epochs cannot be smaller than 1"),
    (SIMPLE + "lr = nan\n", "[settings] lr: it must be a number"),
    (SIMPLE + 'task = "regresion"\n', "[settings]"),
    (SIMPLE.replace("ApogeeCNN", "ApogeeCVAE") + "epsilon_std = inf\n", "epsilon_std: it must be a number above 0"),
    (SIMPLE + 'checkpoint = "here"\n', "[settings] checkpoint: this can't be set here"),
    (SIMPLE + "input_norm_mode = 17\n", "[settings] input_norm_mode: it must be one of"),
    (SIMPLE.replace("ApogeeCNN", "ApogeCNN"), "network: 'ApogeCNN' is no network of astroNN.models. Did you mean "),
    (SIMPLE.replace("ApogeeCNN", "CNNBase"), "network: 'CNNBase' is no network"),
    (SIMPLE.replace("ApogeeCNN", "load_folder"), "network: 'load_folder' is no network"),
    (SIMPLE.replace("train.h5", "test.h5"), "[data] file: there is no file 'test.h5'"),
    (SIMPLE.replace("train.h5", "train.toml"), "[data] file: 'train.toml' can't be read as HDF5"),
    (SIMPLE.replace('"Fe"', '"fe"'), "[data] labels: 'train.h5' has no data set 'fe'. Did you mean 'Fe'?"),
    (SIMPLE.replace('"Fe"', '"nobody"'), "[data] labels: no star has 'nobody'"),
    (SIMPLE.replace('"Fe"', '"short"'), "[data] labels: 'short' has 7 rows, the spectra have 240"),
    (SIMPLE.replace('"Fe"', '"name"'), "[data] labels: 'name' must hold numbers"),
    (SIMPLE.replace('"Fe"', '"spectra"'), "[data] labels: 'spectra' must have one number a star"),
    (SIMPLE.replace('"Fe"', '"teff"'), "[data] labels: it must be a list of names, each once"),
    (SIMPLE.replace("[settings]", 'mask = "star"\n[settings]'), "[data] mask: 'star' has the shape (240,)"),
    (SIMPLE.replace("[settings]", 'mask = "masc"\n[settings]'), "[data] mask: 'train.h5' has no data set 'masc'"),
    (SIMPLE.replace("[settings]", "labels_err = true\n[settings]"), "[data] labels_err: ApogeeCNN has no use for it"),
    (SIMPLE.replace("[settings]", 'table = "no.fits"\n[settings]'), "[data] table: there is no file 'no.fits'"),
    (SIMPLE.replace('labels = ["teff", "Fe"]\n', ""), "[data] labels: this key is missing"),
    (SIMPLE.replace('file = "train.h5"\n', ""), "[data] file: this key is missing"),
    (SIMPLE + "[ensemble]\nn_members = 1\n", "[ensemble] n_members: it must be a whole number, 2 or more"),
    (SIMPLE + "[ensembles]\nn_members = 3\n", "ensembles: there is no such key. Did you mean 'ensemble'?"),
]


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_cant_be_is_refused_in_one_line_that_names_the_key(text, said, here, capsys):
    assert here(text) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert len(lines) == 1 and lines[0].startswith("astronn train: train.toml")
    assert said in lines[0]
    assert sorted(path.name for path in Path().iterdir()) == ["train.h5", "train.toml"]


def test_a_missing_file_of_settings_is_refused_with_how_to_get_one(tmp_path, capsys):
    assert main(["train", str(tmp_path / "none.toml")]) == 2
    assert "--example" in capsys.readouterr().err


def test_a_dry_run_tells_what_would_be_trained_and_writes_nothing(here, capsys):
    assert here(BAYESIAN, "--dry-run") == 0
    said = capsys.readouterr().out
    for part in ("ApogeeBCNN", "240 spectra", "train.h5", "teff, Fe", "'mask'"):
        assert part in said
    assert sorted(path.name for path in Path().iterdir()) == ["train.h5", "train.toml"]


def test_the_example_is_a_file_of_settings_whose_every_line_can_be_used(here, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "--example"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == EXAMPLE
    page = Path(__file__).parents[2] / "docs" / "source" / "command_line.rst"
    assert textwrap.indent(EXAMPLE, "   ") in page.read_text()
    with h5py.File("train.h5", "a") as file:
        file["logg"], file["logg_err"] = file["teff"][:], file["teff_err"][:]
    assert here(EXAMPLE, "--dry-run") == 0
    lines = [line.removeprefix("# ") for line in EXAMPLE.splitlines()[3:] if "# table" not in line]
    assert here("\n".join(lines), "--dry-run") == 0


def test_a_refusal_of_the_settings_does_not_wait_for_keras(tmp_path):
    write_data(tmp_path)
    (tmp_path / "bad.toml").write_text(SIMPLE.replace('"Fe"', '"iron"'))
    code = (
        "import sys\nfrom astroNN.cli import main\nprint(main(['train', 'bad.toml']), 'keras' in sys.modules)\n"
        "try: main(['train', '--help'])\nexcept SystemExit: print({'h5py', 'numpy', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert done.stdout.splitlines()[0] == "2 False", done.stderr
