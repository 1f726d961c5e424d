"""What an autoencoder makes of spectra and images, beside the originals."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from astroNN.apogee import wavelength_solution
from astroNN.models import _data
from astroNN.shared import checks
from astroNN.shared.missing import missing_elements
from astroNN.shared.plotting import GREY, INK, ORANGE, new_figure, note, styled

__all__ = ["draw_images", "draw_spectra", "network_reconstruction"]

MOST_STARS = 8
_GRID_RELEASE = 17  # the grid of 7514 pixels is the same from data release 13 on
_GRID_PIXELS = 7514


def network_reconstruction(net, x, target=None, stars=None, sampled=False, wavelength=None, mask=None):
    """Figure of reconstructions; see `LatentPlots.plot_reconstruction`.

    Parameters
    ----------
    net : ConvVAEBase
        Trained.
    x : array
        As there.
    target, stars, sampled, wavelength, mask : optional
        As there.

    Returns
    -------
    tuple of (matplotlib.figure.Figure, axes)
        As there.
    """
    inputs, masks = _data.checked_inputs(net, x, mask)
    rows = _checked_stars(stars, len(inputs["input"]))
    chosen = {name: np.asarray(array[rows]) for name, array in inputs.items()}
    chosen_masks = {name: array[rows] for name, array in masks.items()}
    mean, _, draw = net.predict_encoder(chosen, mask=chosen_masks or None)
    reconstruction = net.predict_decoder(draw if sampled else mean)
    truth = _truth(net, chosen["input"], chosen_masks.get("input"), target, rows, len(inputs["input"]))
    shape = reconstruction.shape[1:-1] if reconstruction.shape[-1] == 1 else reconstruction.shape[1:]
    reconstruction, truth = (array.reshape(len(rows), *shape) for array in (reconstruction, truth))
    titles = [f"row {row}" for row in rows]
    if len(shape) == 1:
        return draw_spectra(truth, reconstruction, titles, _axis(wavelength, shape[0]))
    if wavelength is not None:
        raise ValueError("plot_reconstruction: images have no `wavelength`.")
    return draw_images(truth, reconstruction, titles)


@styled
def draw_spectra(spectra, reconstructions, titles, wavelength=None):
    """Spectra with their reconstructions, and the differences below; a column a chip.

    Parameters
    ----------
    spectra, reconstructions : arrays, shape (n_stars, n_pixels)
        Missing pixels are NaN and leave gaps.
    titles : sequence of str, shape (n_stars,)
        What stands beside each spectrum.
    wavelength : list of arrays, or None
        Vacuum wavelengths [Angstrom] of each chip. None: the axis counts pixels.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Of no pyplot session.
    axes : array of matplotlib.axes.Axes, shape (2 * n_stars, n_chips)
        Rows of spectra and of differences in turn.
    """
    n_stars = len(spectra)
    grid = [np.arange(spectra.shape[1])] if wavelength is None else wavelength
    figure = new_figure(11.0, 2.6 * n_stars + 0.7)
    axes = figure.subplots(2 * n_stars, len(grid), sharex="col", sharey="row", squeeze=False,
                           height_ratios=[3, 1.4] * n_stars, width_ratios=[len(chip) for chip in grid])  # fmt: skip
    figure.get_layout_engine().set(h_pad=0.02, w_pad=0.02, hspace=0.01, wspace=0.025)
    for star in range(n_stars):
        above, below = axes[2 * star], axes[2 * star + 1]
        residual = spectra[star] - reconstructions[star]
        start = 0
        for upper, lower, chip in zip(above, below, grid, strict=True):
            pixels = slice(start, start + len(chip))
            start += len(chip)
            upper.plot(chip, spectra[star, pixels], color=INK, lw=0.7, label="data")
            upper.plot(chip, reconstructions[star, pixels], color=ORANGE, lw=0.7, alpha=0.9, label="reconstruction")
            lower.axhline(0.0, color=GREY, lw=0.7)
            lower.plot(chip, residual[pixels], color=INK, lw=0.5, label="data \u2212 reconstruction")
            upper.set_xlim(chip[0], chip[-1])
            # Labels at the ends would run into those of the next chip.
            upper.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], prune="both"))
        above[0].set_ylabel("normalised flux" if spectra.shape[1] == _GRID_PIXELS else "flux")
        below[0].set_ylabel("residual")
        note(above[-1], f"{titles[star]}, rms of residual {_rms(residual):.3g}", "lower right", fontsize=8)
    figure.supxlabel("pixel" if wavelength is None else "vacuum wavelength [\u00c5]", fontsize=10)
    handles, texts = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=2)
    figure.align_ylabels()
    return figure, axes


@styled
def draw_images(images, reconstructions, titles):
    """Images, reconstructions and differences side by side, a row a star.

    Parameters
    ----------
    images, reconstructions : arrays, shape (n_stars, height, width) or (n_stars, height, width, n_channels)
        Three channels are red, green and blue; of other numbers the mean is drawn. Missing pixels are NaN.
    titles : sequence of str, shape (n_stars,)
        What stands beside each image.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Of no pyplot session.
    axes : array of matplotlib.axes.Axes, shape (n_stars, 3)
        Image, reconstruction and difference.
    """
    n_stars = len(images)
    figure = new_figure(8.6, 2.6 * n_stars + 0.3)
    axes = figure.subplots(n_stars, 3, squeeze=False)
    for panels, image, reconstruction, title in zip(axes, images, reconstructions, titles, strict=True):
        low, high = np.nanmin(image), np.nanmax(image)
        for panel, picture in zip(panels, (image, reconstruction), strict=False):
            _show(panel, picture, low, high)
        residual = image - reconstruction
        flat = residual if residual.ndim == 2 else residual.mean(axis=-1)
        reach = np.nanmax(np.abs(flat)) or 1.0
        drawn = panels[2].imshow(flat, cmap="RdBu_r", vmin=-reach, vmax=reach, origin="upper")
        figure.colorbar(drawn, ax=panels[2], fraction=0.046, pad=0.03)
        panels[2].set_xlabel(f"rms {_rms(residual):.3g}", fontsize=9)
        panels[0].set_ylabel(title, fontsize=9)
    for panel, text in zip(axes[0], ("data", "reconstruction", "data \u2212 reconstruction"), strict=True):
        panel.set_title(text, fontsize=10)
    for panel in axes.ravel():
        panel.set(xticks=[], yticks=[])
    return figure, axes


def _show(panel, picture, low, high):
    """One image, on the scale of the original."""
    if picture.ndim == 3 and picture.shape[-1] == 3:
        scaled = np.clip((picture - low) / ((high - low) or 1.0), 0.0, 1.0)
        return panel.imshow(np.nan_to_num(scaled, nan=0.5), origin="upper")
    flat = picture if picture.ndim == 2 else picture.mean(axis=-1)
    return panel.imshow(flat, cmap="gray", vmin=low, vmax=high, origin="upper")


def _rms(residual):
    known = residual[np.isfinite(residual)]
    return float(np.sqrt(np.mean(known**2))) if known.size else float("nan")


def _truth(net, spectra, mask, target, rows, n_stars):
    """What was to be reconstructed, NaN where missing."""
    shape = net._labels_shape["output"]
    shape = shape if isinstance(shape, tuple) else (shape,)
    if target is None:
        truth = np.where(missing_elements(spectra, mask), np.nan, spectra.astype("float64"))
        if int(np.prod(truth.shape[1:])) != int(np.prod(shape)):
            raise ValueError(
                f"plot_reconstruction: this network makes {'x'.join(map(str, shape))} values out of "
                f"{'x'.join(map(str, truth.shape[1:]))}; give what it is to be compared with as `target`."
            )
        return truth
    target = checks.as_named_arrays("target", target, "output")["output"]
    if len(target) != n_stars or int(np.prod(target.shape[1:])) != int(np.prod(shape)):
        raise ValueError(
            f"plot_reconstruction: `target` must have the shape {(n_stars, *shape)}, got {tuple(target.shape)}."
        )
    chosen = np.asarray(target[rows])
    return np.where(missing_elements(chosen), np.nan, chosen.astype("float64"))


def _checked_stars(stars, n_stars):
    """Rows to be drawn, in rising order."""
    if stars is None:
        return np.arange(min(3, n_stars))
    rows = np.atleast_1d(np.asarray(stars))
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not 0 < len(rows) <= MOST_STARS:
        raise ValueError(f"plot_reconstruction: `stars` must be 1 to {MOST_STARS} row numbers, got {stars!r}.")
    if (rows < 0).any() or (rows >= n_stars).any() or len(np.unique(rows)) < len(rows):
        raise ValueError(
            f"plot_reconstruction: `stars` must be different rows from 0 to {n_stars - 1}, got {rows.tolist()}."
        )
    return np.sort(rows)


def _axis(wavelength, n_pixels):
    """Wavelengths by chip; None counts pixels."""
    if wavelength is None:
        return list(wavelength_solution(_GRID_RELEASE)) if n_pixels == _GRID_PIXELS else None
    wavelength = np.asarray(wavelength, dtype="float64")
    if wavelength.shape != (n_pixels,) or not np.isfinite(wavelength).all() or (np.diff(wavelength) <= 0).any():
        raise ValueError(
            f"plot_reconstruction: `wavelength` must be {n_pixels} rising numbers [Angstrom], got shape "
            f"{wavelength.shape}."
        )
    return [wavelength]
