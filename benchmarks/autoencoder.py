"""Reconstructions by variational autoencoders against principal components, as many of either.

    python benchmarks/autoencoder.py                        # spectra, 2 latent variables; images, 4
    python benchmarks/autoencoder.py --latent 2 4 8         # spectra with more of them
    python benchmarks/autoencoder.py --defaults             # spectra, all settings of ApogeeCVAE as they are
    python benchmarks/autoencoder.py --figure docs/source/_static/autoencoder_pca.png

Both methods are fitted to the same noisy stars (or galaxies), on the same normalised pixels, and reconstruct others
that they have not seen: the autoencoder from the means of its latent variables, the components from the projection.
Errors are counted from the noisy data and from what they were before the noise.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from astroNN.datasets import simulate_apogee
from astroNN.models import ApogeeCVAE, ConvVAEBase
from astroNN.nn.layers import VAESampling

PIXELS = (4000, 4512)  # of the 7,514: a stretch of the middle chip, 16,084 to 16,198 Angstrom
MOST_COMPONENTS = 10


class Sample(NamedTuple):
    """Noisy data to train on, noisy data to test with, and these without noise."""

    train: np.ndarray
    test: np.ndarray
    truth: np.ndarray


def giants(n_train=2000, n_test=500, pixels=PIXELS, seed=1):
    """Spectra of simulated giants, signal to noise 50 to 300, no bad pixels."""
    noisy, truth = (
        simulate_apogee(n_train + n_test, labels="teff", snr=snr, bad_pixels=0.0, seed=seed).spectra[
            :, slice(*pixels)
        ]
        for snr in ((50.0, 300.0), 1e9)
    )
    return Sample(noisy[:n_train], noisy[n_train:], truth[n_train:])


def galaxies(n_train=2000, n_test=500, size=24, noise=0.2, seed=0):
    """Images of discs: exponential profiles of many brightnesses, sizes, axis ratios and position angles."""
    n = n_train + n_test
    rng = np.random.default_rng(seed)
    brightness, radius, ratio, angle = (
        rng.uniform(*limits, (n, 1, 1)) for limits in ((-0.3, 0.3), (2.0, 4.0), (0.3, 1.0), (0.0, np.pi))
    )
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    distance = np.hypot(along * np.sqrt(ratio), across / np.sqrt(ratio)) / radius
    truth = 10**brightness * np.exp(-1.678 * (distance - 1.0))  # 1 at the half-light radius
    noisy = truth + rng.normal(0.0, noise, truth.shape)
    return Sample(*(array.astype("float32") for array in (noisy[:n_train], noisy[n_train:], truth[n_train:])))


class GalaxyVAE(ConvVAEBase):
    """Autoencoder of images whose sides are multiples of 4: two convolutions and a dense layer, and back."""

    def __init__(self):
        super().__init__()
        self.latent_dim = 4
        self.num_filters = [8, 16]
        self.num_hidden = 64
        self.activation = "relu"
        self.batch_size = 32
        self.lr = 0.002
        self.max_epochs = 40
        self.reduce_lr_patience = 4
        self.input_norm_mode = self.labels_norm_mode = 1  # one mean and one spread for all pixels

    def model(self):
        """Encoder and decoder."""
        image = keras.Input(self._input_shape["input"], name="input")
        x = self.convolution(layers.Conv2D, self.num_filters[0], "conv_1")(image)
        x = self.convolution(layers.Conv2D, self.num_filters[1], "conv_2")(x)
        x = self.dense(self.num_hidden, "hidden")(layers.Flatten()(x))
        z_mean = layers.Dense(self.latent_dim, name="z_mean")(x)
        z_log_var = layers.Dense(self.latent_dim, name="z_log_var")(x)
        z = VAESampling(seed=self.next_seed())([z_mean, z_log_var])
        return keras.Model(image, [z_mean, z_log_var, z], name="encoder"), self.decoder()

    def decoder(self):
        height, width, channels = self._input_shape["input"]
        first, second = self.num_filters
        return keras.Sequential(
            [
                keras.Input((self.latent_dim,)),
                self.dense(self.num_hidden, "decoder_hidden_1"),
                self.dense(height // 4 * (width // 4) * second, "decoder_hidden_2"),
                layers.Reshape((height // 4, width // 4, second)),
                self.convolution(layers.Conv2DTranspose, second, "decoder_conv_1"),
                self.convolution(layers.Conv2DTranspose, first, "decoder_conv_2"),
                layers.Conv2D(channels, 3, padding="same", name="output"),
            ],
            name="output",
        )

    def convolution(self, kind, filters, name):
        return kind(filters, 3, strides=2, padding="same", activation=self.activation, name=name)

    def dense(self, units, name):
        return layers.Dense(units, self.activation, name=name)


def spectra_network(latent_dim=2, epochs=60, defaults=False):
    """`ApogeeCVAE` with the settings that suit a few thousand spectra, or as it is."""
    net = ApogeeCVAE()
    net.latent_dim = latent_dim
    if not defaults:
        net.lr, net.batch_size, net.dropout_rate, net.max_epochs = 0.003, 32, 0.0, epochs
    return net


def normalised(net, data):
    """Data in the units in which the network's loss counts, one row a star."""
    flat = data.reshape(len(data), -1)
    mean, std = (
        np.asarray(values["output"], dtype="float64").ravel() for values in (net.labels_mean, net.labels_std)
    )
    return (flat - mean) / std


def pca_reconstructions(train, test, most=MOST_COMPONENTS):
    """Reconstructions of `test` from 1, 2, ... `most` principal components of `train`."""
    mean = train.mean(axis=0)
    components = np.linalg.svd(train - mean, full_matrices=False)[2]
    return [mean + (test - mean) @ components[:k].T @ components[:k] for k in range(1, most + 1)]


def rms(difference):
    return float(np.sqrt(np.mean(np.square(difference))))


def errors(net, sample, most=MOST_COMPONENTS):
    """Errors of a trained network and of principal components, in normalised units.

    Returns
    -------
    dict
        "vae" and "pca" (of 1, 2, ... components): errors counted from the truth; "vae_noisy", "pca_noisy": from the
        noisy data; "noise": of the noisy data from the truth.
    """
    train, test, truth = (normalised(net, data) for data in sample)
    by_vae = normalised(net, net.predict_decoder(net.predict_encoder(sample.test)[0]))
    by_pca = pca_reconstructions(train, test, most)
    return {
        "vae": rms(by_vae - truth),
        "vae_noisy": rms(by_vae - test),
        "pca": [rms(reconstruction - truth) for reconstruction in by_pca],
        "pca_noisy": [rms(reconstruction - test) for reconstruction in by_pca],
        "noise": rms(test - truth),
    }


def compare(net, sample, title, seed):
    """Train a network, print its errors beside those of as many components, and return them."""
    net.seed, net.verbose = seed, 0
    start = time.perf_counter()
    net.fit(sample.train)
    seconds = time.perf_counter() - start
    found, k = errors(net, sample), net.latent_dim
    pca, pca_noisy = found["pca"][k - 1], found["pca_noisy"][k - 1]
    print(
        f"{title:>18} {k:6d}   {found['vae']:.4f}  {pca:.4f}  {found['vae'] / pca:5.2f}   "
        f"{found['vae_noisy']:.4f}  {pca_noisy:.4f}  {found['noise']:.4f}   {seconds:5.0f} s",
        flush=True,
    )
    return found


def draw(path, spectra, images, gallery):
    """Errors against the number of components, and some galaxies; `gallery` holds rows of images by name."""
    from astroNN.shared.plotting import BLUE, GREY, INK, ORANGE, figure_style, new_figure, save_figure

    with figure_style():
        figure = new_figure(8.2, 5.6)
        top, bottom = figure.subfigures(2, 1, height_ratios=[3, 2.6])
        for panel, (title, by_latent) in zip(
            top.subplots(1, 2), (("spectra of giants", spectra), ("images of galaxies", images)), strict=True
        ):
            any_one = next(iter(by_latent.values()))
            panel.plot(range(1, len(any_one["pca"]) + 1), any_one["pca"], "o-", color=BLUE, ms=4,
                       label="principal components")  # fmt: skip
            panel.plot(list(by_latent), [found["vae"] for found in by_latent.values()], "D", color=ORANGE, ms=7,
                       label="autoencoder")  # fmt: skip
            panel.axhline(any_one["noise"], color=GREY, ls="--", lw=1)
            panel.text(MOST_COMPONENTS, any_one["noise"], "noise of the data", ha="right", va="bottom", color=INK)
            panel.set(title=title, xlabel="latent variables or components", yscale="log",
                      ylabel="error of the reconstruction\n(normalised, from the truth)")  # fmt: skip
        top.axes[0].legend(loc="center right")
        panels = bottom.subplots(len(gallery), len(next(iter(gallery.values()))))
        for row, (name, row_of_images) in zip(panels, gallery.items(), strict=True):
            row[0].set_ylabel(name, rotation=0, ha="right", va="center")
            for panel, image in zip(row, row_of_images, strict=True):
                panel.imshow(image, cmap="gray", vmin=-0.5, vmax=5.0, origin="lower")
                panel.set(xticks=[], yticks=[])
        save_figure(figure, path)


def gallery_of(net, sample, n=8):
    """Truth, noisy image and both reconstructions of the first galaxies."""
    shape = (n, *sample.test.shape[1:])
    train, test = sample.train.reshape(len(sample.train), -1), sample.test[:n].reshape(n, -1)
    return {
        "truth": sample.truth[:n],
        "seen": sample.test[:n],
        "autoencoder": net.predict_decoder(net.predict_encoder(sample.test[:n])[0]).reshape(shape),
        "components": pca_reconstructions(train, test, net.latent_dim)[-1].reshape(shape),
    }


def main():
    """Train, compare and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latent", type=int, nargs="+", default=[2], help="latent variables of spectra; default: 2")
    parser.add_argument("--epochs", type=int, default=60, help="of the spectra; default: 60")
    parser.add_argument("--stars", type=int, default=2000, help="to train on; default: 2000")
    parser.add_argument(
        "--pixels", type=int, nargs=2, default=PIXELS, help="first, and last plus 1; default: 4000 4512"
    )
    parser.add_argument("--defaults", action="store_true", help="ApogeeCVAE with all its defaults")
    parser.add_argument("--no-images", action="store_true", help="spectra only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--figure", type=Path, help="draw the figure into this PNG file")
    arguments = parser.parse_args()
    if arguments.figure and arguments.no_images:
        parser.error("the figure shows images, too: leave out --no-images")
    print(f"{'':>18} {'':>6}   {'from the truth':^21}   {'from the noisy data':^24}")
    print(
        f"{'':>18} {'latent':>6}   {'VAE':>6}  {'PCA':>6}  {'ratio':>5}   {'VAE':>6}  {'PCA':>6}  {'noise':>6}"
        "   training"
    )
    sample = giants(arguments.stars, pixels=arguments.pixels)
    spectra = {
        k: compare(spectra_network(k, arguments.epochs, arguments.defaults), sample, "spectra", arguments.seed)
        for k in arguments.latent
    }
    if not arguments.no_images:
        sample, net = galaxies(), GalaxyVAE()
        images = {net.latent_dim: compare(net, sample, "images", arguments.seed)}
        if arguments.figure:
            draw(arguments.figure, spectra, images, gallery_of(net, sample))


if __name__ == "__main__":
    main()
