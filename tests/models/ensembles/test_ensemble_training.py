"""Ensembles are trained, interrupted, resumed and set up as one network."""

import keras
import numpy as np
import pytest

from astroNN.models import (
    DeepEnsemble,
    load_folder,
)

from ...helpers.ensembles import N_STARS, Line, simulated


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
    ensemble.max_epochs = 2
    ensemble.fit(*data)
    assert list(ensemble) == nets
    assert [len(history.epoch) for history in ensemble.histories] == [2, 2]
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
    assert sum("good pixel" in str(warning.message) for warning in caught) == 1  # torch warns of other things
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


@pytest.mark.parametrize(
    ("moment", "n_trained", "reload"),
    [
        (4, 1, False),
        (6, 2, True),
        pytest.param(4, 1, True, marks=pytest.mark.slow),
        pytest.param(6, 2, False, marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_training_goes_on_to_the_same_end(data, plain, tmp_path, moment, n_trained, reload):
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
    for ours, theirs in zip(ensemble, plain, strict=True):
        for first, second in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ensemble.calibration.factor, plain.calibration.factor, rtol=1e-3)


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
