"""How the networks are trained."""

from dataclasses import dataclass

import keras
import numpy as np

from astroNN.models import ApogeeBCNN, ApogeeBCNNCensored
from paper.samples import learned
from paper.settings import LABELS

__all__ = ["Recipe", "recipe_for", "train"]

CLASSES = {"bayesian": ApogeeBCNN, "censored": ApogeeBCNNCensored}
FEW_STARS = 5000
LEAST_EPOCHS, MOST_EPOCHS = 60, {"bayesian": 300, "censored": 150}
NOT_LEARNED_ERR = 10.0  # dex
VALIDATION_STARS = 66
GROWN = 0.05  # part of a short training in which the learning rate grows: a full one at first may kill a network
HELD = 0.3  # part after which it falls


@dataclass(frozen=True)
class Recipe:
    """Settings of a training; None leaves the default of the network."""

    lr: float | None = None
    dropout_rate: float | None = None
    batch_size: int = 64
    epochs: int | None = None
    #: let the rate grow, and fall to zero by a cosine, in place of waiting for the validation to stand still
    falls: bool = False


def recipe_for(name, n_stars, epochs=None):
    """How to train on so many stars.

    The defaults of the networks are those of the paper, for tens of thousands of stars and a hundred epochs. On few
    stars the recipe of ``astronn demo`` does better: larger steps that become smaller, less dropout, smaller
    batches. Here the steps also grow at first: with full ones from the start some networks died.

    Parameters
    ----------
    name : {"bayesian", "censored"}
    n_stars : int
    epochs : int, optional
        Default: those of the network; for few stars as many as show it 110,000 spectra, but 60 to 300. With half of
        that the gravity, one label of 22, is found in some trainings only. The censored network does with half, as
        its own default is half of the other's, but with no less than 60 either.
    """
    if n_stars >= FEW_STARS:
        return Recipe(epochs=epochs)
    some = np.clip(110_000 / n_stars * (1 if name == "bayesian" else 0.5), LEAST_EPOCHS, MOST_EPOCHS[name])
    return Recipe(0.003, 0.05, 16, epochs or int(some), falls=True)


def train(name, sample, seed, recipe, checkpoint=None, resume_from=None, verbose=2):
    """Train a network.

    Parameters
    ----------
    name : {"bayesian", "censored"}
    sample : Sample
        Its labels that hardly any star has are left out of the Bayesian network. The censored one needs all 22: they
        get an error so large that they teach it nothing, and step 8 leaves them out.
    seed : int
    recipe : Recipe
    checkpoint : Path, optional
        Folder that is renewed in training.
    resume_from : BayesianCNNBase, optional
        A network from its checkpoint, to go on with.
    verbose : int

    Returns
    -------
    BayesianCNNBase
    """
    net = resume_from or CLASSES[name]()
    labels, labels_err, names = _labels_to_learn(name, sample)
    if resume_from is None:
        net.targetname, net.seed = names, seed
        _follow(recipe, net, len(labels))
    net.verbose, net.checkpoint, net.checkpoint_epochs = verbose, checkpoint, max(1, net.max_epochs // 10)
    if recipe.falls:
        net.reduce_lr_patience = None
        first, epochs = net.lr, net.max_epochs
        net.callbacks = [keras.callbacks.LearningRateScheduler(lambda epoch: first * _rate((epoch + 0.5) / epochs))]
    net.fit(
        sample.spectra,
        labels,
        inputs_err=sample.spectra_err,
        labels_err=labels_err,
        mask=sample.mask,
        groups=sample.star,
        resume=resume_from is not None,
    )
    return net


def _labels_to_learn(name, sample):
    labels, labels_err = sample.labels, sample.labels_err
    known = learned(labels)
    if name == "bayesian":
        names = [label for label, is_known in zip(LABELS, known, strict=True) if is_known]
        return labels[:, known], labels_err[:, known], names
    iron = labels[:, LABELS.index("Fe"), None]
    labels = np.where(known, labels, np.where(np.isfinite(iron), iron, np.nan))
    return labels, np.where(known, labels_err, NOT_LEARNED_ERR), list(LABELS)


def _follow(recipe, net, n_stars):
    net.batch_size = recipe.batch_size
    for setting, value in (("lr", recipe.lr), ("dropout_rate", recipe.dropout_rate), ("max_epochs", recipe.epochs)):
        if value is not None:
            setattr(net, setting, value)
    if recipe.falls:
        # A tenth of few stars is too few to calibrate the uncertainties, which takes 50.
        net.val_size = float(np.clip(VALIDATION_STARS / n_stars, net.val_size, 0.3))


def _rate(part_done):
    """Factor of the learning rate; its fall is that of ``astronn demo``."""
    falling = np.cos(0.5 * np.pi * max(0.0, part_done - HELD) / (1.0 - HELD)) ** 2
    return float(min(part_done / GROWN, falling))
