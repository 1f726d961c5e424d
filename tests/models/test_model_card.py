"""The model card says what is true, and nothing that nobody knows."""

import json
import shutil

import keras
import numpy as np
import pytest

from astroNN.models import CNNBase, DeepEnsemble, GaMorNet, load_folder
from astroNN.models._label_facts import are_label_facts, label_facts
from astroNN.models.persistence.card_text import cell, table
from astroNN.shared.errors import ConfigurationError, FolderError

from ..helpers.ensembles import Line, simulated
from ..helpers.old_folders import HDF5, sound_layers, write_hdf5, write_parameters
from ..helpers.old_folders import SOUND as OLD_PARAMETERS
from ..helpers.small_vae import SmallVAE

PARAMETERS = "astroNN_model_parameter.json"
HEADINGS = "Use Uncertainties Data Labels Settings Scores Calibration Limits Licence Citation".split()


def card_of(net, folder):
    return (net.save(folder, if_exists="replace") / "model_card.md").read_text(encoding="utf-8")


def sections(card):
    """Text of each section by its heading; what is before the first under ""."""
    head, *rest = card.split("\n## ")
    return {"": head} | {part.partition("\n")[0]: part.partition("\n")[2] for part in rest}


def rows(text):
    """The table in a text: first cell of each row to the others, by the head."""
    lines = [[entry.strip() for entry in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    head, _, *body = lines
    assert all(len(line) == len(head) for line in lines)
    return {line[0]: dict(zip(head[1:], line[1:], strict=True)) for line in body}


class Classifier(CNNBase):
    """Three classes."""

    def __init__(self):
        super().__init__()
        self.task, self.lr, self.max_epochs, self.val_size, self.verbose, self.seed = (
            "classification", 0.01, 1, 0.0, 0, 3,
        )  # fmt: skip
        self.targetname = ["disk", "a|b", "<bulge>"]
        self.input_norm_mode, self.labels_norm_mode = 2, 0

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.keras_model.run_eagerly = True

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        head = keras.layers.Dense(3, activation="softmax", name="output")(keras.layers.Flatten()(spectra))
        return keras.Model(spectra, head)


class Judge(keras.callbacks.Callback):
    """Finds the second epoch best, whatever it was."""

    def on_epoch_end(self, epoch, logs=None):
        logs["verdict"] = [3.0, 1.0, 2.0, 4.0][epoch]


@pytest.fixture(scope="module")
def gaps(stars):
    """Labels of which a part is missing, in both ways."""
    labels = np.array(stars.labels)
    rng = np.random.default_rng(1)
    labels[rng.random(len(labels)) < 0.2, 0] = -9999.0
    labels[rng.random(len(labels)) < 0.7, 1] = np.nan
    return labels


@pytest.fixture(scope="module")
def net(stars, gaps, tools):
    """A trained network; don't train it on."""
    net = tools.linear(targetname=["teff", "flux"], keep_best="verdict", callbacks=Judge())
    with pytest.warns(UserWarning, match="no valid label"):
        net.fit(stars.spectra, gaps)
    return net


@pytest.fixture(scope="module")
def saved(net, tmp_path_factory):
    return net.save(tmp_path_factory.mktemp("card") / "run")


@pytest.fixture(scope="module")
def card(saved):
    return sections((saved / "model_card.md").read_text(encoding="utf-8"))


# A network that was trained --------------------------------------------------------------------------------------


def test_every_section_is_there_in_its_order(card):
    assert list(card) == ["", *HEADINGS]
    for heading, text in card.items():
        assert text.strip() and "None " not in text.replace("None:", ""), heading


def test_it_begins_with_what_sites_for_models_read(card):
    assert card[""].startswith(
        "---\nlibrary_name: astronn\ntags:\n- astronomy\n- keras\n- regression\n---\n\n# Linear\n"
    )


def test_it_says_what_the_network_is(card):
    assert "\nThe smallest network there is: labels are a linear function of the pixels." in card[""]
    assert "- 122 parameters\n" in card[""]  # (60 pixels + 1) * 2 labels
    assert f"Keras {keras.__version__} (`{keras.backend.backend()}`)" in card[""]


def test_the_labels_are_counted_and_their_range_is_that_of_the_training_stars(card, net, gaps):
    table = rows(card["Labels"])
    for name, column in zip(("teff", "flux"), gaps[net.train_idx].T.astype("float64"), strict=True):
        known = column[np.isfinite(column) & (column != -9999.0)]
        told = table[name]
        assert told["measured"] == str(len(known))
        assert told["missing"] == f"{256 - len(known)} ({100 * (1 - len(known) / 256):.1f}%)"
        for statistic, value in (
            ("mean", known.mean()),
            ("std", known.std()),
            ("lowest", known.min()),
            ("highest", known.max()),
        ):
            np.testing.assert_allclose(float(told[statistic]), value, rtol=1e-5)
    assert (table["teff"]["unit"], table["flux"]["unit"]) == ("K", "")
    assert "More than half of the training stars lacked flux." in card["Limits"]
    assert "teff" not in card["Limits"]


def test_the_scores_are_those_of_the_epoch_whose_weights_the_network_has(card, net):
    history, best = net.history.history, 1
    table = rows(card["Scores"])
    assert "Epoch 2 of 4, the best one. Of normalised labels." in card["Scores"]
    assert table["`verdict`"] == {"training": "1", "validation": "-"}
    for name in ("loss", "mean_absolute_error"):
        told = table[f"`{name}`"]
        np.testing.assert_allclose(float(told["training"]), history[name][best], rtol=1e-5)
        np.testing.assert_allclose(float(told["validation"]), history[f"val_{name}"][best], rtol=1e-5)
    assert not any("rate" in name for name in table)


def test_the_settings_are_those_of_the_training(card):
    settings = {name: row["value"] for name, row in rows(card["Settings"]).items()}
    assert settings["optimizer"] == "Adam"
    assert settings["learning rate at the start"] == "0.05"
    assert (settings["epochs at most"], settings["fraction held back"], settings["seed"]) == ("4", "0.2", "5")
    assert "hidden units" not in settings  # it has none


def test_it_tells_the_stars_and_what_can_be_known_of_its_limits(card):
    assert card["Data"].startswith("\n256 training and 64 validation stars.")
    assert rows(card["Data"])["`input`"]["shape of one star"] == "`(60, 1)`"
    assert "The validation stars had a say in the training" in card["Limits"]
    assert "Beyond the range above" in card["Limits"]
    assert card["Uncertainties"].strip() == "None: `predict` gives the labels alone."
    assert card["Calibration"].strip().startswith("None")


def test_the_citation_is_that_of_the_network(card, net):
    assert card["Citation"].strip() == f"```bibtex\n{net.citation()}\n```"


def test_a_network_with_uncertainties_says_which_and_how_they_are_calibrated(bcnn, folder):
    card = sections((folder / "model_card.md").read_text(encoding="utf-8"))
    assert "the scatter of 20 passes with dropout" in card["Uncertainties"]
    factors = rows(card["Calibration"])
    for k, name in enumerate(("teff", "flux")):
        assert factors[name]["factor"].startswith(f"{bcnn.calibration.factor[k]:.3f} +- ")
        assert factors[name]["validation stars"] == str(bcnn.calibration.n_stars[k]) == "64"


def test_the_code_in_it_runs(bcnn, folder, stars):
    text = (folder / "model_card.md").read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0].replace("path/of/this/folder", str(folder))
    space = {"inputs": stars.spectra[:5]}
    exec(code, space)
    np.testing.assert_allclose(space["answers"], bcnn.predict(stars.spectra[:5])[0], rtol=1e-5)
    assert set(space["uncertainties"]) == {"total", "model", "predictive"}


# Loaded, interrupted, not trained ---------------------------------------------------------------------------------


def test_a_loaded_network_keeps_labels_and_licence_and_invents_no_scores(net, saved, card, tmp_path):
    loaded = load_folder(saved)
    loaded.license = "CC BY 4.0"
    again = load_folder(loaded.save(tmp_path / "again"))
    told = sections(card_of(again, tmp_path / "third"))
    for heading in ("Data", "Labels", "Limits", "Citation", "Use"):
        assert told[heading] == card[heading], heading
    assert told["Licence"].strip() == "CC BY 4.0"
    assert told["Scores"].strip().startswith("Not recorded")
    # The optimiser of a loaded network is a new one.
    assert "optimizer" not in rows(told["Settings"])


def test_a_batch_behind_a_training_is_no_best_epoch_and_leaves_the_labels_alone(saved, stars, card, tmp_path, tools):
    net = load_folder(saved)
    net.keep_best, net.max_epochs = True, 1
    net.fit(stars.spectra, stars.labels)
    net.fit_on_batch(stars.spectra[:7], stars.labels[:7])
    told = sections(card_of(net, tmp_path / "run"))
    assert "Epoch 1 of 1. Of" in told["Scores"]
    assert rows(told["Labels"])["teff"]["measured"] == "256"


def test_a_training_that_was_cut_off_says_so(stars, tools, tmp_path):
    net = tools.interrupted(tools.linear(), stars, epoch=2)
    scores = sections(card_of(net, tmp_path / "run"))["Scores"]
    assert "Epoch 2 of 2." in scores
    assert "ended early: 4 epochs were planned" in scores and "some steps behind" in scores


def test_a_network_that_was_never_trained_claims_nothing(tmp_path):
    net = GaMorNet()
    net.num_filters, net.num_hidden, net.verbose = [4] * 5, [8, 8], 0
    told = sections(card_of(net.build("CANDELS"), tmp_path / "run"))
    assert told["Data"].strip().startswith("Not recorded")
    assert told["Scores"].strip().startswith("Not recorded")
    assert "How well it does is not recorded" in told["Limits"]
    assert list(rows(told["Labels"])) == ["disk-dominated", "indeterminate", "bulge-dominated"]
    assert not set(rows(told["Settings"])) & {"optimizer", "learning rate at the start", "seed"}
    assert "mean of the training stars" not in told["Limits"]  # nobody measured a mean


def test_a_folder_of_version_1_has_a_card_of_what_it_tells(tmp_path):
    write_parameters(tmp_path / "old", OLD_PARAMETERS)
    write_hdf5(tmp_path / "old" / HDF5, sound_layers())
    net = load_folder(tmp_path / "old")
    told = sections(card_of(net, tmp_path / "new"))
    assert told["Data"].strip().startswith("Not recorded")
    assert "in what range, is not recorded" in told["Labels"]
    means = np.atleast_1d(net.labels_mean["output"])
    np.testing.assert_allclose([float(row["mean"]) for row in rows(told["Labels"]).values()], means, rtol=1e-5)
    assert "which is not recorded" in told["Limits"]


def test_layers_that_are_frozen_are_named(saved, tmp_path):
    net = load_folder(saved)
    net.keras_model.get_layer("output").trainable = False
    told = sections(card_of(net, tmp_path / "run"))
    assert "- 122 parameters, of which 0 are trained; frozen layers: output\n" in told[""]


# Other kinds ------------------------------------------------------------------------------------------------------


def test_a_classifier_tells_how_common_the_classes_were(stars, tmp_path):
    classes = np.arange(len(stars.spectra)) % 16
    classes = np.searchsorted([1, 5], classes, side="right")  # shares of 1/16, 4/16, 11/16
    net = Classifier()
    net.fit(stars.spectra, np.eye(3)[classes])
    text = card_of(net, tmp_path / "run")
    told = sections(text)
    # A bar would end the cell, a bracket begin a tag.
    lines = [line for line in told["Labels"].splitlines() if line.startswith("| ")][2:]
    assert lines == ["| disk | 20 | 6.2% |", "| a\\|b | 80 | 25.0% |", "| &lt;bulge&gt; | 220 | 68.8% |"]
    assert "None: `predict` gives probabilities" in told["Uncertainties"]
    assert "- classification\n" in text and "Epoch 1 of 1.\n" in told["Scores"]
    assert "320 training stars; none were held back." in told["Data"]
    assert "No stars were held back" in told["Limits"]
    assert "custom_models=Classifier" in told["Use"]


def test_an_autoencoder_lists_no_pixels(stars, tmp_path):
    net = SmallVAE()
    net.val_size = 0.2
    net.fit(stars.spectra)
    text = card_of(net, tmp_path / "run")
    told = sections(text)
    assert "arrays of the shape `(60,)`" in told["Labels"] and "|" not in told["Labels"]
    assert "each of the 2 latent variables" in told["Uncertainties"]
    assert "predict_encoder(inputs)" in told["Use"]
    assert "had a say" not in told["Limits"]  # its rate follows the loss of the training stars
    assert len(text) < 10_000


def test_an_ensemble_tells_the_scores_of_its_members(tmp_path):
    spectra, labels = simulated(0)
    ensemble = DeepEnsemble(Line, n_members=3)
    ensemble.license = "MIT"
    ensemble.fit(spectra, labels)
    text = card_of(ensemble, tmp_path / "run")
    told = sections(text)
    assert "# Deep ensemble of 3 Line\n" in text and "> Labels linear in the pixels.\n" in text
    assert f"3 of 3 members are trained, on the same stars, seed {ensemble.seed}" in told[""]
    assert "- every member has 14 parameters" in told[""]
    losses = [net.history.history["val_loss"][-1] for net in ensemble]
    row = rows(told["Scores"])["`val_loss`"]
    expected = np.mean(losses), min(losses), max(losses)
    np.testing.assert_allclose([float(value) for value in row.values()], expected, rtol=1e-5)
    assert "the scatter of the 3 members" in told["Uncertainties"]
    known = labels[ensemble.train_idx].astype("float64")
    np.testing.assert_allclose(
        [float(row["highest"]) for row in rows(told["Labels"]).values()], known.max(0), rtol=1e-5
    )
    factors = [float(row["factor"].split(" +- ")[0]) for row in rows(told["Calibration"]).values()]
    np.testing.assert_allclose(factors, ensemble.calibration.factor, atol=6e-4)
    assert told["Licence"].strip() == "MIT" and "seed" not in rows(told["Settings"])
    assert told["Citation"].strip() == f"```bibtex\n{ensemble.citation()}\n```"
    loaded = load_folder(tmp_path / "run", custom_models=Line)
    again = sections(card_of(loaded, tmp_path / "again"))
    assert loaded.license == "MIT" and again["Labels"] == told["Labels"]
    assert again["Scores"].strip().startswith("Not recorded")


def test_a_class_without_a_docstring_does_not_speak_for_its_base(saved, tools, stars, tmp_path):
    class Silent(tools.Linear):
        pass

    net = tools.small(Silent(), max_epochs=1)
    net.fit(stars.spectra, stars.labels)
    head = sections(card_of(net, tmp_path / "run"))[""]
    assert "A network of its authors' own, derived from `CNNBase`." in head and "Base of" not in head


# Licence ----------------------------------------------------------------------------------------------------------


def test_without_a_licence_the_card_says_that_it_is_not_stated(card):
    assert card["Licence"].strip().startswith("Not stated.")


def test_a_licence_that_is_no_text_is_refused_and_nothing_is_written(untrained, stars, tmp_path):
    net = untrained()
    net.license = 4.0
    with pytest.raises(ConfigurationError, match=r"license must be a text.*got 4\.0"):
        net.save(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigurationError, match="license must be a text"):
        net.fit(stars.spectra, stars.labels)


# What the folder remembers of the labels --------------------------------------------------------------------------


def test_facts_of_labels_by_hand():
    labels = np.array([[1.0, np.nan], [3.0, np.nan], [100.0, 7.0]], "float32")
    facts = label_facts(labels, np.array([0, 1]))
    assert facts == {
        "n_stars": 2, "n_measured": [2, 0], "mean": [2.0, None], "std": [1.0, None], "lowest": [1.0, None],
        "highest": [3.0, None],
    }  # fmt: skip
    assert are_label_facts(json.loads(json.dumps({"output": facts})))


@pytest.mark.parametrize(
    "change",
    [{"n_stars": -1}, {"n_stars": 1}, {"n_measured": [True, 2]}, {"mean": [1.0]}, {"mean": [1.0, "2"]},
     {"mean": None}, {"std": [float("inf"), 1.0]}, {"more": 1}],
)  # fmt: skip
def test_a_forged_table_of_labels_is_refused(saved, tmp_path, change):
    forged = tmp_path / "forged"
    shutil.copytree(saved, forged)
    stored = json.loads((forged / PARAMETERS).read_text())
    stored["training_labels"]["output"] |= change
    (forged / PARAMETERS).write_text(json.dumps(stored))
    with pytest.raises(FolderError, match="training_labels|Infinity"):
        load_folder(forged)


def test_a_table_of_other_labels_is_not_taken_for_those_of_the_network(saved, tmp_path):
    net = load_folder(saved)
    net._training_labels = {"output": label_facts(np.ones((4, 3)), np.arange(4))}
    told = sections(card_of(net, tmp_path / "run"))
    assert "is not recorded" in told["Labels"] and list(rows(told["Labels"])) == ["teff", "flux"]


# Markdown ---------------------------------------------------------------------------------------------------------


def test_a_cell_stays_one_cell():
    assert table(["a", "b"], [[cell("x|y\nz"), cell("<b>")]]) == [
        "| a | b |", "| --- | --- |", "| x\\|y z | &lt;b&gt; |",
    ]  # fmt: skip
