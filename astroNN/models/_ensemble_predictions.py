"""What the members of a deep ensemble answer together: labels, scores and derivatives."""

import warnings

import numpy as np

from astroNN.models import _data
from astroNN.models._answers import ANSWERS
from astroNN.models._ensemble_answers import combined, combined_uncertain
from astroNN.models.base_cnn import blank_empty_stars

__all__ = ["EnsemblePredictions"]


class EnsemblePredictions:
    """What gives `DeepEnsemble` its predictions, scores and derivatives."""

    def predict(self, input_data, inputs_err=None, *, mask=None, calibrated=True, sampling="exact", first_star=0):
        """Answers of the whole ensemble, with uncertainties.

        Parameters
        ----------
        input_data : array or dict of arrays
            As in `fit`.
        inputs_err : array, shape of `input_data`, optional
            Standard deviations of the pixels, for Bayesian members; adds the component ``"propagated"``: the errors
            carried through the mean of the members.
        mask : array of bool, optional
            True marks a bad pixel.
        calibrated : bool, optional
            Apply the factors that `fit` found for the ensemble, if it did. Default True. The members' own factors are
            never used.
        sampling : {"exact", "per_star", "fast"}, optional
            How Bayesian members sample dropout, see `astroNN.nn.layers.MonteCarloEngine`. Default ``"exact"``.
        first_star : int, optional
            Number, in a larger set, of the first of these stars; see `BayesianCNNBase.predict`. Default 0.

        Returns
        -------
        pred : array
            The mean of the members: labels of shape (n_stars, n_labels), reconstructions of autoencoders, or
            probabilities of a classifier. Of Bayesian classifiers the class, as of one network.
        pred_std : dict of such arrays
            ``"total"`` and ``"model"``; of Bayesian members ``"predictive"`` besides, and with `inputs_err`
            ``"propagated"``. ``"model"`` holds the scatter of the members (k - 1 in the denominator). Of Bayesian
            classifiers what `BayesianCNNBase.predict` returns, for the mean probabilities of the members.

        Raises
        ------
        AttributeError
            If fewer than two members are trained.
        TypeError
            If `inputs_err` is given, or another `sampling`, and the members are not Bayesian.
        ValueError, TypeError
            For data that can't be used.
        """
        self.has_model_check()
        if not self._is_bayesian:
            self._refuse("predict", inputs_err=inputs_err, sampling=None if sampling == "exact" else sampling)
        if len(self) < self.n_members:
            warnings.warn(f"Only {len(self)} of {self.n_members} members are trained; they predict.", stacklevel=2)
        inputs, masks = _data.checked_inputs(self.members[0], input_data, mask)
        errors = _data.checked_inputs_err(inputs_err, inputs)
        pred, pred_std = self._predict(inputs, masks, errors, sampling, first_star)
        calibration = (self.calibration_propagated if errors else None) or self.calibration
        if calibrated and calibration is not None:
            pred_std = calibration.apply(pred_std)
        return pred, pred_std

    def evaluate(self, input_data, labels=None, inputs_err=None, labels_err=None, *, mask=None):
        """Loss and metrics of a set of stars, on normalised labels: means over the members.

        The prediction of the ensemble is better than these tell, since errors of the members partly cancel.

        Parameters
        ----------
        input_data, labels, inputs_err, labels_err, mask : array or dict of arrays
            As in `fit`.

        Returns
        -------
        dict
            Name to value, as the members' `evaluate` gives them.
        """
        self.has_model_check()
        given = self._given("evaluate", inputs_err=inputs_err, labels_err=labels_err, mask=mask)
        scores = [net.evaluate(input_data, labels, **given) for net in self.members]
        return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}

    def jacobian(self, x=None, mean_output=False, mc_num=None, denormalize=False, mask=None, **options):
        """Derivative of every label with respect to every pixel: the mean over the members.

        Parameters
        ----------
        x, mean_output, mc_num, denormalize, mask, **options : optional
            As in `NeuralNetMaster.jacobian`.

        Returns
        -------
        array, shape (n_stars, n_labels, n_pixels) or (n_labels, n_pixels)
            As there.
        """
        self.has_model_check()
        return self._mean_of("jacobian", x, mean_output, mc_num, denormalize, mask=mask, **options)

    def hessian(self, x=None, *arguments, **options):
        """Second derivatives: the mean over the members.

        Parameters
        ----------
        x, *arguments, **options : optional
            As in `NeuralNetMaster.hessian`.

        Returns
        -------
        array
            As there.
        """
        self.has_model_check()
        return self._mean_of("hessian", x, *arguments, **options)

    def _predict(self, inputs, masks, inputs_err, sampling="exact", first_star=0):
        """Answer to checked data, not calibrated; NaN for stars without a good pixel."""
        nets = self.members
        if not self._is_bayesian:
            return combined([_quietly(number, net.predict, inputs, mask=masks) for number, net in enumerate(nets)])
        if self.task != "regression":
            return self._classify(inputs, masks, inputs_err, sampling, first_star)
        options = {"mask": masks, "calibrated": False, "sampling": sampling}
        options |= {"first_star": first_star} if first_star else {}  # which a `predict` of a user's may not take
        answers = [_quietly(number, net.predict, inputs, **options) for number, net in enumerate(nets)]
        pred, pred_std = combined_uncertain(answers)
        if inputs_err:
            # Loaded where it is needed, as in the networks.
            from astroNN.models.inspection.propagation import propagated_spread

            pred_std["propagated"] = propagated_spread(nets, inputs, masks, inputs_err)
            pred_std["total"] = np.hypot(pred_std["total"], pred_std["propagated"])
        return pred, pred_std

    def _classify(self, inputs, masks, inputs_err, sampling, first_star):
        if inputs_err:
            warnings.warn("`inputs_err` has no effect on a classification.", stacklevel=4)
        for net in self.members:
            net._check_settings()
        moments = [net._monte_carlo(inputs, masks, sampling, first_star) for net in self.members]
        # Of probabilities, and of the spreads of logits, means over passes and members; the variance is not used.
        probability, variance, spread = (np.mean(parts, axis=0) for parts in zip(*moments, strict=True))
        pred, pred_std = ANSWERS[self.task](self.members[0], probability, variance, spread)
        blank_empty_stars(inputs, masks, pred, *pred_std.values())
        return pred, pred_std

    def _mean_of(self, method, *arguments, **options):
        total = 0.0
        for net in self.members:
            total = total + getattr(net, method)(*arguments, **options)
        return total / len(self)


def _quietly(number, function, *arguments, **options):
    """Call a member; what the first has warned of is not said again by the others."""
    with warnings.catch_warnings():
        if number:
            warnings.simplefilter("ignore")
        return function(*arguments, **options)
