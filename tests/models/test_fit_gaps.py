"""What stars count in a training, by how much, and what becomes of missing pixels and labels."""

import keras
import numpy as np
import pytest

from astroNN.config import MAGIC_NUMBER
from astroNN.models import ApogeeBCNN
from astroNN.models.tasks import aware_of_gaps
from astroNN.nn.losses import mean_absolute_error

from ..helpers.ensembles import Heads

# Weights and errors ------------------------------------------------------------------------------------------


def test_stars_of_weight_zero_change_nothing(stars, tools):
    """Neither the weights nor the statistics of the labels."""
    weight = np.ones(320, "float32")
    weight[::5] = 0.0
    nonsense = tools.changed(stars.labels, slice(None, None, 5), 1e7)
    nets = []
    for labels in (stars.labels, nonsense):
        net = tools.small(tools.Linear(), reduce_lr_patience=1, reduce_lr_epsilon=1e-3)
        net.fit(stars.spectra, labels, sample_weight=weight)
        nets.append(net)
    np.testing.assert_array_equal(nets[0].labels_mean["output"], nets[1].labels_mean["output"])
    assert tools.equal_weights(*nets)
    assert nets[0].history.history == nets[1].history.history


def test_a_network_on_which_no_star_counts_is_refused(stars, tools):
    with pytest.raises(ValueError, match="`sample_weight`"):
        tools.small(tools.Linear()).fit(stars.spectra, stars.labels, np.zeros(320))


def test_weights_scale_the_loss_of_each_star(stars, tools):
    """Twice the weight for all is twice the loss (Keras: the mean of weighted losses)."""
    losses = []
    for weight in (1.0, 2.0):
        net = tools.small(tools.Linear(), lr=0.0, max_epochs=1)
        losses.append(net.fit(stars.spectra, stars.labels, np.full(320, weight)).history["loss"][0])
    assert losses[1] == pytest.approx(2 * losses[0], rel=1e-5)


def test_the_bayesian_loss_is_the_published_one_with_label_errors_and_weights(stars, tools, bcnn):
    """Equation 6 of Leung & Bovy 2019 by numpy in float64, from the network's own answers without dropout."""
    from astroNN.models.inspection.jacobian import mean_network

    labels = tools.changed(stars.labels, (slice(0, 50), 0), MAGIC_NUMBER)
    net = tools.small(ApogeeBCNN(), disable_dropout=True, max_epochs=1, val_size=0.0, lr=0.0, batch_size=320)
    net.l2 = None
    weight = np.linspace(0.5, 1.5, 320).astype("float32")
    with pytest.warns(UserWarning, match="not calibrated"):
        loss = net.fit(stars.spectra, labels, None, stars.labels_err, weight).history["loss"][0]
    out = mean_network(net)(net._read_inputs({"input": stars.spectra}, {}, np.arange(320)))
    mean, log_variance = (
        keras.ops.convert_to_numpy(out[name]).astype("float64") for name in ("output", "variance_output")
    )
    y = (labels - net.labels_mean["output"]) / net.labels_std["output"]
    error = stars.labels_err / net.labels_std["output"]
    s = np.log(np.exp(log_variance) + error.astype("float64") ** 2)
    element = 0.5 * (y - mean) ** 2 * np.exp(-s) + 0.5 * s
    present = labels != MAGIC_NUMBER
    per_star = np.where(present, element, 0).sum(1) / present.sum(1)
    assert loss == pytest.approx((weight * per_star).mean(), rel=1e-5, abs=1e-6)


def test_missing_label_errors_count_as_zero(stars, tools, bcnn):
    from astroNN.models import _data

    for filler in (0.0, MAGIC_NUMBER, np.nan):
        errors = tools.changed(stars.labels_err, (slice(None), 0), filler)
        sample = _data.checked_sample(bcnn, stars.spectra, stars.labels, labels_err=errors)
        given = bcnn._columns(sample)["labels_err"]
        assert (given[:, 0] == 0).all()
        np.testing.assert_allclose(given[:, 1], 0.02 / bcnn.labels_std["output"][1], rtol=1e-6)


# Missing pixels and labels -----------------------------------------------------------------------------------


def test_nan_magic_and_masked_pixels_train_the_same_network(stars, tools):
    bad = np.random.default_rng(1).random(stars.spectra.shape) < 0.1
    nets = []
    for spectra, mask in (
        (tools.changed(stars.spectra, bad, np.nan), None),
        (tools.changed(stars.spectra, bad, MAGIC_NUMBER), None),
        (tools.changed(stars.spectra, bad, 17.0), bad),
        (stars.spectra, bad.astype(int)),
    ):
        net = tools.small(tools.Linear(), max_epochs=1)
        net.fit(spectra, stars.labels, mask=mask)
        nets.append(net)
    for other in nets[1:]:
        assert tools.equal_weights(nets[0], other)
        assert nets[0].evaluate(tools.changed(stars.spectra, bad, np.nan), stars.labels) == other.evaluate(
            stars.spectra, stars.labels, mask=bad
        )


@pytest.mark.parametrize("mode", [1, 2, 3, 0])
def test_a_missing_pixel_becomes_the_training_mean(stars, tools, mode):
    """Also in the modes that do not centre every pixel: a spectrum of nothing but means is what the network sees."""
    bad = np.random.default_rng(1).random(stars.spectra.shape) < 0.3
    net = tools.small(tools.Linear(), max_epochs=1, input_norm_mode=mode)
    net.fit(stars.spectra, stars.labels, mask=bad)
    train = np.where(bad, np.nan, stars.spectra.astype("float64"))[net.train_idx]
    mean_spectrum = np.nanmean(train, axis=0).astype("float32")
    gappy = tools.changed(stars.spectra[:4], (slice(None), slice(0, 40)), np.nan)
    filled = np.array(stars.spectra[:4])
    filled[:, :40] = mean_spectrum[:40]
    # float32: the mean itself is rounded to 6e-8 of 1, and the labels are of order 1e4.
    np.testing.assert_allclose(net.predict(gappy), net.predict(filled), rtol=1e-5, atol=1e-4)


def test_missing_labels_as_nan_or_magic_give_equal_losses(stars, tools):
    gaps = np.random.default_rng(2).random(stars.labels.shape) < 0.5
    gaps[gaps.all(axis=1)] = [True, False]
    histories = []
    for filler in (np.nan, MAGIC_NUMBER):
        net = tools.small(Heads(), max_epochs=1)  # runs without compilation, unlike an `ApogeeBCNN`
        net.fit(stars.spectra, tools.changed(stars.labels, gaps, filler), labels_err=stars.labels_err)
        histories.append(net.history.history)
    for name, values in histories[0].items():
        np.testing.assert_array_equal(values, histories[1][name], err_msg=name)
        assert np.isfinite(values).all()


def test_stars_without_any_label_are_reported_and_change_nothing(stars, tools):
    losses = []
    for spectrum in (1.0, 5.0):
        net = tools.small(tools.Linear(), val_size=0.0, input_norm_mode=0)
        with pytest.warns(UserWarning, match="3 of 320 stars have no valid label"):
            net.fit(
                tools.changed(stars.spectra, slice(0, 3), spectrum),
                tools.changed(stars.labels, slice(0, 3), np.nan),
            )
        losses.append(net.history.history["loss"])
    assert losses[0] == losses[1]


# Metrics -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["mae", ["mean_absolute_error"], {"output": ["mae"]}], ids=str)
def test_metrics_and_losses_given_by_name_know_of_missing_labels(form):
    names = keras.tree.flatten(form)
    chosen = aware_of_gaps(form)
    assert keras.tree.flatten(chosen) == [mean_absolute_error] * len(names)
    assert aware_of_gaps("hinge") == "hinge"  # known to Keras alone


def test_a_metric_by_name_reports_what_the_function_reports(stars, tools):
    labels = tools.changed(stars.labels, (slice(None, None, 3), 0), MAGIC_NUMBER)
    by_name, by_function = (
        tools.small(Heads(), metrics=metrics, max_epochs=1) for metrics in (["mae"], [mean_absolute_error])
    )
    by_name.fit(stars.spectra, labels)
    by_function.fit(stars.spectra, labels)
    errors = (net.history.history["output_mean_absolute_error"] for net in (by_name, by_function))
    np.testing.assert_allclose(*errors, rtol=1e-5)
