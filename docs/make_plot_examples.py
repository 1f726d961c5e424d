"""Draw the figures of docs/source/plots.rst and calibration.rst into docs/source/_static.

An `ApogeeBCNN` and an `ApogeeCVAE` are trained with fixed seeds on 1,200 simulated stars
(`astroNN.datasets.simulate_apogee`, seed 1), and looked into with 300 others (seed 2), in a few minutes on two CPU
cores. They show what the figures look like, not what a network trained on a survey reaches. The report of a
calibration is that of predictions made of random numbers, so that it is known what is wrong with them.

Usage: python docs/make_plot_examples.py [folder]
"""

import sys
from pathlib import Path

import numpy as np

from astroNN.datasets import simulate_apogee
from astroNN.models import ApogeeBCNN, ApogeeCVAE
from astroNN.nn.calibration import calibration_report
from astroNN.shared.plotting import save_figure

STATIC = Path(__file__).parent / "source" / "_static"
LABELS = ("teff", "logg", "Fe", "Mg", "Al")
N_TRAIN, N_TEST = 1200, 300


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    calibration_figure(folder)
    train = simulate_apogee(N_TRAIN, labels=LABELS, seed=1)
    test = simulate_apogee(N_TEST, labels=LABELS, seed=2)
    network_figures(folder, train, test)
    autoencoder_figures(folder, train, test)


def calibration_figure(folder):
    """Four labels of 1,000 stars with Gaussian errors, a tenth of them missing; one of the four is predicted well."""
    rng = np.random.default_rng(0)
    names = ["calibrated", "spreads too small", "spreads too large", "biased"]
    errors = rng.normal([0.0, 0.0, 0.0, 0.6], [1.0, 1.5, 0.6, 0.8], size=(1000, 4))
    labels = rng.normal(0.0, 5.0, size=errors.shape)
    missing = rng.random(errors.shape) < 0.1
    report = calibration_report(
        labels + errors, np.ones(errors.shape), np.where(missing, np.nan, labels), None, names
    )
    report.plot(folder / "calibration_report.png")


def network_figures(folder, train, test):
    net = ApogeeBCNN(lr=0.002)
    net.verbose, net.seed, net.max_epochs, net.targetname = 0, 1, 25, list(LABELS)
    net.fit(train.spectra, train.labels, labels_err=train.labels_err, mask=train.mask)
    net.folder_name = "apogee_bcnn"
    net.plot_dense_stats(path=folder / "plots_dense_stats.png")
    net.plot_history("output_mean_absolute_error", path=folder / "plots_history.png")
    predictions, spreads = net.predict(test.spectra, mask=test.mask)
    residuals = net.aspcap_residue_plot(predictions, test.labels, spreads, test.labels_err)
    save_figure(residuals["teff"][0], folder / "plots_residuals.png")
    save_figure(residuals["Al_err"][0], folder / "plots_residuals_err.png")
    jacobians = net.jacobian_aspcap(net.jacobian(test.spectra[:100], denormalize=True), denormalized=True)
    save_figure(jacobians["Al"][0], folder / "plots_jacobian.png")


def autoencoder_figures(folder, train, test):
    vae = ApogeeCVAE()
    vae.verbose, vae.seed, vae.max_epochs, vae.lr, vae.dropout_rate, vae.latent_dim = 0, 1, 25, 0.002, 0.0, 3
    vae.fit(train.spectra, mask=train.mask)
    teff = test.label("teff", "labels_true")
    vae.plot_latent(test.spectra, teff, "teff", mask=test.mask, path=folder / "plots_latent.png")
    vae.plot_reconstruction(test.spectra, stars=0, mask=test.mask, path=folder / "plots_reconstruction.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else STATIC)
