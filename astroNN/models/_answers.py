"""From the moments over Monte Carlo passes to the answers of a Bayesian network, task by task."""

import numpy as np
from scipy.special import entr

__all__ = ["ANSWERS", "binary_answer", "class_answer", "regression_answer"]


def regression_answer(net, mean, variance, log_variance):
    """Labels and spreads in physical units.

    Parameters
    ----------
    net : BayesianCNNBase
        Gives the normaliser of the labels.
    mean, variance : array, shape (n_stars, n_labels)
        Of the outputs over the passes, in normalised labels.
    log_variance : array, shape (n_stars, n_labels)
        Mean of the predicted log variances.

    Returns
    -------
    pred : array of float32
    pred_std : dict of arrays
        ``"total"``, ``"model"`` and ``"predictive"``.
    """
    scale = np.asarray(net.labels_normalizer.std_labels["output"], dtype="float32")
    pred = net.labels_normalizer.denormalize({"output": mean})["output"].astype("float32")
    pred_std = {"model": np.sqrt(variance) * scale, "predictive": np.exp(0.5 * log_variance) * scale}
    return pred, {"total": np.hypot(pred_std["model"], pred_std["predictive"]), **pred_std}


def class_answer(net, mean, variance, logit_spread):
    """Most probable class, and how uncertain it is.

    Parameters
    ----------
    net : BayesianCNNBase
        Not used.
    mean, variance : array, shape (n_stars, n_classes)
        Of the classes' probabilities over the passes.
    logit_spread : array, shape (n_stars, n_classes)
        Mean of the predicted spreads of the logits.

    Returns
    -------
    pred : array of int, shape (n_stars,)
    pred_std : dict of arrays, shape (n_stars,)
        ``"model"``: entropy of the mean probabilities, in nats; ``"predictive"``: exp(spread of the class's logit)
        - 1, the established measure of what the image itself leaves open; ``"total"``: their sum.
    """
    pred = np.argmax(mean, axis=-1)
    spread = np.take_along_axis(logit_spread, pred[:, None], axis=-1)[:, 0]
    return pred, _summed(entr(np.clip(mean, 0.0, 1.0)).sum(axis=-1), np.expm1(spread))


def binary_answer(net, mean, variance, logit_spread):
    """Yes or no to every question, and how uncertain it is; arrays of shape (n_stars, n_labels)."""
    probability = np.clip(mean, 0.0, 1.0)
    pred = np.rint(probability).astype(int)
    return pred, _summed(entr(probability) + entr(1.0 - probability), np.expm1(logit_spread))


def _summed(model, predictive):
    spreads = {"model": model.astype("float32"), "predictive": predictive.astype("float32")}
    return {"total": spreads["model"] + spreads["predictive"], **spreads}


ANSWERS = {
    "regression": regression_answer,
    "classification": class_answer,
    "binary_classification": binary_answer,
}
