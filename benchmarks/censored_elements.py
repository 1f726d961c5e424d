"""Aluminium where it no longer follows magnesium: `ApogeeBCNNCensored` against `ApogeeBCNN`.

    python benchmarks/censored_elements.py                                       # both networks, about 10 minutes
    python benchmarks/censored_elements.py --figure docs/source/_static/censored_al_mg.png
    python benchmarks/censored_elements.py --stars 6000 --epochs 60 --seed 2 --save networks
    python benchmarks/censored_elements.py --load networks                       # no training

Both networks are trained on the same simulated giants, whose [Al/H] is their [Mg/H] with a scatter of 0.03 dex. They
are tested on three samples: one like the training stars, one whose [Al/Mg] is free, and one in which Al rises while
Mg falls, as in globular clusters. The derivative of the predicted [Al/H] with respect to the true abundances comes
from the Jacobian of the network and from noiseless spectra in which one abundance changes.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from astroNN.apogee import aspcap_mask
from astroNN.datasets import simulate_apogee
from astroNN.datasets.simulator import synthesize_giants
from astroNN.datasets.simulator.atmosphere import ELEMENTS
from astroNN.models import ApogeeBCNN, ApogeeBCNNCensored, load_folder

NETWORKS = (ApogeeBCNN, ApogeeBCNNCensored)
LABELS = tuple(ApogeeBCNNCensored().targetname)
# The simulator has one carbon and one titanium abundance, whatever the lines that show it.
COLUMNS = tuple({"C1": "C", "Ti2": "Ti"}.get(name, name) for name in LABELS)
MEASURED = tuple(dict.fromkeys(COLUMNS))
SCATTER = 0.03  # dex, of [Al/Mg] in the training stars
CHANGED = ("Al", "Mg", "Fe", "Si")  # elements whose effect on the predicted aluminium is shown


class Stars(NamedTuple):
    """A simulated sample with the 22 labels of the networks."""

    spectra: np.ndarray
    mask: np.ndarray
    labels: np.ndarray
    labels_err: np.ndarray
    labels_true: np.ndarray

    def truth(self, name):
        return self.labels_true[:, LABELS.index(name)]


def bound(seed):
    """Aluminium as in the training stars: magnesium and a small scatter."""
    return lambda stars: {"Al": stars["Mg"] + SCATTER * _rng(seed).standard_normal(len(stars["Mg"]))}


def free(seed):
    """[Al/Mg] anywhere within half a dex, whatever magnesium is."""
    return lambda stars: {"Al": stars["Mg"] + _rng(seed).uniform(-0.5, 0.5, len(stars["Mg"]))}


def cluster(seed):
    """The products of hot hydrogen burning: up to 0.4 dex of magnesium lost, up to 0.6 dex of aluminium gained."""

    def abundances(stars):
        burnt = _rng(seed).uniform(0.0, 1.0, len(stars["Mg"]))
        return {"Mg": stars["Mg"] - 0.4 * burnt, "Al": stars["Mg"] + 0.6 * burnt}

    return abundances


SAMPLES = {"bound": bound, "free": free, "cluster": cluster}


def _rng(seed):
    return np.random.default_rng([seed, 27])


def make_stars(n_stars, kind, seed, **settings):
    """Simulated giants of one of `SAMPLES`, with the columns that the networks have."""
    survey = simulate_apogee(n_stars, labels=MEASURED, seed=seed, abundances=SAMPLES[kind](seed), **settings)
    columns = [MEASURED.index(name) for name in COLUMNS]
    tables = (survey.labels, survey.labels_err, survey.labels_true)
    return Stars(survey.spectra, survey.mask, *(table[:, columns] for table in tables))


def train(network, stars, epochs, lr, batch_size, seed):
    """A network of the documented architecture, trained."""
    net = network(lr=lr)
    net.targetname, net.seed, net.verbose = list(LABELS), seed, 0
    net.max_epochs, net.batch_size, net.reduce_lr_patience = epochs, batch_size, 10
    start = time.perf_counter()
    net.fit(stars.spectra, stars.labels, labels_err=stars.labels_err, mask=stars.mask)
    print(
        f"{network.__name__}: trained on {len(stars.spectra)} stars in {time.perf_counter() - start:.0f} s",
        flush=True,
    )
    return net


def networks(arguments):
    """Both networks, trained or read from the folder that `--save` wrote."""
    if arguments.load:
        nets = [load_folder(arguments.load / network.__name__) for network in NETWORKS]
        for net in nets:
            net.verbose = 0
        return nets
    stars = make_stars(arguments.stars, "bound", seed=100 * arguments.seed)
    settings = (arguments.epochs, arguments.lr, arguments.batch_size, arguments.seed)
    nets = [train(network, stars, *settings) for network in NETWORKS]
    for net in nets if arguments.save else ():
        net.save(arguments.save / type(net).__name__, if_exists="replace")
    return nets


def aluminium_scores(predicted, stars):
    """Errors of the predicted [Al/H], and what it follows.

    Parameters
    ----------
    predicted : array, shape (n_stars,)
        Predicted [Al/H].
    stars : Stars

    Returns
    -------
    dict
        "rms" and "bias" [dex]; "al", "mg" and "fe": coefficients of a linear fit of the prediction to the true
        [Al/H], [Mg/H], [Fe/H], Teff and log g. Perfect predictions have 1, 0 and 0.
    """
    error = predicted - stars.truth("Al")
    terms = [stars.truth(name) for name in ("Al", "Mg", "Fe", "logg")] + [stars.truth("teff") / 1000.0]
    design = np.column_stack([*terms, np.ones(len(predicted))]).astype("float64")
    coefficients = np.linalg.lstsq(design, predicted.astype("float64"), rcond=None)[0]
    return {
        "rms": float(np.sqrt(np.mean(error**2))),
        "bias": float(error.mean()),
        **dict(zip(("al", "mg", "fe"), map(float, coefficients[:3]), strict=True)),
    }


def windows():
    """Pixels by whose window they lie in: aluminium's, magnesium's (they share none), or elsewhere."""
    al, mg = aspcap_mask("Al", dr=14), aspcap_mask("Mg", dr=14)
    return {"Al": al, "Mg": mg & ~al, "elsewhere": ~(al | mg)}


def responses(net, stars, step=0.05):
    """Change of the predicted [Al/H] with each abundance of `CHANGED`, all else equal, by where the pixels lie.

    Parameters
    ----------
    net : BayesianCNNBase
    stars : Stars
        Their true labels are synthesised anew without noise.
    step : float, optional
        Half the difference of the abundance [dex] between two spectra.

    Returns
    -------
    dict of dicts of float
        ``found[element][window]``: mean over the stars of the sum over the window's pixels of the derivative of the
        prediction with respect to the flux, times that of the flux with respect to [element/H].
    """
    spectra = _spectra(stars)
    jacobian = net.jacobian(spectra, denormalize=True)[:, LABELS.index("Al")]
    found = {}
    for element in CHANGED:
        slope = (_spectra(stars, element, step) - _spectra(stars, element, -step)) / (2.0 * step)
        found[element] = {
            name: float((jacobian * slope)[:, pixels].sum(axis=1).mean()) for name, pixels in windows().items()
        }
    return found


def _spectra(stars, element=None, change=0.0):
    abundances = {name: stars.truth(name).astype("float64") for name in MEASURED if name in ELEMENTS}
    if element is not None:
        abundances[element] = abundances[element] + change
    return synthesize_giants(stars.truth("teff"), stars.truth("logg"), **abundances)


def score(net, samples, n_derivatives):
    """Predictions, scores and responses of one network, printed."""
    name = type(net).__name__
    predicted, scores = {}, {}
    for kind, stars in samples.items():
        labels, _ = net.predict(stars.spectra, mask=stars.mask)
        predicted[kind] = labels[:, LABELS.index("Al")]
        scores[kind] = aluminium_scores(predicted[kind], stars)
        print(f"{name:>20} {kind:>8} " + " ".join(f"{value:7.3f}" for value in scores[kind].values()), flush=True)
    some = Stars(*(array[:n_derivatives] for array in samples["free"]))
    found = responses(net, some)
    for element, parts in found.items():
        print(
            f"{name:>20} d[Al/H]/d[{element}/H]: {sum(parts.values()):6.3f} = "
            + " + ".join(f"{value:.3f} ({window})" for window, value in parts.items())
        )
    return {"predicted": predicted, "scores": scores, "responses": found}


def draw(path, samples, results):
    """What both networks make of aluminium that has left magnesium; written as PNG."""
    from astroNN.shared.plotting import BLUE, GREY, INK, ORANGE, figure_style, new_figure, save_figure

    colours = dict(zip(results, (BLUE, ORANGE), strict=True))
    free, cluster = samples["free"], samples["cluster"]
    al, al_mg = free.truth("Al"), free.truth("Al") - free.truth("Mg")
    mg_fe, fe = cluster.truth("Mg") - cluster.truth("Fe"), cluster.truth("Fe")
    with figure_style():
        figure = new_figure(7.6, 6.6)
        (labels, errors), (chemistry, bars) = figure.subplots(2, 2)
        for name, result in results.items():
            dots = {"ls": "", "marker": "o", "ms": 3, "mew": 0, "alpha": 0.6, "color": colours[name]}
            labels.plot(al, result["predicted"]["free"], label=name, **dots)
            errors.plot(al_mg, result["predicted"]["free"] - al, **dots)
            chemistry.plot(mg_fe, result["predicted"]["cluster"] - fe, **dots)
        labels.axline((0.0, 0.0), slope=1.0, color=INK, lw=0.8)
        labels.set(xlabel="true [Al/H]", ylabel="predicted [Al/H]", title="[Al/Mg] free")
        errors.axhline(0.0, color=INK, lw=0.8)
        errors.axvspan(-2 * SCATTER, 2 * SCATTER, color=GREY, alpha=0.3, lw=0, label="training stars")
        errors.set(xlabel="true [Al/Mg]", ylabel="predicted $-$ true [Al/H]", title="[Al/Mg] free")
        chemistry.plot(mg_fe, cluster.truth("Al") - fe, "o", color=GREY, ms=3, mew=0, zorder=0, label="truth")
        chemistry.set(xlabel="true [Mg/Fe]", ylabel="[Al/Fe]", title="cluster stars")
        _draw_responses(bars, results, colours)
        found = [panel.get_legend_handles_labels() for panel in (labels, errors, chemistry)]
        handles, texts = (sum(parts, []) for parts in zip(*found, strict=True))
        figure.legend(handles, texts, loc="outside lower center", ncols=len(texts), markerscale=2)
        save_figure(figure, path)


def _draw_responses(panel, results, colours):
    """Bars of d[Al/H]/d[X/H], and what they should be."""
    places = np.arange(len(CHANGED))
    for k, (name, result) in enumerate(results.items()):
        heights = [sum(result["responses"][element].values()) for element in CHANGED]
        panel.bar(places + 0.4 * k - 0.2, heights, 0.36, color=colours[name])
    for place, element in zip(places, CHANGED, strict=True):
        panel.hlines(float(element == "Al"), place - 0.45, place + 0.45, color="black", lw=2)
    panel.text(0.45, 1.0, " ideal", va="center")
    panel.set_xticks(places, CHANGED)
    panel.set(xlabel="element X that changes", ylabel="change of the predicted [Al/H]\nwith the true [X/H]",
              title="response")  # fmt: skip


def main():
    """Simulate, train both, score and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stars", type=int, default=3000, help="to train on; default: 3000")
    parser.add_argument("--test-stars", type=int, default=500, help="in each of the three samples; default: 500")
    parser.add_argument("--epochs", type=int, default=20, help="default: 20")
    parser.add_argument("--lr", type=float, default=0.001, help="learning rate; default: 0.001")
    parser.add_argument("--batch-size", type=int, default=32, help="default: 32")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path, help="folder for the trained networks")
    parser.add_argument("--load", type=Path, help="folder with networks that `--save` wrote; nothing is trained")
    parser.add_argument("--figure", type=Path, help="draw the figure into this PNG file")
    arguments = parser.parse_args()
    samples = {
        kind: make_stars(arguments.test_stars, kind, seed=100 * arguments.seed + 1 + k)
        for k, kind in enumerate(SAMPLES)
    }
    nets = networks(arguments)
    print(f"{'network':>20} {'sample':>8}     rms    bias  follows Al      Mg      Fe")
    results = {type(net).__name__: score(net, samples, n_derivatives=100) for net in nets}
    if arguments.figure:
        draw(arguments.figure, samples, results)


if __name__ == "__main__":
    main()
