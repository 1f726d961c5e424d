"""The calibration with which a Bayesian training ends."""

import warnings

from astroNN.nn.calibration import MINIMUM_STARS, fit_spread_calibration
from astroNN.shared.messages import tell

__all__ = ["calibrate_on_validation_stars"]


def calibrate_on_validation_stars(net, sample):
    """Calibration of a network's predicted spreads on the stars held back from its training.

    Parameters
    ----------
    net : BayesianCNNBase
        Trained; ``val_idx`` names the stars.
    sample : Sample
        What it was trained on, in physical units.

    Returns
    -------
    SpreadCalibration or None
        None, with a warning, if there are fewer than 50 validation stars.
    """
    rows = sample.counting(net.val_idx)
    if len(rows) < MINIMUM_STARS:
        warnings.warn(
            f"Only {len(rows)} validation stars: the predicted uncertainties are not calibrated (this takes at "
            f"least {MINIMUM_STARS}). Train on more stars, or raise `val_size` (now {net.val_size}).",
            stacklevel=5,
        )
        return None
    inputs = {name: array[rows] for name, array in sample.inputs.items()}
    masks = {name: array[rows] for name, array in sample.masks.items()}
    pred, pred_std = net._labels_and_spreads(*net._monte_carlo(inputs, masks, "exact"))
    residuals = sample.labels["output"][rows] - pred
    labels_err = None if sample.labels_err is None else sample.labels_err[rows]
    calibration = fit_spread_calibration(residuals, pred_std, labels_err)
    if calibration is not None:
        tell(f"Calibrated the predicted uncertainties on {len(rows)} validation stars: {calibration}", net.verbose)
    return calibration
