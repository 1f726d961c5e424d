"""Predictions: shapes, uncertainties, and what they may and may not depend on."""

import keras
import numpy as np
import pytest

from astroNN.config import MAGIC_NUMBER
from astroNN.models import ApogeeBCNN, ApogeeCNN, load_folder


@pytest.fixture(scope="module")
def still(stars, tools):
    """An `ApogeeBCNN` without dropout: numpy can repeat its answers."""
    net = tools.small(ApogeeBCNN(), disable_dropout=True, input_norm_mode=2)
    net.fit(stars.spectra, stars.labels, labels_err=stars.labels_err)
    return net


# Shapes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_stars", [1, 2, 64, 70, 320])
def test_every_star_gets_its_labels(stars, cnn, bcnn, n_stars):
    assert cnn.predict(stars.spectra[:n_stars]).shape == (n_stars, 2)
    prediction, spread = bcnn.predict(stars.spectra[:n_stars])
    assert prediction.shape == (n_stars, 2)
    assert list(spread) == ["total", "model", "predictive"]
    for array in (prediction, *spread.values()):
        assert array.shape == (n_stars, 2)
        assert array.dtype == np.float32
        assert np.isfinite(array).all()


def test_one_spectrum_without_a_row_axis_is_one_star(stars, cnn, bcnn):
    np.testing.assert_array_equal(cnn.predict(stars.spectra[7]), cnn.predict(stars.spectra[7:8]))
    single, spread = bcnn.predict(stars.spectra[7], inputs_err=np.full(60, 0.01), mask=np.zeros(60, bool))
    row, row_spread = bcnn.predict(stars.spectra[7:8], inputs_err=np.full((1, 60), 0.01))
    np.testing.assert_array_equal(single, row)
    np.testing.assert_array_equal(spread["propagated"], row_spread["propagated"])


def test_a_channel_axis_and_a_dictionary_are_understood(stars, cnn):
    expected = cnn.predict(stars.spectra[:5])
    np.testing.assert_array_equal(cnn.predict(stars.spectra[:5, :, None]), expected)
    np.testing.assert_array_equal(cnn.predict({"input": stars.spectra[:5]}), expected)


@pytest.mark.parametrize("dtype", ["float64", "float16", ">f4", "list"])
def test_any_kind_of_number_is_taken(stars, cnn, dtype):
    spectra = stars.spectra[:5].tolist() if dtype == "list" else stars.spectra[:5].astype(dtype)
    expected = cnn.predict(np.asarray(spectra, "float32"))
    np.testing.assert_allclose(cnn.predict(spectra), expected, rtol=1e-6)


def test_integers_with_a_mask_are_taken(stars, cnn):
    counts = np.round(stars.spectra[:5]).astype("uint8")
    mask = np.zeros(counts.shape, bool)
    mask[:, :5] = True
    expected = cnn.predict(counts.astype("float32"), mask=mask)
    np.testing.assert_array_equal(cnn.predict(counts, mask=mask), expected)


def test_an_hdf5_dataset_is_read_like_an_array(stars, cnn, bcnn, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "spectra.h5", "w") as file:
        dataset = file.create_dataset("spectra", data=stars.spectra)
        np.testing.assert_array_equal(cnn.predict(dataset), cnn.predict(stars.spectra))
        np.testing.assert_array_equal(bcnn.predict(dataset)[0], bcnn.predict(stars.spectra)[0])


# The numbers -------------------------------------------------------------------------------------------------


def test_without_dropout_the_answer_is_that_of_the_layers(stars, still, tools):
    prediction, spread = still.predict(stars.spectra, calibrated=False)
    labels, log_variances = tools.answers_by_hand(still, stars.spectra)
    std = still.labels_std["output"]
    assert labels.std() > 0.05
    # float32: sums of some 100 terms of order 1, and labels of 10^4 with a spread of 120: 1e-5 of the spread.
    answer = (prediction - still.labels_mean["output"].astype("float64")) / std
    np.testing.assert_allclose(answer, labels, atol=5e-5)
    np.testing.assert_allclose(spread["predictive"], np.exp(0.5 * log_variances) * std, rtol=1e-4)
    assert (spread["model"] <= 1e-4 * spread["predictive"]).all()


def test_variances_add_up(stars, bcnn):
    for calibrated in (True, False):
        _, spread = bcnn.predict(stars.spectra, calibrated=calibrated)
        np.testing.assert_allclose(spread["total"] ** 2, spread["model"] ** 2 + spread["predictive"] ** 2, rtol=1e-5)
        _, spread = bcnn.predict(stars.spectra, np.full(stars.spectra.shape, 0.05), calibrated=calibrated)
        assert list(spread) == ["total", "model", "predictive", "propagated"]
        parts = spread["model"] ** 2 + spread["predictive"] ** 2 + spread["propagated"] ** 2
        np.testing.assert_allclose(spread["total"] ** 2, parts, rtol=1e-5)
        assert (spread["propagated"] > 0).all()


def test_the_model_spread_is_that_of_one_network_however_many_are_drawn(stars, bcnn):
    variances = {}
    for mc_num in (20, 400):
        bcnn.mc_num = mc_num
        variances[mc_num] = np.median(bcnn.predict(stars.spectra[:64], calibrated=False)[1]["model"] ** 2, axis=0)
    bcnn.mc_num = 20
    # A variance of 20 draws is known to sqrt(2/20) = 32% (the stars of a block share the draws); three sigma. The
    # error of the mean would be 20 times smaller with 400 passes.
    np.testing.assert_allclose(variances[20], 0.95 * variances[400], rtol=1.0)


def test_errors_of_pixels_are_carried_through_the_mean_network(stars, bcnn, tools):
    spectra = stars.spectra[:3].astype("float64")
    errors = np.random.default_rng(3).uniform(0.005, 0.05, spectra.shape)
    slopes = tools.slopes_by_hand(lambda x: tools.labels_by_hand(bcnn, x), spectra)
    expected = np.sqrt(np.einsum("ndp,np->nd", slopes**2, errors**2))
    _, spread = bcnn.predict(stars.spectra[:3], errors, calibrated=False)
    np.testing.assert_allclose(spread["propagated"], expected, rtol=1e-3)


def test_missing_pixels_and_missing_errors_propagate_nothing(stars, bcnn, tools):
    spectra, errors = np.array(stars.spectra[:4]), np.full((4, 60), 0.02)
    mask = np.zeros(spectra.shape, bool)
    mask[:, :10] = True
    _, expected = bcnn.predict(spectra, tools.changed(errors, mask, 0.0), mask=mask)
    for lacking in (np.nan, MAGIC_NUMBER, 1e6):  # whatever the error of a pixel that is masked
        _, spread = bcnn.predict(spectra, tools.changed(errors, mask, lacking), mask=mask)
        np.testing.assert_array_equal(spread["propagated"], expected["propagated"])
    assert (expected["propagated"] > 0).all()


def test_the_calibration_multiplies_every_component(stars, bcnn):
    errors = np.full(stars.spectra.shape, 0.02)
    _, raw = bcnn.predict(stars.spectra, errors, calibrated=False)
    _, calibrated = bcnn.predict(stars.spectra, errors)
    factor = np.asarray(bcnn.calibration.factor)
    assert np.abs(factor - 1).max() > 1e-3
    for name, spread in raw.items():
        np.testing.assert_allclose(calibrated[name], spread * factor, rtol=1e-5)


def test_errors_of_pixels_given_in_training_have_factors_of_their_own(stars, tools, tmp_path):
    errors = np.full(stars.spectra.shape, 0.05)
    net = tools.small(ApogeeBCNN(), max_epochs=1)
    net.fit(stars.spectra, stars.labels, errors, stars.labels_err)
    plain, propagated = net.calibration.factor, net.calibration_propagated.factor
    # The same residuals against a larger spread.
    assert (propagated < plain).all()
    loaded = load_folder(net.save(tmp_path / "run"))
    loaded.verbose = 0
    for each in (net, loaded):
        for inputs_err, factor in ((None, plain), (errors, propagated)):
            given = stars.spectra[:64], None if inputs_err is None else inputs_err[:64]
            _, raw = each.predict(*given, calibrated=False)
            _, calibrated = each.predict(*given)
            np.testing.assert_allclose(calibrated["total"], raw["total"] * factor, rtol=1e-5)


def test_the_calibration_changes_no_label(stars, bcnn):
    np.testing.assert_array_equal(bcnn.predict(stars.spectra)[0], bcnn.predict(stars.spectra, calibrated=False)[0])


def test_the_calibrated_spread_fits_the_validation_stars(stars, bcnn):
    rows = bcnn.val_idx
    prediction, spread = bcnn.predict(stars.spectra[rows])
    pull = (prediction - stars.labels[rows]) / np.hypot(spread["total"], stars.labels_err[rows])
    # 64 stars: the spread of the pulls is known to 9%, and the factor leans on the other label.
    assert (0.5 < np.sqrt((pull**2).mean(axis=0))).all()
    assert (np.sqrt((pull**2).mean(axis=0)) < 2.0).all()


# What it may not depend on -----------------------------------------------------------------------------------


def test_stars_that_come_after_change_nothing(stars, bcnn):
    """Masks are shared by blocks of 64: the stars of a block must not hear of each other, nor of the next one."""
    few, few_spread = bcnn.predict(stars.spectra[:70])
    many, many_spread = bcnn.predict(stars.spectra)
    np.testing.assert_allclose(few, many[:70], rtol=1e-6)
    np.testing.assert_allclose(few_spread["model"], many_spread["model"][:70], rtol=1e-3)


def test_the_batch_size_changes_nothing(stars, cnn, bcnn):
    expected, expected_spread = bcnn.predict(stars.spectra[:100])
    for batch_size in (1, 64, 1000):
        prediction, spread = bcnn.predict(stars.spectra[:100], batch_size=batch_size)
        np.testing.assert_array_equal(prediction, expected)
        np.testing.assert_array_equal(spread["total"], expected_spread["total"])
    plain = cnn.predict(stars.spectra[:100])
    try:
        cnn.batch_size = 7
        np.testing.assert_allclose(cnn.predict(stars.spectra[:100]), plain, rtol=1e-5)
        assert cnn.batch_size == 7
    finally:
        cnn.batch_size = 64


def test_blocks_of_reading_change_nothing(stars, bcnn, cnn, monkeypatch):
    """More stars than are read at a time give what they give in one piece."""
    expected, plain = bcnn.predict(stars.spectra), cnn.predict(stars.spectra)
    monkeypatch.setattr("astroNN.shared.blocks._MOST_BYTES", 128 * 4 * stars.spectra.shape[1])
    prediction, spread = bcnn.predict(stars.spectra)
    np.testing.assert_allclose(prediction, expected[0], rtol=1e-6)
    np.testing.assert_allclose(spread["total"], expected[1]["total"], rtol=1e-4)
    np.testing.assert_allclose(cnn.predict(stars.spectra), plain, rtol=1e-6)


def test_a_prediction_repeats_and_another_seed_draws_other_networks(stars, bcnn):
    first, first_spread = bcnn.predict(stars.spectra[:64])
    again, again_spread = bcnn.predict(stars.spectra[:64])
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first_spread["model"], again_spread["model"])
    try:
        bcnn.seed = 77
        other, _ = bcnn.predict(stars.spectra[:64])
    finally:
        bcnn.seed = 5
    assert np.abs(other - first).max() > 0


def test_the_callers_arrays_are_left_alone(stars, bcnn):
    """They may be read-only (those of `stars` are), and are the same afterwards."""
    arrays = [stars.spectra.copy(), np.full(stars.spectra.shape, 0.02), np.zeros(stars.spectra.shape, bool)]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.setflags(write=False)
    bcnn.predict(arrays[0], arrays[1], mask=arrays[2])
    bcnn.evaluate(arrays[0], stars.labels, labels_err=stars.labels_err, mask=arrays[2])
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


# Sampling ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", ["per_star", "fast"])
def test_other_samplings_agree_with_the_exact_one(stars, bcnn, sampling):
    bcnn.mc_num = 200
    try:
        exact, exact_spread = bcnn.predict(stars.spectra[:128], calibrated=False)
        other, other_spread = bcnn.predict(stars.spectra[:128], calibrated=False, sampling=sampling)
    finally:
        bcnn.mc_num = 20
    sigma = exact_spread["model"]
    # Means of 200 passes each scatter by sigma / sqrt(100); masks common to a block make that one draw a block.
    assert (np.abs(np.median((other - exact) / sigma, axis=0)) < 0.5).all()
    ratio = np.median(other_spread["model"] / sigma, axis=0)
    assert ((0.7 < ratio) & (ratio < 1.4)).all()


def test_an_unknown_sampling_is_refused(stars, bcnn):
    with pytest.raises(ValueError, match="`sampling`.*'exact'.*'quick'"):
        bcnn.predict(stars.spectra[:2], sampling="quick")


# Stars without a good pixel, networks without training -------------------------------------------------------


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_passes_in_half_precision_round_a_little(stars, bcnn, monkeypatch, precision):
    mean, spread = bcnn.predict(stars.spectra)
    monkeypatch.setattr(bcnn, "mc_precision", precision)
    rounded, rounded_spread = bcnn.predict(stars.spectra)
    assert rounded.dtype == rounded_spread["total"].dtype == np.float32
    assert 0 < np.abs((rounded - mean) / spread["total"]).max() < 0.2
    assert np.median(rounded_spread["model"] / spread["model"]) == pytest.approx(1, abs=0.02)
    monkeypatch.setattr(bcnn, "mc_precision", "double")
    with pytest.raises(ValueError, match="mc_precision.*'float32'.*'double'"):
        bcnn.predict(stars.spectra)


@pytest.mark.parametrize("how", ["nan", "magic", "mask"])
def test_a_star_without_a_good_pixel_gets_nan_and_a_warning(stars, tools, cnn, bcnn, how):
    rows, mask = [1, 66], None
    spectra = tools.changed(stars.spectra[:70], rows, {"nan": np.nan, "magic": MAGIC_NUMBER, "mask": 1.0}[how])
    if how == "mask":
        mask = tools.changed(np.zeros(spectra.shape, bool), rows, True)
    good = np.setdiff1d(np.arange(70), rows)
    with pytest.warns(UserWarning, match="2 of 70 stars have no good pixel"):
        prediction = cnn.predict(spectra, mask=mask)
    assert np.isnan(prediction[rows]).all()
    np.testing.assert_allclose(prediction[good], cnn.predict(stars.spectra[:70])[good], rtol=1e-5)
    with pytest.warns(UserWarning, match="2 of 70 stars have no good pixel"):
        prediction, spread = bcnn.predict(spectra, np.full(spectra.shape, 0.01), mask=mask)
    for array in (prediction, *spread.values()):
        assert np.isnan(array[rows]).all()
        assert np.isfinite(array[good]).all()


def test_asking_before_training_is_an_attribute_error(stars):
    for net in (ApogeeCNN(), ApogeeBCNN()):
        with pytest.raises(AttributeError, match="fit"):
            net.predict(stars.spectra)
        with pytest.raises(AttributeError, match="fit"):
            net.evaluate(stars.spectra, stars.labels)


@pytest.mark.parametrize("mc_num", [1, 0, -3, 2.5, True, "many"])
def test_fewer_than_two_passes_are_refused(stars, bcnn, mc_num):
    try:
        bcnn.mc_num = mc_num
        with pytest.raises(AttributeError, match="mc_num cannot be smaller than 2"):
            bcnn.predict(stars.spectra[:2])
    finally:
        bcnn.mc_num = 20


# Evaluation --------------------------------------------------------------------------------------------------


def test_evaluate_gives_the_numbers_that_numpy_gives(stars, tools):
    labels = tools.changed(stars.labels, (slice(0, 100), 0), np.nan)
    net = tools.small(tools.Linear())
    net.fit(stars.spectra, labels)
    residual = (labels - net.predict(stars.spectra).astype("float64")) / net.labels_std["output"]
    expected = {
        "loss": np.nanmean(residual**2, axis=1).mean(),
        "mean_absolute_error": np.nanmean(np.abs(residual), axis=1).mean(),
        "mean_error": np.nanmean(residual, axis=1).mean(),
    }
    scores = net.evaluate(stars.spectra, labels)
    assert set(scores) == set(expected)
    for name, value in expected.items():
        # Predictions come back through labels of order 4000 in float32: 2e-4 absolute, 300 std.
        assert scores[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name


def test_evaluate_of_a_bayesian_network_has_the_documented_keys(stars, still, tools):
    scores = still.evaluate(stars.spectra, stars.labels, labels_err=stars.labels_err)
    assert set(scores) == {
        "loss", "output_loss", "output_mean_absolute_error", "output_mean_error",
        "variance_output_mean_absolute_error", "variance_output_mean_error",
    }  # fmt: skip
    mean, log_variance = tools.answers_by_hand(still, stars.spectra)
    y = (stars.labels - still.labels_mean["output"]) / still.labels_std["output"]
    s = np.log(np.exp(log_variance) + (stars.labels_err / still.labels_std["output"]) ** 2)
    loss = (0.5 * (y - mean) ** 2 * np.exp(-s) + 0.5 * s).mean()
    penalty = still.l2 * sum(
        np.sum(layer.get_weights()[0].astype("float64") ** 2)
        for layer in still.keras_model.layers
        if getattr(layer, "kernel_regularizer", None) is not None
    )
    assert scores["output_loss"] == pytest.approx(loss, rel=1e-4, abs=1e-5)
    assert scores["loss"] == pytest.approx(loss + penalty, rel=1e-4, abs=1e-5)
    assert scores["output_mean_absolute_error"] == pytest.approx(np.abs(y - mean).mean(), rel=1e-4)


def test_evaluate_is_an_average_over_stars_not_over_batches(stars, cnn):
    """65 stars: a batch of 64 and one of 1."""
    first = cnn.evaluate(stars.spectra[:64], stars.labels[:64])["mean_absolute_error"]
    last = cnn.evaluate(stars.spectra[64:65], stars.labels[64:65])["mean_absolute_error"]
    both = cnn.evaluate(stars.spectra[:65], stars.labels[:65])["mean_absolute_error"]
    assert both == pytest.approx((64 * first + last) / 65, rel=1e-5)


def test_progress_is_shown_only_when_the_network_is_not_silent(stars, bcnn, capsys):
    bcnn.predict(stars.spectra[:3])
    silent = capsys.readouterr()
    bcnn.verbose = 1
    try:
        bcnn.predict(stars.spectra[:3])
    finally:
        bcnn.verbose = 0
    assert silent.err + silent.out == ""
    assert "Predicting" in capsys.readouterr().err


def test_the_network_weights_are_those_of_keras(bcnn):
    for mine, keras_own in zip(bcnn.get_weights(), bcnn.keras_model.weights, strict=True):
        np.testing.assert_array_equal(mine, keras.ops.convert_to_numpy(keras_own))
