"""Bayesian networks whose labels are mixtures of Gaussians."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy import stats

from astroNN.models import BayesianCNNBase, load_folder
from astroNN.nn.layers import MCDropout, MixtureDensity

N_STARS, N_PIXELS = 900, 12


class MixtureNet(BayesianCNNBase):
    """The smallest network of mixtures."""

    def __init__(self):
        super().__init__()
        self.verbose, self.seed, self.val_size, self.max_epochs, self.mc_num = 0, 4, 0.2, 25, 12
        self.lr, self.dropout_rate, self.num_hidden, self.input_norm_mode = 0.02, 0.1, 16, 2
        self.targetname = ["two", "one"]

    def body(self):
        spectra = keras.Input(shape=self._input_shape["input"], name="input")
        x = layers.Dense(self.num_hidden, "relu", kernel_initializer=self.fresh_initializer(), name="hidden")(
            layers.Flatten()(spectra)
        )
        return spectra, MCDropout(self.dropout_rate, disable=self.disable_dropout, seed=self.next_seed())(x)

    def model(self):
        spectra, x = self.body()
        head = MixtureDensity(self._labels_shape["output"], n_components=2, seed=self.next_seed(), name="output")
        return keras.Model(spectra, head(x))


class InDictionary(MixtureNet):
    """The same, with the output by name and two models."""

    def model(self):
        plain = super().model()
        graph = keras.Model({"input": plain.input}, {"output": plain.output})
        return graph, graph


class SingleGaussian(MixtureNet):
    """A network with a mean and a log variance."""

    def model(self):
        spectra, x = self.body()
        n_labels = self._labels_shape["output"]
        return keras.Model(
            spectra, [layers.Dense(n_labels, name="output")(x), layers.Dense(n_labels, name="variance_output")(x)]
        )


def parameters_by_numpy(net, spectra):
    """Means, log scales and log weights of a `MixtureNet` without dropout, in float64."""
    kernel, bias, head_kernel, head_bias = (weight.astype("float64") for weight in net.get_weights())
    x = (spectra.astype("float64") - net.input_mean["input"]) / net.input_std["input"]
    raw = np.maximum(x @ kernel + bias, 0) @ head_kernel
    mean, b, c = np.moveaxis(raw.reshape(-1, *head_bias.shape) + head_bias, 2, 0)
    log_scale = -np.log(1 / (1e-3 + np.exp(b)) + 1e-3)
    return np.stack([mean, log_scale, c - np.log(np.exp(c).sum(-1, keepdims=True))], axis=2)


class Sample:
    """A label with two values that the spectrum does not tell apart, and one that it does."""

    def __init__(self, n_stars=N_STARS, seed=0):
        rng = np.random.default_rng(seed)
        self.spectra = rng.normal(1.0, 0.1, (n_stars, N_PIXELS)).astype("float32")
        signal = self.spectra[:, :3].sum(1)
        sign = np.where(rng.random(n_stars) < 0.25, -1.0, 1.0)
        two = 5000 + 800 * sign + rng.normal(0, 60, n_stars)
        self.labels = np.stack([two, signal + rng.normal(0, 0.02, n_stars)], axis=1).astype("float32")
        self.labels[::11, 0] = -9999.0
        self.labels_err = np.full(self.labels.shape, [20.0, 0.01], "float32")
        self.labels_err[::13] = np.nan


@pytest.fixture(scope="module")
def sample():
    return Sample()


@pytest.fixture(scope="module")
def net(sample):
    net = MixtureNet()
    net.fit(sample.spectra, sample.labels, labels_err=sample.labels_err)
    return net


@pytest.fixture(scope="module")
def small(sample):
    """Trained for an epoch only, without calibration."""

    def make(network, **settings):
        net = network()
        for name, value in ({"max_epochs": 1, "val_size": 0.0, "mc_num": 5} | settings).items():
            setattr(net, name, value)
        net.fit(sample.spectra[:200], sample.labels[:200], labels_err=sample.labels_err[:200])
        return net

    return make


@pytest.mark.slow
def test_training_lowers_the_loss_and_watches_the_mean(net):
    history = net.history.history
    assert {"loss", "output_loss", "val_loss", "output_mean_absolute_error", "output_mean_error"} <= set(history)
    assert not any("mixture" in name for name in history)
    assert history["val_loss"][-1] < history["val_loss"][0] - 0.5


def test_the_loss_is_the_likelihood_of_the_labels_present_under_mixtures_with_the_label_errors(small, sample):
    net = small(MixtureNet, disable_dropout=True)
    labels, errors = sample.labels.astype("float64"), np.nan_to_num(sample.labels_err).astype("float64")
    present = labels != -9999
    std, centre = (table["output"].astype("float64") for table in (net.labels_std, net.labels_mean))
    mean, log_scale, log_weight = np.moveaxis(parameters_by_numpy(net, sample.spectra), 2, 0)
    spread = np.hypot(np.exp(log_scale), (errors / std)[..., None])
    density = (np.exp(log_weight) * stats.norm.pdf(((labels - centre) / std)[..., None], mean, spread)).sum(-1)
    nll = np.where(present, -np.log(np.where(present, density, 1.0)), 0.0)
    expected = (nll.sum(1) / present.sum(1)).mean()
    scores = net.evaluate(sample.spectra, sample.labels, labels_err=sample.labels_err)
    # `evaluate` weighs the batches' means by the stars in them.
    assert scores["output_loss"] == pytest.approx(expected, rel=1e-4)
    residual = np.abs((np.exp(log_weight) * mean).sum(-1) - (labels - centre) / std)
    error = (np.where(present, residual, 0).sum(1) / present.sum(1)).mean()
    assert scores["output_mean_absolute_error"] == pytest.approx(error, rel=1e-4)


def test_predictions_are_moments_of_the_mixtures_in_physical_units(net, sample):
    pred, pred_std = net.predict(sample.spectra[:130], calibrated=False)
    assert pred.shape == (130, 2)
    assert list(pred_std) == ["total", "model", "predictive"]
    # The label of two values: mean 5000 + 800 (0.75 - 0.25), spread of the two values sqrt(0.75 * 0.25) * 1600.
    spread = np.hypot(np.sqrt(0.75 * 0.25) * 1600, 60)
    assert np.mean(pred[:, 0]) == pytest.approx(5400, abs=0.15 * spread)
    assert np.mean(pred_std["predictive"][:, 0]) == pytest.approx(spread, rel=0.15)
    # The other one is told by the spectrum: its spread over the stars is 0.1 sqrt(3) = 0.17.
    assert np.std(pred[:, 1] - sample.labels[:130, 1]) < 0.09
    np.testing.assert_allclose(pred_std["total"], np.hypot(pred_std["model"], pred_std["predictive"]), rtol=1e-5)
    draws = net._engine("exact").draws(net._read_inputs({"input": sample.spectra[:130]}, {}, np.arange(130)))
    mean, log_scale, log_weight = np.moveaxis(draws["mixture"].astype("float64"), -2, 0)
    means = (np.exp(log_weight) * mean).sum(-1)
    variances = (np.exp(log_weight) * (np.exp(2 * log_scale) + mean**2)).sum(-1) - means**2
    std, centre = net.labels_std["output"], net.labels_mean["output"]
    np.testing.assert_allclose(pred, means.mean(0) * std + centre, rtol=1e-4)
    np.testing.assert_allclose(pred_std["model"] / std, means.std(0), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(pred_std["predictive"], np.exp(0.5 * np.log(variances).mean(0)) * std, rtol=1e-3)


def test_the_whole_distribution_has_both_modes_and_its_quantiles_hold(net):
    new = Sample(400, seed=1)
    mixture = net.predict_distribution(new.spectra, calibrated=False)
    assert (mixture.batch_shape, mixture.n_components) == ((400, 2), 2 * net.mc_num)
    pred, pred_std = net.predict(new.spectra, calibrated=False)
    np.testing.assert_allclose(mixture.mean(), pred, rtol=1e-4)
    # The mean of variances is never below the exponential of the mean of their logarithms.
    assert np.all(np.asarray(mixture.stddev()) > 0.999 * pred_std["total"])
    # Two modes: far less density between them than at either.
    log_density = [np.asarray(mixture.log_prob(np.array([x, 3.0], "float32")))[:, 0] for x in (4200, 5000, 5800)]
    assert np.median(log_density[0] - log_density[1]) > 2
    assert np.median(log_density[2] - log_density[1]) > 2
    # The quarter of the stars in the lower mode lies below 5000, whatever the Gaussian of the same moments says.
    assert np.mean(np.asarray(mixture.cdf(np.array([5000.0, 3.0], "float32")))[:, 0]) == pytest.approx(0.25, abs=0.08)
    quantiles = np.asarray(mixture.quantile(np.array([0.1587, 0.5, 0.8413])[:, None, None]))
    assert quantiles.shape == (3, 400, 2)
    present = new.labels[:, 0] != -9999
    inside = (new.labels > quantiles[0]) & (new.labels < quantiles[2])
    # Five standard errors of a fraction of 0.68 among 360 stars are 0.12.
    assert np.mean(inside[present, 0]) == pytest.approx(0.6826, abs=0.13)
    assert np.mean(quantiles[2, :, 0] - quantiles[1, :, 0]) < 0.5 * np.mean(quantiles[1, :, 0] - quantiles[0, :, 0])


def test_calibration_and_errors_of_the_pixels_widen_the_distribution(net, sample):
    assert net.calibration is not None
    spectra, errors = sample.spectra[:50], np.full((50, N_PIXELS), 0.05, "float32")
    plain = net.predict_distribution(spectra, calibrated=False)
    calibrated = net.predict_distribution(spectra, calibrated=True)
    factor = net.calibration.factor
    np.testing.assert_allclose(calibrated.mean(), plain.mean(), rtol=1e-4)
    np.testing.assert_allclose(calibrated.stddev(), np.asarray(plain.stddev()) * factor, rtol=1e-3)
    propagated = net.predict(spectra, inputs_err=errors, calibrated=False)[1]["propagated"]
    wide = net.predict_distribution(spectra, inputs_err=errors, calibrated=False)
    np.testing.assert_allclose(wide.variance(), np.asarray(plain.variance()) + propagated**2, rtol=1e-3)


def test_unless_told_only_gaussians_are_calibrated(net, small, sample):
    """A stretched mixture would have its modes elsewhere."""
    gaussian = small(SingleGaussian, val_size=0.3)
    for network, calibrated in ((net, False), (gaussian, True)):
        assert np.all(network.calibration.factor != 1.0)
        found, expected = (
            np.asarray(network.predict_distribution(sample.spectra[:9], **given).stddev())
            for given in ({}, {"calibrated": calibrated})
        )
        np.testing.assert_array_equal(found, expected)


def test_a_star_without_a_good_pixel_has_no_distribution(net, sample):
    spectra = sample.spectra[:3].copy()
    spectra[1] = np.nan
    with pytest.warns(UserWarning, match="1 of 3 stars have no good pixel"):
        mixture = net.predict_distribution(spectra)
    assert np.isnan(np.asarray(mixture.quantile(0.5))).all(axis=1).tolist() == [False, True, False]


def test_jacobian_and_propagated_errors_are_those_of_the_mean(small, sample, tools):
    net = small(MixtureNet)
    std, centre = (table["output"].astype("float64") for table in (net.labels_std, net.labels_mean))

    def labels(spectra):
        mean, _, log_weight = np.moveaxis(parameters_by_numpy(net, spectra), 2, 0)
        return (np.exp(log_weight) * mean).sum(-1) * std + centre

    spectra = sample.spectra[:5].astype("float64")
    expected = tools.slopes_by_hand(labels, spectra)
    jacobian = net.jacobian(sample.spectra[:5], denormalize=True)
    # In spreads of the labels.
    np.testing.assert_allclose(jacobian / std[:, None], expected / std[:, None], rtol=1e-3, atol=1e-5)
    errors = np.full((5, N_PIXELS), 0.01, "float32")
    propagated = net.predict(sample.spectra[:5], inputs_err=errors, calibrated=False)[1]["propagated"]
    np.testing.assert_allclose(propagated, np.sqrt((expected**2).sum(-1)) * 0.01, rtol=1e-3)


def test_a_saved_network_predicts_the_same(net, sample, tmp_path):
    loaded = load_folder(net.save(tmp_path / "run"), custom_models=MixtureNet)
    loaded.verbose = 0
    before, after = net.predict(sample.spectra[:9]), loaded.predict(sample.spectra[:9])
    np.testing.assert_array_equal(after[0], before[0])
    for name in before[1]:
        np.testing.assert_array_equal(after[1][name], before[1][name])
    mixtures = [one.predict_distribution(sample.spectra[:9]).quantile(0.3) for one in (net, loaded)]
    np.testing.assert_array_equal(*map(np.asarray, mixtures))
    loaded.max_epochs = 1
    loaded.fit(sample.spectra, sample.labels)
    assert np.isfinite(loaded.history.history["loss"]).all()


def test_the_output_may_stand_in_a_dictionary(small, sample):
    plain, named = small(MixtureNet), small(InDictionary)
    np.testing.assert_allclose(plain.history.history["loss"], named.history.history["loss"], rtol=1e-5)
    np.testing.assert_allclose(plain.predict(sample.spectra[:5])[0], named.predict(sample.spectra[:5])[0], rtol=1e-5)


def test_large_label_errors_take_the_whole_loss(small, sample):
    """Errors of ten thousand times the spread of the labels: -ln N(0, e) is left."""
    net = MixtureNet()
    net.max_epochs, net.val_size = 1, 0.0
    labels = sample.labels[1:200]
    err = np.full(labels.shape, 1e4, "float32") * np.array([700, 0.2], "float32")
    net.fit(sample.spectra[1:200], labels, labels_err=err)
    # Stars weigh alike, whether one label or both are present: so do the labels of those with one.
    logs = np.log(err[0] / net.labels_std["output"]) + 0.5 * np.log(2 * np.pi)
    one_label = labels[:, 0] == -9999
    expected = np.where(one_label, logs[1], logs.mean()).mean()
    assert net.history.history["loss"][0] == pytest.approx(expected, abs=1e-3)


def test_every_bayesian_network_has_a_distribution_and_one_without_dropout_a_single_pass(small, sample):
    net = small(SingleGaussian)
    mixture = net.predict_distribution(sample.spectra[:70])
    assert mixture.n_components == net.mc_num
    np.testing.assert_allclose(mixture.mean(), net.predict(sample.spectra[:70])[0], rtol=1e-4)
    certain = small(SingleGaussian, disable_dropout=True)
    mixture = certain.predict_distribution(sample.spectra[:70])
    assert mixture.n_components == 1
    pred, pred_std = certain.predict(sample.spectra[:70])
    np.testing.assert_allclose(mixture.quantile(0.8413447), pred + pred_std["total"], rtol=1e-3)


def test_sampling_of_the_distribution_is_repeatable_or_refused(small, sample):
    net = small(MixtureNet)
    first, second = (
        np.asarray(net.predict_distribution(sample.spectra[:5], sampling="per_star").means) for _ in "ab"
    )
    np.testing.assert_array_equal(first, second)
    with pytest.raises(ValueError, match="`sampling` must be one of.*'exact', 'per_star'"):
        net.predict_distribution(sample.spectra[:5], sampling="fast")
    with pytest.raises(AttributeError, match="No model found"):
        MixtureNet().predict_distribution(sample.spectra[:5])


def test_a_head_for_another_number_of_labels_is_explained(sample):
    class Wrong(MixtureNet):
        def model(self):
            spectra, x = self.body()
            return keras.Model(spectra, MixtureDensity(3, name="output")(x))

    with pytest.raises(ValueError, match=r"`model\(\)` of Wrong .*MixtureDensity\(2\).*\(None, 3, 3, 3\)"):
        Wrong().fit(sample.spectra, sample.labels)
