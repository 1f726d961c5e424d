"""The demo from the first spectrum to the last figure."""

import time

import keras
import numpy as np
from tqdm.auto import tqdm

from astroNN._version import __version__
from astroNN.datasets import line_identifications, simulate_apogee
from astroNN.demo import plots, spectrum_plots
from astroNN.demo.labels import label_style
from astroNN.demo.progress import EpochBar
from astroNN.demo.style import save_figure
from astroNN.demo.table import format_table, score_labels, write_csv
from astroNN.models import ApogeeBCNN, load_folder
from astroNN.shared.messages import tell

__all__ = ["FIGURES", "LABELS", "run_demo"]

#: labels that the demo's network is trained on
LABELS = ("teff", "logg", "Fe", "C", "Mg", "Al")
SENSITIVE_LABEL = "Al"  # few lines, all of them known: the figure shows whether the network found them

#: files of the figures, and what is in them
FIGURES = {
    "predicted_vs_true.png": "predicted against true labels",
    "residuals.png": "errors against true labels",
    "pulls.png": "errors in units of the predicted uncertainty",
    "training_history.png": "loss and errors by epoch",
    "spectrum.png": "a spectrum and its lines",
    "sensitivity.png": f"which pixels {label_style(SENSITIVE_LABEL).text} comes from",
}

# The defaults of the network (0.3, 0.0005, 64) suit 30,000 stars and 100 epochs. In so short a training less
# dropout and more, larger steps pay: quick demo, scatter of Teff 44 K (0.1, 0.0005, 64) before, 21 K now.
_DROPOUT_RATE, _LEARNING_RATE, _BATCH_SIZE = 0.05, 0.003, 32
_HELD = 0.3  # part of the training with the full learning rate, which then falls to zero
_MIN_VALIDATION_STARS = 60  # the calibration of the uncertainties takes at least 50
_JACOBIAN_STARS = 64
_MIN_DEPTH = 0.04  # of lines worth naming


def run_demo(folder, size, test_size, epochs, seed):
    """Simulate, train, save, load, predict, judge.

    Parameters
    ----------
    folder : DemoFolder
        Prepared for writing.
    size, test_size : int
        Stars to train on and to test with.
    epochs : int
        Of the training.
    seed : int
        Where the simulated stars and all random numbers of the network come from.

    Returns
    -------
    list of LabelScore
        Of the test stars, one for each of `LABELS`.
    """
    began = time.monotonic()
    train_seed, test_seed, net_seed = (int(s) for s in np.random.SeedSequence(seed).generate_state(3))
    tell(f"astroNN {__version__} on Keras {keras.__version__} with {keras.backend.backend()}, seed {seed}\n")

    tell(f"1. Simulating APOGEE spectra of red giants: {size:,} to train on, {test_size:,} to test with")
    train = simulate_apogee(size, labels=LABELS, seed=train_seed)
    test = simulate_apogee(test_size, labels=LABELS, seed=test_seed)
    tell(f"   {_described(train)}\n")

    tell(f"2. Training ApogeeBCNN for {epochs} epochs")
    net = _train(train, epochs, net_seed)
    tell(f"   Predicted uncertainties, calibrated on {net.val_num:,} stars held back, are multiplied by")
    tell(f"   {net.calibration}\n")

    tell("3. Saving the network, and loading it again")
    folder.clear_results(FIGURES)
    net.save(folder.network, if_exists="replace")
    history, net = net.history.history, load_folder(folder.network)
    tell(f"   {folder.network}\n")

    tell(f"4. Predicting {test_size:,} stars that the network has not seen, {net.mc_num} Monte Carlo passes")
    net.verbose = 1
    pred, pred_std = net.predict(test.spectra, mask=test.mask)
    scores = score_labels(test.labels_true, pred, pred_std["total"], LABELS)
    write_csv(folder.results, scores)
    tell("\nPredicted minus true labels: bias (median), scatter (1.4826 MAD), median predicted uncertainty,")
    tell("and how many errors are smaller than one and two predicted uncertainties\n")
    tell(f"{format_table(scores)}\n")

    tell("5. Drawing")
    for name, figure in _figures(net, history, test, pred, pred_std["total"]):
        save_figure(figure, folder.figures / name)
        tell(f"   {folder.figures / name}: {FIGURES[name]}")
    tell(f"   {folder.results}: the table")
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    tell(f"\nDone in {minutes} min {seconds} s. To go on with the network:")
    tell(f"   net = astroNN.models.load_folder({str(folder.network)!r})")
    return scores


def _described(survey):
    missing = np.mean(~(survey.labels_err >= 0))
    return (
        f"{survey.spectra.shape[1]:,} pixels, {100 * survey.mask.mean():.0f} % of them bad; "
        f"signal to noise {survey.snr.min():.0f} to {survey.snr.max():.0f}; "
        f"labels noisy, {100 * missing:.0f} % missing"
    )


def _train(survey, epochs, seed):
    net = ApogeeBCNN(lr=_LEARNING_RATE, dropout_rate=_DROPOUT_RATE)
    net.batch_size = _BATCH_SIZE
    net.targetname = list(survey.label_names)
    net.seed, net.max_epochs, net.verbose = seed, epochs, 0
    net.val_size = max(net.val_size, _MIN_VALIDATION_STARS / len(survey))
    with tqdm(total=epochs, desc="   Training", unit="epoch") as bar:
        net.reduce_lr_patience = None  # so short a training can't wait for a plateau of the validation
        falling = keras.callbacks.LearningRateScheduler(lambda epoch: _LEARNING_RATE * _falling(epoch / epochs))
        net.callbacks = [falling, EpochBar(bar)]
        net.fit(survey.spectra, survey.labels, labels_err=survey.labels_err, mask=survey.mask)
    return net


def _falling(part_done):
    """Factor of the learning rate: small steps at the end take out the bias that the last large ones leave."""
    return float(np.cos(0.5 * np.pi * max(0.0, part_done - _HELD) / (1.0 - _HELD)) ** 2)


def _figures(net, history, test, pred, pred_std):
    """Names and figures, drawn one by one."""
    judged = test.labels_true, pred, pred_std, LABELS
    yield "predicted_vs_true.png", plots.predicted_vs_true(*judged)
    yield "residuals.png", plots.residuals(*judged)
    yield "pulls.png", plots.pulls(*judged)
    yield "training_history.png", plots.training_history(history)
    yield "spectrum.png", _spectrum(test, pred, pred_std)
    yield "sensitivity.png", _sensitivity(net, test)


def _spectrum(test, pred, pred_std):
    star = _showpiece(test)
    # The deepest lines are named; band heads have no depth of their own and come first.
    lines = sorted(_lines_of(test, star), key=lambda line: -np.nan_to_num(line.depth, nan=1.0))
    answers = zip(LABELS[:3], pred[star], pred_std[star], test.labels_true[star], strict=False)
    return spectrum_plots.spectrum_with_lines(
        test.wavelength,
        np.where(test.mask[star], np.nan, test.spectra[star]),
        [line.wavelength for line in lines],
        [line.name for line in lines],
        title=f"Test star, signal to noise {test.snr[star]:.0f}:  " + ";  ".join(_answer(*a) for a in answers),
    )


def _answer(name, value, std, true):
    style = label_style(name)
    digits = max(style.digits - 1, 0)
    numbers = f"{value:.{digits}f} $\\pm$ {std:.{digits}f} (true {true:.{digits}f})".replace("-", "\u2212")
    return f"{style.symbol} = {numbers}"


def _showpiece(test):
    """A typical giant with a good spectrum: of the best quarter, the one nearest to 4500 K."""
    good = np.argsort(-test.snr)[: max(1, len(test) // 4)]
    return int(good[np.argmin(np.abs(test.label("teff", "labels_true")[good] - 4500.0))])


def _sensitivity(net, test):
    some = slice(_JACOBIAN_STARS)
    jacobian = net.jacobian(test.spectra[some], mean_output=True, denormalize=True, mask=test.mask[some])
    jacobian = jacobian[LABELS.index(SENSITIVE_LABEL)]
    lines = [line for line in _lines_of(test, _showpiece(test)) if line.depth == line.depth]
    order = spectrum_plots.lines_by_weight(test.wavelength, np.abs(jacobian), [line.wavelength for line in lines])
    return spectrum_plots.sensitivity(
        test.wavelength,
        jacobian,
        SENSITIVE_LABEL,
        [lines[row].wavelength for row in order],
        [lines[row].name for row in order],
        title=f"Mean network, average of {min(_JACOBIAN_STARS, len(test))} test stars",
    )


def _lines_of(survey, star):
    teff, logg, feh = (float(survey.label(name, "labels_true")[star]) for name in ("teff", "logg", "Fe"))
    return line_identifications(_MIN_DEPTH, teff, logg, feh)
