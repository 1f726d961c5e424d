"""Deep ensembles: several networks trained, saved, loaded and asked as one."""

import copy
import hashlib
import json
import pickle
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from astroNN.models import (
    ApogeeBCNN,
    ApogeeCNN,
    ApogeeCVAE,
    BayesianCNNBase,
    CNNBase,
    ConvVAEBase,
    DeepEnsemble,
    load_folder,
)  # fmt: skip
from astroNN.models._ensemble_answers import combined, combined_uncertain, mean_propagated_spread
from astroNN.nn.layers import MCDropout

PARAMETERS, WEIGHTS = "astroNN_model_parameter.json", "model.weights.h5"
N_STARS, N_PIXELS, NOISE = 1000, 6, 0.5


class Heads(BayesianCNNBase):
    """Label and log variance, linear in the pixels. It runs without compilation, which takes longest."""

    def __init__(self):
        super().__init__()
        self.lr, self.max_epochs, self.batch_size, self.mc_num, self.verbose = 0.05, 6, 200, 4, 0
        self.val_size, self.dropout_rate, self.input_norm_mode, self.seed = 0.4, 0.05, 2, 11

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.keras_model.run_eagerly = True

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        x = MCDropout(self.dropout_rate, seed=self.next_seed())(layers.Flatten()(spectra))
        heads = {
            name: layers.Dense(2, kernel_initializer=self.fresh_initializer(), name=name)(x)
            for name in ("output", "variance_output")
        }
        return keras.Model(spectra, heads)


LINE = '''
import keras
from keras import layers
from astroNN.models import CNNBase

class Line(CNNBase):
    """Labels linear in the pixels."""

    def __init__(self):
        super().__init__()
        self.lr, self.max_epochs, self.batch_size, self.verbose, self.seed = 0.05, 2, 200, 0, 11
        self.val_size, self.input_norm_mode = 0.4, 2

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.keras_model.run_eagerly = True

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        head = layers.Dense(2, kernel_initializer=self.fresh_initializer(), name="output")
        return keras.Model(spectra, head(layers.Flatten()(spectra)))
'''
namespace = {"__name__": __name__}
exec(LINE, namespace)
Line = namespace["Line"]


def simulated(seed, n_stars=N_STARS):
    """Spectra, and two labels with Gaussian noise that the spectra don't tell."""
    rng = np.random.default_rng(seed)
    spectra = rng.normal(size=(n_stars, N_PIXELS)).astype("float32")
    labels = spectra[:, :2] + spectra[:, 2:4] + rng.normal(0.0, NOISE, (n_stars, 2))
    return spectra, labels.astype("float32")


@pytest.fixture(scope="module")
def data():
    return simulated(0)


@pytest.fixture(scope="module")
def trained(data):
    """Three trained `Heads`; don't train them on."""
    ensemble = DeepEnsemble(Heads, n_members=3)
    ensemble.fit(*data, inputs_err=np.full_like(data[0], 0.1))
    return ensemble


@pytest.fixture(scope="module")
def plain(data):
    """Three trained `Line`; don't train them on."""
    ensemble = DeepEnsemble(Line, n_members=3)
    ensemble.fit(*data)
    return ensemble


@pytest.fixture(scope="module")
def saved(plain, tmp_path_factory):
    """The folder of `plain`; don't change it."""
    return plain.save(tmp_path_factory.mktemp("ensembles") / "run")


def same(first, second):
    pairs = zip(keras.tree.flatten(first), keras.tree.flatten(second), strict=True)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def of_nets(nets):
    """An ensemble of networks that are there."""
    ensemble = DeepEnsemble(nets[0], n_members=len(nets))
    ensemble._nets, ensemble._n_done = list(nets), len(nets)
    return ensemble


# Combination -------------------------------------------------------------------------------------------------


def test_labels_and_spreads_follow_the_law_of_total_variance():
    """By drawing from the mixture of the members' distributions."""
    rng = np.random.default_rng(1)
    means, models, predictives = np.array([1.0, 4.0, 1.5]), np.array([0.5, 1.0, 2.0]), np.array([2.0, 1.0, 0.3])
    answers = [
        (np.array([[mean]]), {"model": np.array([[model]]), "predictive": np.array([[predictive]])})
        for mean, model, predictive in zip(means, models, predictives, strict=True)
    ]
    pred, pred_std = combined_uncertain(answers)
    member, n_draws = rng.integers(3, size=1_000_000), 1_000_000
    of_networks = means[member] + models[member] * rng.normal(size=n_draws)
    labels = of_networks + predictives[member] * rng.normal(size=n_draws)
    # The scatter of three means is that of the mixture times 3/2: the members are a sample of all networks.
    extra = means.var() / 2
    error = 5 * np.sqrt(3.0 / n_draws)  # five standard errors of a variance; the kurtosis is below 4
    assert pred.item() == pytest.approx(labels.mean(), rel=error)
    assert pred_std["total"].item() ** 2 == pytest.approx(labels.var() + extra, rel=error)
    assert pred_std["model"].item() ** 2 == pytest.approx(of_networks.var() + extra, rel=error)
    assert pred_std["predictive"].item() == pytest.approx(np.sqrt((4.0 + 1.0 + 0.09) / 3))


def test_without_uncertainties_of_the_members_their_scatter_is_all_there_is():
    pred, pred_std = combined([np.array([[1.0, 5.0]]), np.array([[2.0, 5.0]]), np.array([[6.0, 5.0]])])
    np.testing.assert_allclose(pred, [[3.0, 5.0]])
    np.testing.assert_allclose(pred_std["model"], [[np.sqrt((4 + 1 + 9) / 2), 0.0]], rtol=1e-6)
    np.testing.assert_array_equal(pred_std["model"], pred_std["total"])


def test_an_ensemble_combines_what_its_members_answer_without_their_calibration(untrained, stars, monkeypatch):
    nets = [untrained(seed=seed) for seed in (1, 2)]
    for net, label in zip(nets, (1.0, 3.0), strict=True):

        def predict(inputs, mask=None, calibrated=True, sampling="exact", label=label):
            assert not calibrated
            return np.full((7, 2), label), {"model": np.full((7, 2), 0.5), "predictive": np.full((7, 2), label)}

        monkeypatch.setattr(net, "predict", predict)
    pred, pred_std = of_nets(nets).predict(stars.spectra[:7])
    assert set(pred_std) == {"total", "model", "predictive"}
    np.testing.assert_allclose(pred, 2.0)
    np.testing.assert_allclose(pred_std["model"], np.sqrt(0.25 + 2.0), rtol=1e-6)
    np.testing.assert_allclose(pred_std["predictive"], np.sqrt((1 + 9) / 2), rtol=1e-6)
    np.testing.assert_allclose(pred_std["total"], np.sqrt(0.25 + 2.0 + 5.0), rtol=1e-6)


def test_errors_of_the_pixels_go_through_the_mean_of_the_members(trained, data):
    """Linear networks without dropout: label = slope x pixel, so all is known by hand."""
    errors = np.random.default_rng(2).uniform(0.05, 0.2, (5, N_PIXELS)).astype("float32")
    slopes = []
    for net in trained:
        kernel = net.keras_model.get_layer("output").get_weights()[0].astype("float64")
        slopes.append(kernel / net.input_std["input"].reshape(-1, 1) * net.labels_std["output"])
    by_hand = np.sqrt(errors.astype("float64") ** 2 @ np.mean(slopes, axis=0) ** 2)
    inputs = {"input": data[0][:5]}
    np.testing.assert_allclose(
        mean_propagated_spread(list(trained), inputs, {}, {"input": errors}), by_hand, rtol=1e-4
    )
    pred_std = trained.predict(data[0][:5], errors, calibrated=False)[1]
    np.testing.assert_allclose(pred_std["propagated"], by_hand, rtol=1e-4)
    parts = sum(pred_std[name].astype("float64") ** 2 for name in ("model", "predictive", "propagated"))
    np.testing.assert_allclose(pred_std["total"] ** 2, parts, rtol=1e-4)


def test_classifiers_average_probabilities_and_uncertainty_is_the_entropy_of_the_mean(data):
    spectra, labels = data
    classes = np.eye(2)[(labels[:, 0] > 0).astype(int)]
    ensemble = DeepEnsemble(Heads, n_members=2, task="classification", labels_norm_mode=0, max_epochs=1)
    ensemble.fit(spectra, classes)
    assert ensemble.calibration is None
    with pytest.warns(UserWarning, match="1 of 7 stars"):
        pred, pred_std = ensemble.predict(np.concatenate([spectra[:6], np.full((1, N_PIXELS), np.nan)]))
    moments = [net._monte_carlo({"input": spectra[:6]}, {}, "exact") for net in ensemble]
    probability = (moments[0][0] + moments[1][0]) / 2
    np.testing.assert_array_equal(pred[:6], probability.argmax(axis=1))
    entropy = -np.sum(probability * np.log(probability), axis=1)
    np.testing.assert_allclose(pred_std["model"][:6], entropy, rtol=1e-4)
    assert pred[6] == -1
    assert np.isnan(pred_std["total"][6])


class Autoencoder(ApogeeCVAE):
    """Small, and without compilation."""

    def __init__(self):
        super().__init__()
        self.num_hidden, self.max_epochs, self.verbose, self.seed, self.batch_size = [8, 6], 1, 0, 1, 256

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        for model in (self.keras_model, self.keras_encoder, self.keras_decoder):
            model.run_eagerly = True


def test_autoencoders_average_reconstructions_but_not_latent_variables(stars):
    ensemble = DeepEnsemble(Autoencoder, n_members=2)
    ensemble.fit(stars.spectra)
    pred, pred_std = ensemble.predict(stars.spectra[:4])
    assert pred.shape == pred_std["model"].shape == (4, 60, 1)
    assert ensemble.calibration is None
    with pytest.raises(AttributeError, match="latent variables of its own"):
        ensemble.predict_encoder(stars.spectra[:4])
    assert ensemble.members[0].predict_encoder(stars.spectra[:4])[0].shape == (4, 2)
    assert set(ensemble.evaluate(stars.spectra)) >= {"loss", "kl_loss"}


# Training ----------------------------------------------------------------------------------------------------


def test_members_differ_in_all_but_the_validation_stars(trained):
    assert len({net.seed for net in trained}) == len(trained) == 3
    for net in trained.members[1:]:
        np.testing.assert_array_equal(net.val_idx, trained[0].val_idx)
        assert not np.allclose(net.get_weights()[0], trained[0].get_weights()[0])
    assert len(trained.val_idx) == 0.4 * N_STARS
    assert [len(history.epoch) for history in trained.histories] == [6, 6, 6]


def test_the_same_seed_trains_the_same_ensemble(data):
    answers = []
    for seed in (4, 4, 5):
        ensemble = DeepEnsemble(Line, n_members=2, seed=seed, max_epochs=1)
        ensemble.fit(*data)
        answers.append(ensemble.predict(data[0][:5])[0])
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-5)
    assert not np.allclose(answers[0], answers[2], rtol=1e-3)


def test_groups_and_masks_and_weights_reach_every_member(data):
    spectra, labels = data
    groups, weight = np.arange(N_STARS) // 4, (np.arange(N_STARS) % 3 > 0).astype(float)
    mask = np.zeros(spectra.shape, bool)
    mask[:, 5] = True
    wild = np.array(spectra)
    wild[:, 5] = 1e6
    wild[::3] *= 50
    ensembles = [DeepEnsemble(Line, n_members=2, max_epochs=1) for _ in range(2)]
    for ensemble, given in zip(ensembles, (spectra, wild), strict=True):
        ensemble.fit(given, labels, mask=mask, sample_weight=weight, groups=groups)
    for first, second in zip(*ensembles, strict=True):
        assert not set(groups[first.val_idx]) & set(groups[first.train_idx])
        for ours, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_calibrated_spreads_cover_as_many_new_stars_as_they_say(trained):
    """400 validation stars give the factor to 1/sqrt(800), that is 1.7% of coverage; 3000 new stars add 0.8%."""
    spectra, labels = simulated(9, 3000)
    pred, pred_std = trained.predict(spectra)
    within = np.mean(np.abs(labels - pred) < pred_std["total"], axis=0)
    np.testing.assert_allclose(within, 0.683, atol=3 * np.hypot(0.017, 0.008))
    raw = trained.predict(spectra, calibrated=False)[1]
    np.testing.assert_allclose(pred_std["total"], raw["total"] * trained.calibration.factor, rtol=1e-5)


def test_networks_without_uncertainties_get_calibrated_ones(data, plain):
    spectra, labels = data
    raw, calibrated = (plain.predict(spectra[:9], calibrated=flag)[1]["total"] for flag in (False, True))
    np.testing.assert_allclose(calibrated, raw * plain.calibration.factor, rtol=1e-5)
    members = [net.predict(spectra[:9]) for net in plain]
    np.testing.assert_allclose(raw, np.std(members, axis=0, ddof=1), rtol=1e-4)
    with pytest.raises(TypeError, match="`labels_err` has no meaning for an ensemble of Line"):
        plain.fit(spectra, labels, labels_err=np.ones_like(labels))
    with pytest.raises(TypeError, match="`inputs_err` has no meaning"):
        plain.predict(spectra, np.ones_like(spectra))


def test_a_second_fit_trains_all_members_on(data):
    ensemble = DeepEnsemble(Line, n_members=2, max_epochs=1)
    ensemble.fit(*data)
    nets, before = list(ensemble), ensemble.evaluate(*data)["loss"]
    ensemble.max_epochs = 3
    ensemble.fit(*data)
    assert list(ensemble) == nets
    assert [len(history.epoch) for history in ensemble.histories] == [3, 3]
    assert ensemble.evaluate(*data)["loss"] < before


def test_means_over_the_members(plain, data):
    spectra, labels = data
    scores = [net.evaluate(spectra, labels) for net in plain]
    assert plain.evaluate(spectra, labels)["loss"] == pytest.approx(np.mean([score["loss"] for score in scores]))
    jacobians = [net.jacobian(spectra[:3]) for net in plain]
    np.testing.assert_allclose(plain.jacobian(spectra[:3]), np.mean(jacobians, axis=0), rtol=1e-5)


def test_a_star_without_a_good_pixel_is_nan_with_one_warning(trained, data):
    spectra = np.array(data[0][:4])
    spectra[2] = np.nan
    with pytest.warns(UserWarning, match="1 of 4 stars have no good pixel") as caught:
        pred, pred_std = trained.predict(spectra)
    assert len(caught) == 1
    assert np.isnan(pred[2]).all()
    assert np.isnan(pred_std["total"][2]).all()
    assert np.isfinite(np.delete(pred_std["total"], 2, axis=0)).all()


# Interruption ------------------------------------------------------------------------------------------------


class StopAt(keras.callbacks.Callback):
    """Ctrl-C in a certain epoch, counted over all members."""

    left = None

    def on_epoch_begin(self, epoch, logs=None):
        StopAt.left -= 1
        if StopAt.left == 0:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def whole(data):
    ensemble = DeepEnsemble(Line, n_members=3, max_epochs=2)
    ensemble.fit(*data)
    return ensemble


@pytest.mark.parametrize("reload", [False, True])
@pytest.mark.parametrize(("moment", "n_trained"), [(6, 2), (4, 1)])
def test_an_interrupted_training_goes_on_to_the_same_end(data, whole, tmp_path, moment, n_trained, reload):
    ensemble = DeepEnsemble(Line, n_members=3, max_epochs=2, callbacks=[StopAt()])
    StopAt.left = moment
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(*data)
    assert len(ensemble) == n_trained
    if n_trained == 2:
        with pytest.warns(UserWarning, match="Only 2 of 3 members"):
            assert np.isfinite(ensemble.predict(data[0][:3])[0]).all()
    else:
        with pytest.raises(AttributeError, match="1 of 3 members are trained"):
            ensemble.predict(data[0][:3])
    with pytest.raises(ValueError, match="resume=True"):
        ensemble.fit(*data)
    if reload:
        ensemble = load_folder(ensemble.save(tmp_path / "run"))
        ensemble.verbose = 0
        assert len(ensemble) == n_trained
    ensemble.callbacks = None
    ensemble.fit(*data, resume=True)
    for ours, theirs in zip(ensemble, whole, strict=True):
        for first, second in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ensemble.calibration.factor, whole.calibration.factor, rtol=1e-3)


def test_autosave_keeps_every_member_that_is_trained(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ensemble = DeepEnsemble(Line, n_members=3, max_epochs=2, autosave=True, callbacks=StopAt())
    StopAt.left = 5
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(*data)
    (folder,) = tmp_path.iterdir()
    loaded = load_folder(folder)
    assert len(loaded) == 2
    loaded.autosave, loaded.verbose = True, 0
    loaded.fit(*data, resume=True)
    assert list(tmp_path.iterdir()) == [folder]
    assert len(load_folder(folder)) == 3


# Saving ------------------------------------------------------------------------------------------------------


def test_a_loaded_ensemble_predicts_the_same(trained, tmp_path, data):
    saved = trained.save(tmp_path / "run")
    loaded = load_folder(saved)
    loaded.verbose = 0
    errors = np.full_like(data[0][:6], 0.1)
    assert same(loaded.predict(data[0][:6], errors), trained.predict(data[0][:6], errors))
    assert same(loaded.predict(data[0][:6]), trained.predict(data[0][:6]))
    assert isinstance(loaded, DeepEnsemble)
    assert str(loaded) == str(trained)
    assert loaded.folder_name == "run"
    assert sorted(path.name for path in saved.iterdir()) == [
        PARAMETERS, "member_001", "member_002", "member_003", "model_card.md",
    ]  # fmt: skip


def test_a_member_can_be_loaded_by_itself(plain, saved, data):
    member = load_folder(saved / "member_002")
    member.verbose = 0
    assert same(member.predict(data[0][:6]), plain[1].predict(data[0][:6]))


PREDICT = """
import numpy as np
from astroNN.models import load_folder
ensemble = load_folder("elsewhere/run")
ensemble.verbose = 0
pred, pred_std = ensemble.predict(np.load("spectra.npy"))
np.savez("answer.npz", pred=pred, **pred_std)
"""


def test_a_fresh_process_predicts_the_same_from_another_folder(untrained, stars, run_python, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ensemble = of_nets([untrained(ApogeeCNN(), seed=seed) for seed in (1, 2)])
    folder = ensemble.save("run")
    np.save("spectra.npy", stars.spectra[:5])
    (tmp_path / "elsewhere").mkdir()
    shutil.move(folder, tmp_path / "elsewhere" / "run")
    run_python(PREDICT, tmp_path)
    pred, pred_std = ensemble.predict(stars.spectra[:5])
    answer = np.load("answer.npz")
    np.testing.assert_array_equal(answer["pred"], pred)
    np.testing.assert_array_equal(answer["total"], pred_std["total"])


def test_an_existing_folder_is_never_overwritten_unless_asked(plain, saved, tmp_path):
    ensemble = copy.deepcopy(plain)
    folder = Path(shutil.copytree(saved, tmp_path / "run"))
    with pytest.warns(UserWarning, match="the ensemble was saved in"):
        assert ensemble.save(folder) == tmp_path / "run_2"
    with pytest.raises(FileExistsError):
        ensemble.save(folder, if_exists="error")
    assert ensemble.save(folder, if_exists="replace") == folder
    assert len(load_folder(folder)) == 3
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("...")
    with pytest.raises(FileExistsError, match="no network"):
        ensemble.save(tmp_path / "thesis", if_exists="replace")


def test_a_disk_that_is_full_leaves_nothing_behind(plain, tmp_path, monkeypatch):
    from astroNN.models.persistence import ensemble as module

    def full(net, folder, **keywords):
        if folder.name == "member_002":
            raise OSError("No space left on device")
        (folder / PARAMETERS).write_text("{}")

    monkeypatch.setattr(module, "fill_folder", full)
    with pytest.raises(OSError, match="No space"):
        copy.deepcopy(plain).save(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make_twin", [copy.deepcopy, copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
def test_an_ensemble_is_copied_and_pickled(plain, data, make_twin):
    twin = make_twin(plain)
    assert same(twin.predict(data[0][:6]), plain.predict(data[0][:6]))
    before = plain[0].get_weights()
    twin.max_epochs = 1
    twin.fit(*data)
    assert same(plain[0].get_weights(), before)
    assert plain.max_epochs == 2


# Tampered folders --------------------------------------------------------------------------------------------


@pytest.fixture
def spoilt(saved, tmp_path):
    """A saved ensemble to be spoilt."""
    return Path(shutil.copytree(saved, tmp_path / "run"))


def edited(folder, **changes):
    parameters = json.loads((folder / PARAMETERS).read_text())
    parameters.update(changes)
    (folder / PARAMETERS).write_text(json.dumps(parameters))


def signed(folder, member):
    """Make the ensemble's file agree with the member's, as a forger would."""
    members = json.loads((folder / PARAMETERS).read_text())["members"]
    for entry in members:
        if entry["folder"] == member:
            entry["sha256"] = hashlib.sha256((folder / member / PARAMETERS).read_bytes()).hexdigest()
    edited(folder, members=members)


def refused(folder, match, kind=ValueError):
    with pytest.raises(kind, match=match):
        load_folder(folder)


@pytest.mark.parametrize("place", ["../outside", "/etc", "member_001/../../outside", "member_003", "", None, 3])
def test_a_member_never_lies_outside_the_folder(spoilt, place):
    shutil.copytree(spoilt / "member_002", spoilt.parent / "outside")
    members = json.loads((spoilt / PARAMETERS).read_text())["members"]
    members[1]["folder"] = place
    edited(spoilt, members=members)
    refused(spoilt, "must be in the folder 'member_002'")


def test_a_link_is_not_followed(spoilt):
    (spoilt / "member_002").rename(spoilt.parent / "outside")
    (spoilt / "member_002").symlink_to(spoilt.parent / "outside")
    refused(spoilt, "link")


def test_a_linked_file_is_not_followed(spoilt):
    (spoilt / "member_002" / WEIGHTS).rename(spoilt.parent / WEIGHTS)
    (spoilt / "member_002" / WEIGHTS).symlink_to(spoilt.parent / WEIGHTS)
    refused(spoilt, "link")


def test_changed_weights_of_a_member(spoilt):
    weights = bytearray((spoilt / "member_003" / WEIGHTS).read_bytes())
    weights[len(weights) // 2] ^= 1
    (spoilt / "member_003" / WEIGHTS).write_bytes(weights)
    refused(spoilt, "checksum")


def test_a_member_in_the_place_of_another(spoilt):
    shutil.rmtree(spoilt / "member_002")
    shutil.copytree(spoilt / "member_001", spoilt / "member_002")
    refused(spoilt, "checksum")


def test_a_member_of_another_class_or_shape(spoilt, untrained):
    stranger = untrained().save(spoilt.parent / "stranger")
    shutil.rmtree(spoilt / "member_002")
    shutil.copytree(stranger, spoilt / "member_002")
    signed(spoilt, "member_002")
    refused(spoilt, "holds a ApogeeBCNN; the members of this ensemble are Line")


def test_an_ensemble_inside_an_ensemble(spoilt):
    (spoilt / "member_002" / PARAMETERS).write_text((spoilt / PARAMETERS).read_text())
    signed(spoilt, "member_002")
    refused(spoilt, "member_002")


def test_a_member_that_is_missing(spoilt):
    shutil.rmtree(spoilt / "member_002")
    refused(spoilt, "member_002", FileNotFoundError)


def test_an_unknown_class(spoilt):
    for name in ("member_001", "member_002", "member_003"):
        edited(spoilt / name, id="NobodyKnows")
        signed(spoilt, name)
    edited(spoilt, member_class="NobodyKnows")
    refused(spoilt, "Unknown model identifier -> NobodyKnows", TypeError)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("members", []), ("members", "all"), ("members", [{}] * 1001), ("members", {"a": 1}), ("n_members", 2),
        ("n_members", 10**9), ("n_members", True), ("n_members", "3"), ("n_done", 4), ("n_done", -1), ("n_done", 1.5),
        ("seed", None), ("seed", "x"), ("is_first_round", 1), ("is_first_round", None), ("interrupted", "no"),
        ("member_class", None), ("calibration", {"factor": [1.0]}), ("calibration", 3),
        ("calibration", {"factor": [1.0], "factor_err": [0.1], "n_stars": [100]}), ("format_version", 99),
    ],
)  # fmt: skip
def test_a_parameter_that_can_not_be(spoilt, key, value):
    edited(spoilt, **{key: value})
    refused(spoilt, f"{key}|member|version")


@pytest.mark.parametrize("key", ["n_members", "n_done", "is_first_round", "interrupted", "seed", "member_class"])
def test_a_parameter_that_is_missing(spoilt, key):
    parameters = json.loads((spoilt / PARAMETERS).read_text())
    del parameters[key]
    (spoilt / PARAMETERS).write_text(json.dumps(parameters))
    refused(spoilt, key)


def test_code_beside_the_members_runs_only_on_the_users_word(spoilt):
    for name in ("member_001", "member_002", "member_003"):
        edited(spoilt / name, id="Stranger")
        signed(spoilt, name)
    edited(spoilt, member_class="Stranger")
    (spoilt / "custom_models.py").write_text(LINE.replace("Line", "Stranger"))
    refused(spoilt, "trust_custom_code", TypeError)
    assert len(load_folder(spoilt, trust_custom_code=True)) == 3


# Settings ----------------------------------------------------------------------------------------------------


def test_settings_are_attributes_of_all_members(tools):
    template = tools.small(ApogeeBCNN(dropout_rate=0.15), targetname=["teff"])
    ensemble = DeepEnsemble(template, n_members=2, max_epochs=7)
    assert (ensemble.dropout_rate, ensemble.max_epochs, ensemble.seed) == (0.15, 7, 5)
    assert template.max_epochs == 2
    ensemble.targetname.append("logg")
    assert template.targetname == ["teff"]
    ensemble.mc_num = 12
    assert ensemble.template.mc_num == 12
    assert "mc_num" in dir(ensemble)


def test_a_trained_network_lends_its_settings_only(plain):
    ensemble = DeepEnsemble(plain[0], n_members=2)
    assert not ensemble.template.has_model
    assert ensemble.template.history is ensemble.template.input_normalizer is None
    assert ensemble.batch_size == 200
    assert plain[0].has_model


@pytest.mark.parametrize("number", [1, 0, -3, 2.0, "5", None, True, 1001])
def test_a_number_of_members_that_can_not_be(number):
    with pytest.raises(ValueError, match="n_members"):
        DeepEnsemble(Heads, n_members=number)


@pytest.mark.parametrize("network", [None, "ApogeeBCNN", dict, BayesianCNNBase, CNNBase, ConvVAEBase, 3])
def test_what_is_no_class_of_networks(network):
    with pytest.raises(TypeError, match="`network` must be a class of networks"):
        DeepEnsemble(network)


class WithOptions(Heads):
    def __init__(self, width):
        super().__init__()
        self.width = width


def test_a_class_that_needs_arguments_is_given_as_an_instance():
    with pytest.raises(TypeError, match=r"Give an instance: DeepEnsemble\(WithOptions"):
        DeepEnsemble(WithOptions)
    assert DeepEnsemble(WithOptions(9)).width == 9


def test_a_misspelt_setting_is_an_error():
    with pytest.raises(ValueError, match="no setting 'max_epoch'. Did you mean 'max_epochs'?"):
        DeepEnsemble(Heads, max_epoch=3)
    ensemble = DeepEnsemble(Heads)
    with pytest.raises(AttributeError, match="drop_rate"):
        ensemble.drop_rate = 0.1
    for name in ("members", "n_members", "keras_model", "val_idx"):
        with pytest.raises(ValueError, match=name):
            setattr(ensemble, name, None)
    with pytest.raises(AttributeError, match="no attribute 'keras_model'"):
        _ = ensemble.keras_model


def test_checkpoints_are_for_single_networks():
    with pytest.raises(ValueError, match="autosave=True"):
        DeepEnsemble(Heads, checkpoint="run")
    net = Heads()
    net.checkpoint = "run"
    with pytest.raises(ValueError, match="autosave=True"):
        DeepEnsemble(net)


def test_an_untrained_ensemble_says_so(data):
    ensemble = DeepEnsemble(Heads)
    for use in (ensemble.predict, ensemble.jacobian, ensemble.evaluate):
        with pytest.raises(AttributeError, match="0 of 5 members are trained"):
            use(data[0])
    with pytest.raises(AttributeError, match="call `fit` first"):
        ensemble.save("nothing")
    assert len(ensemble) == 0
    assert list(ensemble) == []
    assert ensemble


def test_bad_data_are_refused_before_any_member_is_trained(data):
    ensemble = DeepEnsemble(Line, n_members=2)
    with pytest.raises(ValueError, match="row"):
        ensemble.fit(data[0], data[1][:-1])
    with pytest.raises(ValueError, match="labels"):
        ensemble.fit(data[0])
    assert len(ensemble) == 0
    ensemble.max_epochs = 1
    ensemble.fit(*data)
    with pytest.raises(ValueError, match="built for"):
        ensemble.predict(data[0][:, :3])


def test_without_validation_stars_the_spreads_are_not_calibrated(data):
    ensemble = DeepEnsemble(Line, n_members=2, val_size=0, max_epochs=1)
    with pytest.warns(UserWarning, match="validation stars"):
        ensemble.fit(*data)
    assert ensemble.calibration is None
