"""The whole predictive distribution of a Bayesian network, of which `predict` gives mean and spread."""

import numpy as np
from keras import ops
from tqdm.auto import tqdm

from astroNN.models import _data
from astroNN.models.base_cnn import blank_empty_stars
from astroNN.models.training.outputs import MIXTURE
from astroNN.nn.distributions import GaussianMixture
from astroNN.shared import setting_checks

__all__ = ["PredictsDistributions"]

_SAMPLINGS = ("exact", "per_star")


class PredictsDistributions:
    """What gives `BayesianCNNBase` its method `predict_distribution`."""

    def predict_distribution(self, input_data, inputs_err=None, *, mask=None, calibrated=None, sampling="exact"):
        r"""Distribution of every label of every star, in physical units.

        Each of the T = `mc_num` passes predicts a distribution :math:`p_t(y)`: a mixture of Gaussians, if the network
        ends in a `MixtureDensity` layer, else the Gaussian of its label and predicted variance. The prediction is

        .. math:: p(y) = \frac{1}{T} \sum_{t=1}^{T} p_t(y) ,

        a mixture of the components of all passes. Its mean is the label of `predict`; its quantiles give intervals
        that need not be symmetric.

        Parameters
        ----------
        input_data, inputs_err, mask : array or dict of arrays
            As in `predict`; the errors of the pixels widen every component.
        calibrated : bool, optional
            Stretch the distributions about their means by the factors found on the validation stars, if the network
            has them. Default: only for a network without `MixtureDensity`, since the factors are those of Gaussian
            error bars: the modes of a mixture would be moved apart.
        sampling : {"exact", "per_star"}, optional
            How dropout is sampled, see `astroNN.nn.layers.MonteCarloEngine`. Default ``"exact"``.

        Returns
        -------
        GaussianMixture
            Batch shape (n_stars, n_labels), T times as many components as a pass has; 12 bytes a component, so give
            large sets in parts. NaN, with a warning, for a star without a good pixel.

        Raises
        ------
        AttributeError
            If the network was not trained, or ``mc_num`` is below 2.
        ValueError, TypeError
            For data that can't be used.

        Notes
        -----
        Its variance is the mean of the predicted variances plus that of the predicted labels. `predict` averages the
        logarithms of the predicted variances instead, so that its ``"total"`` is a little smaller.
        """
        self.has_model_check()
        self._check_settings()
        setting_checks.check_one_of("sampling", sampling, _SAMPLINGS)
        inputs, masks = _data.checked_inputs(self, input_data, mask)
        errors = _data.checked_inputs_err(inputs_err, inputs)
        parameters = _of_all_passes(self, inputs, masks, sampling)
        blank_empty_stars(inputs, masks, parameters)
        mixture = GaussianMixture.from_parameters(parameters)
        mean, std = (
            np.asarray(table["output"], dtype="float32")
            for table in (self.labels_normalizer.mean_labels, self.labels_normalizer.std_labels)
        )
        if errors:
            from astroNN.models.inspection.propagation import propagated_spread

            mixture = mixture.convolved(propagated_spread([self], inputs, masks, errors) / std)
        if calibrated is None:
            calibrated = MIXTURE not in self.keras_model_predict.output
        calibration = (self.calibration_propagated if errors else None) or self.calibration
        if calibrated and calibration is not None:
            factor = calibration.factor_at(ops.convert_to_numpy(mixture.stddev()) * std)
            factor = np.nan_to_num(factor, nan=1.0).astype("float32")  # of a star without a good pixel
            mixture = mixture.scaled(factor, (1.0 - factor) * ops.convert_to_numpy(mixture.mean()))
        return mixture.scaled(std, mean)


def _of_all_passes(net, inputs, masks, sampling):
    """Parameters of normalised mixtures, shape (n_stars, n_labels, 3, components of all passes)."""
    net._draw_seed()
    engine = net._engine(sampling)
    n_stars = len(inputs["input"])
    blocks = []
    with tqdm(total=n_stars, desc="Predicting", unit="star", disable=not net.verbose) as progress:
        for rows, normalised in net._read_blocks(inputs, masks):
            draws = engine.draws(normalised, first_star=int(rows[0]))
            blocks.append(_joined(draws, n_passes=1 if engine.deterministic else net.mc_num))
            progress.update(len(rows))
    return np.concatenate(blocks)


def _joined(draws, n_passes):
    """Components of the passes side by side, their weights still to be divided by the number of passes."""
    if MIXTURE in draws:
        parameters = draws[MIXTURE]
    else:
        label, log_variance = draws["output"], draws["variance_output"]
        parameters = np.stack([label, 0.5 * log_variance, np.zeros_like(label)], axis=-1)[..., None]
    parameters = np.moveaxis(parameters[:n_passes], 0, -2)
    return parameters.reshape(*parameters.shape[:-2], -1)
