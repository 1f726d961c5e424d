"""The pictures that networks draw of themselves. Matplotlib is loaded when the first one is drawn."""

__all__ = ["ASPCAP_plots", "LatentPlots", "Plotted"]


class Plotted:
    """Mixin of all networks: weights and training.

    Every method returns a `matplotlib.figure.Figure` and its axes, shows nothing, and writes a file only if it is
    given a `path`.
    """

    def plot_dense_stats(self, path=None):
        """Histograms of the weights of every dense layer.

        Parameters
        ----------
        path : str or Path, optional
            Also write the figure there (``.png``, ``.pdf`` or ``.svg``; an existing file is replaced). Default: write
            nothing.

        Returns
        -------
        figure : matplotlib.figure.Figure
            15 by 10 inches.
        axes : matplotlib.axes.Axes
            A curve a layer, the density of its kernel's weights in 200 bins from -2 to 2; the legend gives their
            largest, least, mean and standard deviation, and how many lie outside. Of layers with a distribution of
            weights (`astroNN.nn.layers.DenseFlipout`) the means are shown.

        Raises
        ------
        AttributeError
            If there is no model yet.
        ValueError
            If it has no dense layer, or `path` has another ending.
        FileNotFoundError
            If the folder of `path` does not exist.
        """
        from astroNN.models.inspection.plots.dense_stats import dense_kernels, draw_dense_stats

        self.has_model_check()
        path = _checked(path)
        kernels = dense_kernels(self.keras_model)
        if not kernels:
            raise ValueError(f"plot_dense_stats: this {type(self).__name__} has no dense layer.")
        whose = self.folder_name or f"{type(self).__name__} (not saved)"
        return _written(draw_dense_stats(kernels, f"Dense Layers Weight Statistics of {whose}"), path)

    def plot_history(self, metrics=None, path=None):
        """Loss, metrics and learning rate of the last training, epoch by epoch.

        A network that was loaded shows the history in its folder (``training_history.csv``).

        Parameters
        ----------
        metrics : str or sequence of str, optional
            Names of the metrics to be drawn below the loss, without ``val_``. Default: all that were logged.
        path : str or Path, optional
            Also write the figure there, see `plot_dense_stats`.

        Returns
        -------
        figure : matplotlib.figure.Figure
            Not shown.
        axes : array of matplotlib.axes.Axes, shape (n_panels,)
            Loss, metrics, learning rate; training and validation in each.

        Raises
        ------
        ValueError
            If there is no history, no such metric, or the file is damaged.
        FileNotFoundError
            If the folder of `path` does not exist.
        """
        from astroNN.models.inspection.plots.history import draw_history, network_history

        path = _checked(path)
        return _written(draw_history(network_history(self), metrics), path)


class ASPCAP_plots:
    """Mixin of the networks for APOGEE spectra: errors of labels, and what labels come from."""

    def aspcap_residue_plot(
        self, test_predictions, test_labels, test_pred_error=None, test_labels_err=None, folder=None
    ):
        """Errors of every label against the label, and against the label's own error.

        Parameters
        ----------
        test_predictions, test_labels : array, shape (n_stars, n_labels)
            In physical units, columns in the order of ``targetname``. Stars of which either is the magic number or
            NaN are left out, label by label.
        test_pred_error : array, shape (n_stars, n_labels), or dict, optional
            Standard deviations of the predictions, or what `predict` of a Bayesian network gives beside them, of
            which ``"total"`` is used. Drawn as error bars (of a thousand stars at most).
        test_labels_err : array, shape (n_stars, n_labels), optional
            Standard deviations of the labels; also draws the figures of errors against them.
        folder : str, Path or True, optional
            Also write ``<folder>/ASPCAP_residue/<label>_test.png`` and ``<label>_test_err.png``. True: in the
            network's folder. Default: write nothing.

        Returns
        -------
        dict of tuples (figure, axes)
            By name of the label; with `test_labels_err` also by ``<label>_err``. In the corner of each stand the
            median of prediction minus label, their scatter (1.4826 times the median absolute deviation), and that
            over the same scatter of the labels themselves. The axis of errors reaches half the range of the labels.

        Raises
        ------
        ValueError, TypeError, IndexError
            If shapes differ, errors are negative, values infinite, ``targetname`` does not fit, or the network
            shall write into its folder and has none.
        FileNotFoundError
            If `folder` does not exist.
        """
        from astroNN.models.inspection.plots.aspcap_residuals import network_residuals

        return network_residuals(self, test_predictions, test_labels, test_pred_error, test_labels_err, folder)

    def jacobian_aspcap(self, jacobian=None, dr=14, folder=None, denormalized=False):
        """Jacobian of every label along the wavelength, with the element's ASPCAP window and lines.

        Parameters
        ----------
        jacobian : array, shape (n_stars, n_labels, n_pixels) or (n_labels, n_pixels)
            What `jacobian` returns; averaged over the stars.
        dr : int, optional
            Data release, which says the pixels and the windows. Default 14.
        folder : str, Path or True, optional
            Also write ``<folder>/jacobian/<label>_jacobian.png``. True: in the network's folder. Default: write
            nothing.
        denormalized : bool, optional
            What the axis says: True for ``jacobian(..., denormalize=True)``. Default False.

        Returns
        -------
        dict of tuples (figure, axes)
            By name of the label; axes of the blue, green and red chip. Labels that are no abundances (Teff, log g)
            have no window and no lines. The lines are those of ``astroNN/data/hband_lines.csv``, up to 14 a chip, the
            strongest at 4500 K.

        Raises
        ------
        ValueError
            If `jacobian` is None, of another shape, or not finite; if ``targetname`` does not fit, or there is no
            grid or window for `dr`.
        FileNotFoundError
            If `folder` does not exist.
        """
        from astroNN.models.inspection.plots.aspcap_jacobians import network_jacobians

        return network_jacobians(self, jacobian, dr, folder, denormalized)


class LatentPlots:
    """Mixin of autoencoders: the latent space and the reconstructions."""

    def plot_latent(self, x, labels=None, label_name=None, errors=False, dims=None, mask=None, path=None):
        """Latent means of stars against each other.

        Parameters
        ----------
        x : array, shape (n_stars, ...), or dict of arrays
            Spectra or images, as in `fit`.
        labels : array, shape (n_stars,), optional
            For the colours: numbers (the magic number or NaN is drawn in grey), or up to 20 different names.
        label_name : str, optional
            Of the label, such as ``"teff"`` or ``"Mg"``.
        errors : bool, optional
            Draw the standard deviations of the latent variables (of a thousand stars at most). Default False.
        dims : int or list of int, optional
            Latent variables to be drawn, from 0. Default: all, if they are no more than 8.
        mask : array of bool, optional
            True marks a bad pixel.
        path : str or Path, optional
            Also write the figure there, see `plot_dense_stats`.

        Returns
        -------
        figure : matplotlib.figure.Figure
            Not shown.
        axes : matplotlib.axes.Axes or array of them
            One latent variable: its histogram, or against a label of numbers. Two: one against the other. More: an
            array of shape (n_latent, n_latent), histograms on the diagonal and None above it.

        Raises
        ------
        AttributeError
            If there is no model yet.
        ValueError, TypeError
            If `labels` or `dims` do not fit, or there are too many latent variables for a figure.
        """
        from astroNN.models.inspection.plots.latent import network_latent

        self.has_model_check()
        path = _checked(path)
        return _written(network_latent(self, x, labels, label_name, errors, dims, mask), path)

    def plot_reconstruction(self, x, target=None, stars=None, sampled=False, wavelength=None, mask=None, path=None):
        """Spectra or images, what the network makes of them, and the difference.

        Parameters
        ----------
        x : array, shape (n_stars, ...), or dict of arrays
            Spectra or images, as in `fit`.
        target : array, one row a star, optional
            What was to be reconstructed, where it is not `x`.
        stars : int or list of int, optional
            Rows of `x` to be drawn, 8 at most. Default: the first three.
        sampled : bool, optional
            Draw from the latent distribution, as `predict` does. Default: reconstruct from its mean.
        wavelength : array, shape (n_pixels,), optional
            In vacuum [Angstrom]. Default: those of APOGEE, a column a chip, for 7514 pixels; else pixels are counted.
        mask : array of bool, optional
            True marks a bad pixel; bad and missing ones are gaps.
        path : str or Path, optional
            Also write the figure there, see `plot_dense_stats`.

        Returns
        -------
        figure : matplotlib.figure.Figure
            Not shown.
        axes : array of matplotlib.axes.Axes
            Spectra: of shape (2 * n_drawn, n_chips), a row of spectra and a row of residuals for each. Images: of
            shape (n_drawn, 3).

        Raises
        ------
        AttributeError
            If there is no model yet.
        ValueError, TypeError
            If an array or `stars` does not fit.
        """
        from astroNN.models.inspection.plots.reconstruction import network_reconstruction

        self.has_model_check()
        path = _checked(path)
        return _written(network_reconstruction(self, x, target, stars, sampled, wavelength, mask), path)


def _checked(path):
    from astroNN.shared.plotting import check_figure_path

    return None if path is None else check_figure_path("path", path)


def _written(drawn, path):
    from astroNN.shared.plotting import save_figure

    if path is not None:
        save_figure(drawn[0], path)
    return drawn
