"""Latent spaces and reconstructions of autoencoders: the numbers drawn, for spectra and for images."""

import keras
import numpy as np
import pytest
from keras import layers

from astroNN.apogee import wavelength_solution
from astroNN.models import ApogeeCVAE, ConvVAEBase
from astroNN.models.inspection.plots.latent import draw_latent
from astroNN.models.inspection.plots.reconstruction import draw_spectra
from astroNN.nn.layers import VAESampling

pytestmark = pytest.mark.one_backend

RNG = np.random.default_rng(1)
N_STARS = 50


class TinyVAE(ConvVAEBase):
    """Dense autoencoder of any shape; it runs without compilation."""

    def __init__(self, latent_dim=2):
        super().__init__()
        self.latent_dim, self.max_epochs, self.verbose, self.seed = latent_dim, 1, 0, 3
        self.batch_size, self.val_size = 64, 0.0
        self.input_norm_mode = self.labels_norm_mode = 1

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.keras_model.run_eagerly = True

    def model(self):
        shape, target = self._input_shape["input"], self._labels_shape["output"]
        n_out = int(np.prod(target))
        x = keras.Input(shape, name="input")
        flat = layers.Flatten()(x)
        mean, log_var = (layers.Dense(self.latent_dim, name=name)(flat) for name in ("z_mean", "z_log_var"))
        encoder = keras.Model(x, [mean, log_var, VAESampling()([mean, log_var])])
        z = keras.Input((self.latent_dim,))
        decoded = layers.Reshape(shape if n_out == np.prod(shape) else (n_out, 1))(layers.Dense(n_out, name="d")(z))
        return encoder, keras.Model(z, decoded, name="output")


def trained(data, target=None, **settings):
    net = TinyVAE(**settings)
    net.fit(data, target)
    return net


@pytest.fixture(scope="module")
def spectra():
    return RNG.normal(1.0, 0.05, (N_STARS, 30)).astype("float32")


@pytest.fixture(scope="module")
def net(spectra):
    return trained(spectra)


@pytest.fixture(scope="module")
def wide(spectra):
    """Four latent variables."""
    return trained(spectra, latent_dim=4)


def points(panel, which=0):
    return np.asarray(panel.collections[which].get_offsets())


# The latent space ---------------------------------------------------------------------------------


def test_two_latent_means_are_drawn_against_each_other(net, spectra):
    _, axes = net.plot_latent(spectra)
    np.testing.assert_allclose(points(axes), net.predict_encoder(spectra)[0])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("latent variable 1", "latent variable 2")


def test_numbers_are_the_colours_and_missing_ones_grey(net, spectra):
    teff = RNG.normal(4500, 200, N_STARS)
    teff[3], teff[4] = -9999.0, np.nan
    figure, axes = net.plot_latent(spectra, teff, "teff")
    mean = net.predict_encoder(spectra)[0]
    grey, coloured = axes.collections
    np.testing.assert_allclose(np.asarray(grey.get_offsets()), mean[3:5])
    np.testing.assert_allclose(np.asarray(coloured.get_array()), np.delete(teff, [3, 4]))
    assert figure.axes[1].get_ylabel() == r"$T_\mathrm{eff}$ [K]"
    assert figure.legends[0].get_texts()[0].get_text() == "label unknown"


def test_labels_that_nobody_knows_are_all_grey(net, spectra):
    _, axes = net.plot_latent(spectra, np.full(N_STARS, -9999))
    assert sum(len(collection.get_offsets()) for collection in axes.collections) == N_STARS


def test_classes_have_a_colour_each(net, spectra):
    kinds = np.array(["giant", "dwarf"])[np.arange(N_STARS) % 2]
    figure, axes = net.plot_latent(spectra, kinds, "kind")
    mean = net.predict_encoder(spectra)[0]
    for collection, name in zip(axes.collections, ["dwarf", "giant"], strict=True):
        assert collection.get_label() == name
        np.testing.assert_allclose(np.asarray(collection.get_offsets()), mean[kinds == name])
    assert figure.legends[0].get_title().get_text() == "kind"


def test_error_bars_are_the_encoders_standard_deviations(net, spectra):
    _, axes = net.plot_latent(spectra, errors=True)
    _, std, _ = net.predict_encoder(spectra)
    for axis, bars in enumerate(axes.containers[0].lines[2]):
        segments = np.array(bars.get_segments())
        np.testing.assert_allclose(np.ptp(segments[:, :, axis], axis=1), 2 * std[:, axis], rtol=1e-4)


def test_more_latent_variables_make_a_matrix_of_pairs(wide, spectra):
    _, axes = wide.plot_latent(spectra, np.arange(N_STARS))
    mean = wide.predict_encoder(spectra)[0]
    assert axes.shape == (4, 4)
    assert all((axes[row, column] is None) == (column > row) for row in range(4) for column in range(4))
    np.testing.assert_allclose(points(axes[3, 1]), mean[:, [1, 3]])
    assert sum(bar.get_height() for bar in axes[2, 2].patches) == N_STARS
    assert axes[3, 1].get_xlabel().replace("\n", " ") == "latent variable 2"


def test_the_user_chooses_the_variables_to_be_drawn(wide, spectra):
    mean = wide.predict_encoder(spectra)[0]
    _, axes = wide.plot_latent(spectra, dims=[3, 0])
    np.testing.assert_allclose(points(axes), mean[:, [3, 0]])
    _, axes = wide.plot_latent(spectra, dims=2)
    assert axes.get_xlabel() == "latent variable 3"
    assert sum(bar.get_height() for bar in axes.patches) == N_STARS


def test_one_variable_is_drawn_against_numbers_and_counted_by_class(wide, spectra):
    logg = np.linspace(0, 3, N_STARS)
    _, axes = wide.plot_latent(spectra, logg, "logg", errors=True, dims=1)
    drawn = next(line for line in axes.lines if line.get_marker() == "o").get_xydata()
    np.testing.assert_allclose(drawn, np.stack([logg, wide.predict_encoder(spectra)[0][:, 1]], axis=1))
    _, axes = wide.plot_latent(spectra, ["a"] * 20 + ["b"] * 30, dims=1)
    assert [sum(bar.get_height() for bar in bars) for bars in axes.containers] == [20, 30]


def test_too_many_variables_for_a_figure_are_refused(spectra):
    many = trained(spectra, latent_dim=9)
    with pytest.raises(ValueError, match="9 latent variables are too many.*`dims`"):
        many.plot_latent(spectra)
    assert many.plot_latent(spectra, dims=range(8))[1].shape == (8, 8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": np.zeros(3)}, "one value for each of the 50 stars"),
        ({"labels": np.full(N_STARS, np.inf)}, "infinite"),
        ({"labels": [f"star {k}" for k in range(N_STARS)]}, "50 different names"),
        ({"labels": np.zeros(N_STARS, complex)}, "numbers or names"),
        ({"dims": [0, 2]}, "from 0 to 1"),
        ({"dims": [0, 0]}, "different whole numbers"),
        ({"dims": []}, "different whole numbers"),
        ({"dims": [0.5]}, "different whole numbers"),
        ({"path": "latent.txt"}, "`path` must end"),
    ],
)
def test_bad_choices_are_refused(net, spectra, settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        net.plot_latent(spectra, **settings)


# Reconstructions ----------------------------------------------------------------------------------


def line(panel, label):
    return next(line for line in panel.lines if line.get_label() == label).get_ydata()


def test_spectra_reconstructions_and_residuals_are_drawn(net, spectra):
    _, axes = net.plot_reconstruction(spectra, stars=[7, 2])
    assert axes.shape == (4, 1)
    decoded = net.predict_decoder(net.predict_encoder(spectra)[0])[..., 0]
    for number, row in enumerate((2, 7)):
        above, below = axes[2 * number, 0], axes[2 * number + 1, 0]
        np.testing.assert_allclose(line(above, "data"), spectra[row])
        np.testing.assert_allclose(line(above, "reconstruction"), decoded[row], rtol=1e-5)
        residual = spectra[row] - decoded[row]
        np.testing.assert_allclose(line(below, "data \u2212 reconstruction"), residual, atol=1e-5)
        rms = np.sqrt(np.mean(residual.astype("float64") ** 2))
        printed = float(above.texts[0].get_text().split()[-1])
        assert printed == pytest.approx(rms, rel=0.006)  # three digits are printed


def test_missing_and_masked_pixels_are_gaps(net, spectra):
    holes, mask = spectra[:1].copy(), np.zeros((1, 30), dtype=bool)
    holes[0, 4], holes[0, 5], mask[0, 6] = np.nan, -9999.0, True
    _, axes = net.plot_reconstruction(holes, mask=mask)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(line(axes[0, 0], "data"))), [4, 5, 6])
    assert np.isfinite(line(axes[0, 0], "reconstruction")).all()


def test_the_first_three_stars_are_drawn_unless_others_are_chosen(net, spectra):
    assert net.plot_reconstruction(spectra)[1].shape == (6, 1)
    assert net.plot_reconstruction(spectra[:1])[1].shape == (2, 1)
    assert net.plot_reconstruction(spectra, stars=5)[1].shape == (2, 1)


def test_a_drawn_latent_variable_gives_another_spectrum_each_time(net, spectra):
    first, second = (line(net.plot_reconstruction(spectra, sampled=True)[1][0, 0], "reconstruction") for _ in "ab")
    assert (first != second).any()


def test_apogee_spectra_are_drawn_chip_by_chip():
    flux = RNG.normal(1.0, 0.1, (2, 7514))
    net = trained(flux)
    _, axes = net.plot_reconstruction(flux)
    assert axes.shape == (4, 3)
    start = 0
    for panel, wavelength in zip(axes[2], wavelength_solution(17), strict=True):
        drawn = next(line for line in panel.lines if line.get_label() == "data").get_xydata()
        expected = flux[1, start : start + len(wavelength)]
        np.testing.assert_allclose(drawn, np.stack([wavelength, expected], axis=1), rtol=1e-6)
        start += len(wavelength)


def test_other_grids_have_the_wavelengths_given(net, spectra):
    wavelength = np.linspace(4000, 5000, 30)
    figure, axes = net.plot_reconstruction(spectra, wavelength=wavelength)
    np.testing.assert_array_equal(axes[0, 0].lines[0].get_xdata(), wavelength)
    assert figure.get_supxlabel() == "vacuum wavelength [\u00c5]"
    assert net.plot_reconstruction(spectra)[0].get_supxlabel() == "pixel"


def test_another_target_than_the_input_is_compared_with(spectra):
    target = spectra[:, :12] * 3
    net = trained(spectra, target)
    _, axes = net.plot_reconstruction(spectra, target)
    np.testing.assert_allclose(line(axes[2, 0], "data"), target[1])
    with pytest.raises(ValueError, match="makes 12 values out of 30.*`target`"):
        net.plot_reconstruction(spectra)
    with pytest.raises(ValueError, match=r"`target` must have the shape \(50, 12\)"):
        net.plot_reconstruction(spectra, target[:3])


@pytest.mark.parametrize("shape", [(N_STARS, 6, 5), (N_STARS, 6, 5, 1), (N_STARS, 6, 5, 3), (N_STARS, 6, 5, 2)])
def test_images_stand_side_by_side(shape):
    images = RNG.uniform(0, 200, shape).astype("float32")
    net = trained(images)
    _, axes = net.plot_reconstruction(images, stars=[4])
    assert axes.shape == (1, 3)
    data, reconstruction, residual = (np.asarray(panel.images[0].get_array()) for panel in axes[0])
    decoded = net.predict_decoder(net.predict_encoder(images[4:5])[0])[0]
    truth = images[4].reshape(decoded.shape)
    np.testing.assert_allclose(residual, (truth.astype("float64") - decoded).mean(axis=-1), rtol=1e-5, atol=1e-3)
    low, span = truth.min(), np.ptp(truth)
    if shape[-1] == 3:  # colours on the scale of the original, cut off at its ends
        np.testing.assert_allclose(data, (truth - low) / span, atol=1e-6)
        np.testing.assert_allclose(reconstruction, np.clip((decoded - low) / span, 0, 1), atol=1e-6)
    else:
        np.testing.assert_allclose(data, truth.mean(axis=-1), rtol=1e-6)
        assert axes[0, 1].images[0].get_clim() == pytest.approx((low, low + span), rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stars": 50}, "from 0 to 49"),
        ({"stars": [-1]}, "from 0 to 49"),
        ({"stars": [1, 1]}, "different rows"),
        ({"stars": range(9)}, "1 to 8 row numbers"),
        ({"stars": []}, "1 to 8 row numbers"),
        ({"stars": 1.5}, "1 to 8 row numbers"),
        ({"wavelength": np.arange(5)}, "30 rising numbers"),
        ({"wavelength": np.arange(30)[::-1]}, "30 rising numbers"),
        ({"path": "missing/a.png"}, "does not exist"),
    ],
)
def test_what_can_not_be_drawn_is_refused(net, spectra, settings, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        net.plot_reconstruction(spectra, **settings)


def test_wrong_spectra_and_untrained_networks_are_refused(net, spectra):
    for plot in ("plot_latent", "plot_reconstruction"):
        with pytest.raises(ValueError, match="built for 30"):
            getattr(net, plot)(spectra[:, :20])
        with pytest.raises(AttributeError, match="No model found"):
            getattr(ApogeeCVAE(), plot)(spectra)
    with pytest.raises(ValueError, match="no `wavelength`"):
        images = RNG.uniform(0, 1, (40, 4, 4))
        trained(images).plot_reconstruction(images, wavelength=np.arange(4))


def test_figures_are_written_only_when_asked_for(net, spectra, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net.plot_latent(spectra)
    net.plot_reconstruction(spectra)
    assert not list(tmp_path.iterdir())
    net.plot_latent(spectra, path="latent.png")
    net.plot_reconstruction(spectra, path=tmp_path / "reconstruction.svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latent.png", "reconstruction.svg"]


def test_no_figure_is_left_in_pyplot():
    from matplotlib import pyplot

    draw_latent(np.zeros((3, 2)), ["a", "b"])
    draw_spectra(np.ones((1, 4)), np.ones((1, 4)), ["row 0"])
    assert pyplot.get_fignums() == []
