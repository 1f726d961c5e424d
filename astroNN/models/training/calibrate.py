"""The calibration with which a Bayesian training ends."""

import warnings

import numpy as np

from astroNN.models._trained import Trained
from astroNN.nn.calibration import MINIMUM_STARS, fit_spread_calibration
from astroNN.shared.blocks import row_blocks
from astroNN.shared.messages import tell
from astroNN.shared.missing import missing_elements
from astroNN.shared.sources import take_rows

__all__ = ["calibrate_on_validation_stars"]


def calibrate_on_validation_stars(net, sample):
    """Calibration of a network's predicted spreads on the stars held back from its training.

    Parameters
    ----------
    net : BayesianCNNBase or DeepEnsemble
        Trained; ``val_idx`` names the stars.
    sample : Sample
        What it was trained on, in physical units.

    Returns
    -------
    without : SpreadCalibration or None
        For predictions without errors of the pixels. Both are None, with a warning, if there are fewer than 50
        validation stars.
    with_propagated : SpreadCalibration or None
        For predictions with errors of the pixels; None unless the sample has such errors.
    """
    rows = sample.counting(net.val_idx)
    if len(rows) < MINIMUM_STARS:
        warnings.warn(
            f"Only {len(rows)} validation stars: the predicted uncertainties are not calibrated (this takes at "
            f"least {MINIMUM_STARS}). Train on more stars, or raise `val_size` (now {net.val_size}).",
            stacklevel=6,
        )
        return None, None
    inputs, masks, inputs_err = (
        {name: take_rows(array, rows) for name, array in table.items()}
        for table in (sample.inputs, sample.masks, sample.inputs_err)
    )
    pred, pred_std = net._predict(inputs, masks, inputs_err)
    labels_err = None if sample.labels_err is None else sample.labels_err[rows]
    labels, labels_err = _as_predicted(net, inputs, masks, sample.labels["output"][rows], labels_err)
    residuals = np.where(missing_elements(labels), np.nan, labels - pred)
    without = fit_spread_calibration(
        residuals, np.hypot(pred_std["model"], pred_std.get("predictive", 0.0)), labels_err
    )
    with_propagated = fit_spread_calibration(residuals, pred_std["total"], labels_err) if inputs_err else None
    if without is not None:
        tell(f"Calibrated the predicted uncertainties on {len(rows)} validation stars: {without}", net.verbose)
    return without, with_propagated


def _as_predicted(net, inputs, masks, labels, labels_err):
    """Labels and their errors as the quantities that are predicted; of an ensemble the mean over its members."""
    if not any(_converts_labels(member) for member in _members(net)):
        return labels, labels_err  # nothing depends on the spectra, which may be in files
    blocks = []
    for rows in row_blocks(len(labels), inputs["input"].shape[1:]):
        some_inputs, some_masks = ({name: array[rows] for name, array in table.items()} for table in (inputs, masks))
        some_errors = None if labels_err is None else labels_err[rows]
        blocks.append(_block_as_predicted(net, some_inputs, some_masks, labels[rows], some_errors))
    values, errors = zip(*blocks, strict=True)
    return np.concatenate(values), None if labels_err is None else np.concatenate(errors)


def _members(net):
    return getattr(net, "members", [net])


def _converts_labels(net):
    return type(net)._labels_as_predicted is not Trained._labels_as_predicted


def _block_as_predicted(net, inputs, masks, labels, labels_err):
    converted = [member._labels_as_predicted(inputs, masks, labels, labels_err) for member in _members(net)]
    return np.mean([values for values, _ in converted], axis=0), converted[0][1]
