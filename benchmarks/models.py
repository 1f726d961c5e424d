"""Every ready-made network on one simulated sample of its own kind, beside a simple yardstick.

    python benchmarks/models.py                                    # all: an hour and a half on two busy cores
    python benchmarks/models.py ApogeeBCNN MNIST_BCNN              # some
    python benchmarks/models.py --stars 2000 GaMorNetBCNN
    python benchmarks/models.py --stars 6000 --epochs 80 ApogeeBCNN --seed 2

Spectra are those of `simulate_apogee`, images of galaxies those of `simulate_galaxies`, handwritten digits the 1,797
real ones that come with scikit-learn. Light curves of Kepler, parallaxes and masses are made here from the labels of
the simulated stars, so that the truth is known. All is scored on stars or images that no training has seen, against
exact labels. ApogeeCVAE and GaMorNet have scripts of their own, autoencoder.py and galaxies.py.
"""

import argparse
import time

import keras
import numpy as np
from model_samples import (
    LABELS,
    N_TEST,
    STRETCH,
    ZERO_POINT,
    digit_samples,
    galaxy_sample,
    giants,
    power_spectra,
    stars_with_diagrams,
    stars_with_masses,
    stars_with_parallaxes,
)
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from astroNN import models
from astroNN.datasets import simulate_galaxies

SCORED = ("teff", "logg", "Fe")


def spread(errors):
    """Scatter as of a normal distribution: 1.4826 times the median of |error - median|."""
    errors = np.asarray(errors, float)
    return 1.4826 * np.median(np.abs(errors - np.median(errors, axis=0)), axis=0)


def linear(train, test, labels, further=None):
    """Labels of the test stars by ridge regression on 60 principal components of the spectra and further columns."""
    mean = np.where(train.mask, np.nan, train.spectra)
    mean = np.nanmean(mean, axis=0)
    filled = [np.where(stars.mask, mean, stars.spectra) for stars in (train, test)]
    pca = PCA(60, random_state=0).fit(filled[0])
    columns = [pca.transform(spectra) for spectra in filled]
    if further is not None:
        columns = [np.column_stack(pair) for pair in zip(columns, further, strict=True)]
    predicted = []
    for label in np.reshape(labels, (len(train.spectra), -1)).T:
        known = label > -9990.0
        fit = make_pipeline(StandardScaler(), Ridge(1.0)).fit(columns[0][known], label[known])
        predicted.append(fit.predict(columns[1]))
    return np.column_stack(predicted)


def prepared(net, options, **settings):
    """A network with the seed, the epochs and the patience of this run; all else as it comes, but for `settings`."""
    given = {"seed": options.seed, "verbose": 0, "max_epochs": options.epochs, "reduce_lr_patience": 10}
    for name, value in (given | settings).items():
        setattr(net, name, value)
    return net


def trained(net, *arguments, **named):
    began = time.perf_counter()
    net.fit(*arguments, **named)
    return time.perf_counter() - began


def of_labels(values):
    return "  ".join(
        f"{name} {value:.{0 if name == 'teff' else 3}f}" for name, value in zip(SCORED, values, strict=True)
    )


def within(errors, total):
    """Share of the errors within one and two standard deviations, as text."""
    return ", ".join(f"{np.mean(np.abs(errors) < k * total):.0%} within {k} sigma" for k in (1, 2))


def of_spectra(net, options):
    """Teff, log g and [Fe/H] of giants; the yardsticks are a linear regression, and the mean."""
    train, test = giants(options.stars)
    known = {"mask": train.mask}
    if hasattr(net, "mc_num"):
        known["labels_err"] = train.labels_err
    seconds = trained(net, train.spectra, train.labels, **known)
    answer = net.predict(test.spectra, mask=test.mask)
    pred, pred_std = answer if isinstance(answer, tuple) else (answer, None)
    columns = [LABELS.index(name) for name in SCORED]
    errors = (pred - test.truth)[:, columns]
    found = of_labels(spread(errors))
    if pred_std is not None:
        found += "; " + "; ".join(
            f"{name} {within(errors[:, k], pred_std['total'][:, c])}"
            for k, (name, c) in enumerate(zip(SCORED, columns, strict=True))
        )
    by_line = linear(train, test, train.labels[:, columns]) - test.truth[:, columns]
    yardsticks = {"linear": of_labels(spread(by_line)), "mean": of_labels(spread(test.truth[:, columns]))}
    return found, yardsticks, seconds


def apogee(kind):
    return lambda options: of_spectra(prepared(kind(), options, targetname=list(LABELS)), options)


def ensemble(options):
    """Five `ApogeeCNN` as one, beside the mean scores of its members."""
    net = prepared(models.DeepEnsemble(models.ApogeeCNN, n_members=5), options, targetname=list(LABELS))
    found, yardsticks, seconds = of_spectra(net, options)
    test, columns = giants(options.stars)[1], [LABELS.index(name) for name in SCORED]
    alone = [spread((member.predict(test.spectra, mask=test.mask) - test.truth)[:, columns]) for member in net]
    return found, {"a member": of_labels(np.mean(alone, axis=0))} | yardsticks, seconds


def aux(options):
    """Masses: a spectrum tells gravity and temperature; the luminosity that is needed besides is a further column."""
    rng, (train, test) = np.random.default_rng(options.seed), giants(options.stars)
    inputs, mask, columns, mass = stars_with_masses(train, rng)
    test_inputs, test_mask, test_columns, true_mass = stars_with_masses(test, rng)
    mass_err = 0.05 * mass
    mass = mass + rng.normal(0, mass_err)
    net = prepared(models.ApogeeBCNNaux(), options)
    seconds = trained(net, inputs, mass, labels_err=mass_err[:, None], mask=mask)
    pred, pred_std = net.predict(test_inputs, mask=test_mask)
    errors = pred[:, 0] - true_mass
    without = linear(train, test, mass)[:, 0] - true_mass
    with_them = linear(train, test, mass, (columns, test_columns))[:, 0] - true_mass
    found = f"mass {spread(errors):.3f} Msun; {within(errors, pred_std['total'][:, 0])}"
    yardsticks = {
        "linear": f"{spread(with_them):.3f}",
        "linear, no columns": f"{spread(without):.3f}",
        "mean": f"{spread(true_mass):.3f}",
    }
    return found, yardsticks, seconds


def gaia(options):
    """Distances from luminosities learnt from parallaxes, and the zero point; the yardstick are the parallaxes."""
    rng = np.random.default_rng(options.seed)
    train, test = (stars_with_parallaxes(stars, rng) for stars in giants(options.stars))
    net = prepared(models.ApogeeDR14GaiaDR2BCNN(), options)
    seconds = trained(net, train.columns, train.parallax, labels_err=train.error[:, None], mask=train.mask)
    fakemag, fakemag_std = net.predict(test.columns, mask=test.mask)
    ratio = fakemag[:, 0] / (test.true_parallax * 10.0 ** (0.2 * test.magnitude))
    total = fakemag_std["total"][:, 0] / fakemag[:, 0] * ratio
    offset, far = np.median(offsets(net, test.columns)), test.true_parallax < 0.5
    found = (
        f"distance {spread(ratio):.1%} (bias {np.median(ratio) - 1:+.1%}), beyond 2 kpc {spread(ratio[far]):.1%}; "
        f"{within(ratio - 1, total)}; offset {offset:+.3f} mas, true {ZERO_POINT:+.3f}"
    )
    measured = (test.parallax - ZERO_POINT) / test.true_parallax
    yardstick = f"{spread(measured):.1%}, beyond 2 kpc {spread(measured[far]):.1%}"
    return found, {"parallax, true offset": yardstick}, seconds


def offsets(net, columns):
    """Zero-point offset [mas] that the network has learnt, for every star."""
    normalised = net.input_normalizer.normalize({"input": columns.astype("float32")}, calc=False)["input"]
    given = {"input": normalised.reshape(*columns.shape, 1), "labels_err": np.zeros((len(columns), 1), "float32")}
    graph = keras.Model(net.keras_model.input, net.keras_model.get_layer("offset_output").output)
    return graph.predict(given, verbose=0)[:, 0] * float(np.ravel(net.labels_std["output"])[0])


def echelle(options):
    """Gravity from an echelle diagram and two numbers; the yardsticks are ridge regressions."""
    rng = np.random.default_rng(options.seed)
    (diagrams, numbers, logg), (test_diagrams, test_numbers, truth) = (
        stars_with_diagrams(stars, rng) for stars in giants(options.stars)
    )
    measured = logg + rng.normal(0, 0.02, len(logg))
    net = prepared(models.ApogeeKeplerEchelle(), options, targetname=["logg"])
    seconds = trained(net, {"input": diagrams, "aux": numbers}, measured)
    errors = net.predict({"input": test_diagrams, "aux": test_numbers})[:, 0] - truth
    both = [
        np.column_stack([images.reshape(len(images), -1), further])
        for images, further in ((diagrams, numbers), (test_diagrams, test_numbers))
    ]
    yardsticks = {}
    for name, (seen, unseen) in {"ridge, all": both, "ridge, numbers": (numbers, test_numbers)}.items():
        fit = make_pipeline(StandardScaler(), Ridge(100.0)).fit(seen, measured)
        yardsticks[name] = f"{spread(fit.predict(unseen) - truth):.3f}"
    yardsticks["mean"] = f"{spread(truth):.3f}"
    return f"log g {spread(errors):.3f} ({len(logg)} stars, {len(truth)} unseen)", yardsticks, seconds


def apokasc(options):
    """Power spectra drawn from spectra, error in dex from the truth; the yardsticks are linear, and the mean."""
    rng, (train, test) = np.random.default_rng(options.seed), giants(options.stars)
    seen, _ = power_spectra(train, rng)
    _, truth = power_spectra(test, rng)
    # Outputs far from 0, as logarithms of power are, have to be centred: else it draws the same for all stars.
    settings = {"batch_size": 32, "labels_norm_mode": 2}
    net = prepared(models.ApokascEncoderDecoder(), options, **settings)
    seconds = trained(net, train.spectra[:, STRETCH], seen, mask=train.mask[:, STRETCH])
    drawn = net.predict_decoder(net.predict_encoder(test.spectra[:, STRETCH], mask=test.mask[:, STRETCH])[0])
    by_line = linear(
        *(stars._replace(spectra=stars.spectra[:, STRETCH], mask=stars.mask[:, STRETCH]) for stars in (train, test)),
        seen,
    )

    def rms(predicted):
        return f"{np.sqrt(np.mean((predicted - truth) ** 2)):.3f}"

    found = f"{rms(drawn.reshape(truth.shape))} dex from the truth"
    return found, {"linear": rms(by_line), "mean": rms(seen.mean(axis=0))}, seconds


def of_classes(net, train, test, one_column_a_class):
    """Share of images in the right class; the yardsticks are a logistic regression and the commonest class."""
    (images, classes), (unseen, truth) = train, test
    seconds = trained(net, images, keras.utils.to_categorical(classes, one_column_a_class))
    answer = net.predict(unseen)
    if isinstance(answer, tuple):
        entropy, called = answer[1]["total"].ravel(), np.ravel(answer[0])
        right = called == truth
        remark = f"; entropy {entropy[right].mean():.2f} where right, {entropy[~right].mean():.2f} where wrong"
    else:
        right, remark = answer.argmax(axis=1) == truth, ""
    flat, flat_unseen = (array.reshape(len(array), -1) for array in (images, unseen))
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500)).fit(flat, classes)
    yardsticks = {
        "logistic": f"{regression.score(flat_unseen, truth):.1%}",
        "commonest": f"{np.bincount(truth).max() / len(truth):.1%}",
    }
    return f"{right.mean():.1%} right of {len(truth)}{remark}", yardsticks, seconds


def digits(kind):
    """1,797 real handwritten digits of 8x8 pixels, 397 of them to test with."""

    def run(options):
        net = prepared(kind(), options, targetname=[str(k) for k in range(10)])
        return of_classes(net, *digit_samples(), 10)

    return run


def galaxies(options):
    net = prepared(models.Galaxy10CNN(), options, targetname=["disk", "indeterminate", "bulge"])
    return of_classes(net, galaxy_sample(options.stars, 1), galaxy_sample(N_TEST, 2), 3)


def gamornet(options):
    """The Bayesian GaMorNet, every galaxy in its eight orientations, Adam at the rate 1e-4, few epochs."""
    train, test = (simulate_galaxies(n, survey="CANDELS", seed=seed) for n, seed in ((options.stars, 1), (N_TEST, 2)))
    both = (train.images, train.images[:, :, ::-1])
    images = np.concatenate([np.rot90(seen, k, axes=(1, 2)) for seen in both for k in range(4)])
    epochs = max(1, options.epochs // 20)
    net = prepared(models.GaMorNetBCNN(), options, optimizer="adam", max_epochs=epochs)
    seconds = trained(net, images, np.tile(train.labels, (8, 1)))
    probabilities, deviation = net.predict_probabilities(test.images)
    truth, called = test.labels.argmax(axis=1), probabilities.argmax(axis=1)
    right, clear = called == truth, truth != 1
    likeliest = deviation[np.arange(len(called)), called]
    found = (
        f"{right.mean():.1%} right of {len(truth)}, {right[clear].mean():.1%} of true disks and bulges; spread of "
        f"the probability {likeliest[right].mean():.2f} where right, {likeliest[~right].mean():.2f} where wrong"
    )
    return found, {"commonest": f"{np.bincount(truth).max() / len(truth):.1%}"}, seconds


def polynomial(options):
    """A cubic from noisy points, error of the curve; the yardstick is the least-squares fit."""
    rng = np.random.default_rng(options.seed)
    x = rng.uniform(-1, 1, options.stars)
    coefficients = (0.3, -0.5, 1.0, 0.8)  # of 1, x, x^2, x^3

    def curve(at):
        return sum(c * at**k for k, c in enumerate(coefficients))

    y = curve(x) + rng.normal(0, 0.1, len(x))
    net = prepared(models.SimplePolyNN(lr=0.05), options)
    seconds = trained(net, x[:, None], y)
    at = np.linspace(-1, 1, 201)
    errors = {"network": net.predict(at[:, None])[:, 0], "least squares": np.polyval(np.polyfit(x, y, 3), at)}
    errors = {name: f"{np.sqrt(np.mean((values - curve(at)) ** 2)):.4f}" for name, values in errors.items()}
    return f"{errors['network']} from the curve", {"least squares": errors["least squares"]}, seconds


RUNS = {
    "SimplePolyNN": polynomial,
    "MNIST_BCNN": digits(models.MNIST_BCNN),
    "Cifar10CNN": digits(models.Cifar10CNN),
    "ApogeeCNN": apogee(models.ApogeeCNN),
    "ApogeeBCNN": apogee(models.ApogeeBCNN),
    "StarNet2017": apogee(models.StarNet2017),
    "ApogeeKeplerEchelle": echelle,
    "ApogeeBCNNaux": aux,
    "ApogeeDR14GaiaDR2BCNN": gaia,
    "ApokascEncoderDecoder": apokasc,
    "Galaxy10CNN": galaxies,
    "ApogeeBCNNCensored": apogee(models.ApogeeBCNNCensored),
    "DeepEnsemble": ensemble,
    "GaMorNetBCNN": gamornet,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"default: all of {', '.join(RUNS)}")
    parser.add_argument("--stars", type=int, default=3000, help="or images, to train on; default: 3000")
    parser.add_argument("--epochs", type=int, default=40, help="default: 40")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    unknown = sorted(set(options.networks) - set(RUNS))
    if unknown:
        parser.error(f"unknown networks: {', '.join(unknown)}; there are {', '.join(RUNS)}")
    for name in options.networks or RUNS:
        found, yardsticks, seconds = RUNS[name](options)
        print(f"{name}  ({seconds:.0f} s of training)\n  network    {found}", flush=True)
        for yardstick, value in yardsticks.items():
            print(f"  {yardstick:10s} {value}", flush=True)


if __name__ == "__main__":
    main()
