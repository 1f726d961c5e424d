"""Looking inside a network: how its labels answer to the pixels."""

__all__ = ["Inspected"]

_MAX_MEMORY = 2_000_000_000


class Inspected:
    """Mixin of networks: Jacobians, Hessians and integrated gradients.

    All are derivatives of what `predict` averages: of the network with dropout off, unless `mc_num` asks for thinned
    ones. The reconstruction of an autoencoder is that of the mean of the latent variables.
    """

    def jacobian(self, x=None, mean_output=False, mc_num=None, denormalize=False, mask=None, max_memory=_MAX_MEMORY,
                 input_name="input"):  # fmt: skip
        r"""Derivative of every label with respect to every pixel, :math:`\partial y_d / \partial x_p`.

        Parameters
        ----------
        x : array, shape (n_stars, ...), or dict of arrays
            Spectra or images in physical units.
        mean_output : bool, optional
            Average over the stars. Default False.
        mc_num : int, optional
            Average over this many thinned networks (dropout on; an autoencoder draws its latent variables). All
            labels of a star see the same thinned network. Layers that act in the training alone, as
            ``keras.layers.Dropout`` of `ApogeeCNN`, stay off. Default: the mean network (dropout off).
        denormalize : bool, optional
            In the labels' units per unit of flux. Default: normalised labels per normalised pixel.
        mask : array of bool, optional
            True marks a bad pixel.
        max_memory : float, optional
            Largest size of the result in bytes. Default 2e9. What is needed besides it stays below 0.5 GB, unless a
            single star needs more.
        input_name : str, optional
            Input to differentiate with respect to, of a network with several. Default ``"input"``. Of a network with
            several outputs it is the one named ``"output"`` that is differentiated.

        Returns
        -------
        array of float32, shape (n_stars, n_labels, n_pixels) or (n_labels, n_pixels)
            For images the last axes are (height, width[, channels]). Zero where a pixel is missing. The labels of an
            autoencoder are the pixels of its reconstruction.

        Raises
        ------
        AttributeError
            If the network was not trained.
        ValueError
            If `x` is None or of another shape than the network's, or `mc_num` is below 1.
        MemoryError
            If the result would be larger than `max_memory`.

        Examples
        --------
        >>> import numpy as np
        >>> from astroNN.models import SimplePolyNN
        >>> net = SimplePolyNN(init_w=[[[0.0]], [[1.0]], [[0.0]], [[2.0]]])  # x + 2 x^3
        >>> net.max_epochs, net.lr, net.verbose = 1, 0.0, 0
        >>> x = np.linspace(-1, 1, 80).reshape(-1, 1)
        >>> history = net.fit(x, x + 2 * x**3)
        >>> net.jacobian(np.array([[0.5]])).tolist()  # 1 + 6 x^2
        [[[2.5]]]
        """
        from astroNN.models.inspection.jacobian import network_jacobian

        return network_jacobian(self, x, mean_output, mc_num, denormalize, mask, max_memory, input_name)

    def hessian(self, x=None, mean_output=False, mc_num=None, denormalize=False, mask=None, pixels=None,
                diagonal=False, max_memory=_MAX_MEMORY, input_name="input"):  # fmt: skip
        r"""Second derivatives of every label, :math:`\partial^2 y_d / \partial x_p \partial x_q`.

        Parameters
        ----------
        x, mean_output, mc_num : array or dict of arrays, bool, int
            As in `jacobian`.
        denormalize : bool, optional
            In physical units: the normalised derivatives times
            :math:`\sigma_{y,d} / (\sigma_{x,p} \, \sigma_{x,q})`. (Version 1.1 multiplied by :math:`\sigma_{y,d}`
            alone.) Default: normalised labels and pixels.
        mask : array of bool, optional
            True marks a bad pixel.
        pixels : array of int or bool, optional
            Rows and columns that are wanted: numbers of pixels (of an image counted row by row), or a mask that is
            True at them. Default: all.
        diagonal : bool, optional
            Only :math:`p = q`. The Hessian is never held as a whole. Default False.
        max_memory : float, optional
            Largest size of the result in bytes. Default 2e9. A Hessian of 7,514 pixels takes 226 MB a star and label.
        input_name : str, optional
            As in `jacobian`.

        Returns
        -------
        array of float32, shape (n_stars, n_labels, n_pixels, n_pixels)
            Without the first axis if `mean_output`, without the last if `diagonal`. With `pixels` the axes have
            their length; otherwise those of an image are (height, width[, channels]), twice. Zero where a pixel is
            missing.

        Raises
        ------
        AttributeError
            If the network was not trained.
        ValueError
            If `x` is None or of another shape than the network's, `mc_num` is below 1, or there are no such `pixels`.
        MemoryError
            If the result would be larger than `max_memory`; the message tells what would fit.

        Warns
        -----
        UserWarning
            If all second derivatives are zero, as those of networks of ReLU units are.

        Notes
        -----
        Each row, and each element of the diagonal, takes one pass backwards through the gradient of one label: the
        time grows with stars times labels times pixels, and that of the diagonal is that of the whole. Choose
        `pixels`.

        Examples
        --------
        >>> import numpy as np
        >>> from astroNN.models import SimplePolyNN
        >>> net = SimplePolyNN(init_w=[[[0.0]], [[1.0]], [[0.0]], [[2.0]]])  # x + 2 x^3
        >>> net.max_epochs, net.lr, net.verbose = 1, 0.0, 0
        >>> x = np.linspace(-1, 1, 80).reshape(-1, 1)
        >>> history = net.fit(x, x + 2 * x**3)
        >>> net.hessian(np.array([[0.5]])).tolist()  # 12 x
        [[[[6.0]]]]
        """
        from astroNN.models.inspection.hessian import network_hessian

        return network_hessian(
            self, x, mean_output, mc_num, denormalize, mask, pixels, diagonal, max_memory, input_name
        )

    def hessian_diag(self, x=None, mean_output=False, mc_num=None, denormalize=False, mask=None, pixels=None,
                     max_memory=_MAX_MEMORY, input_name="input"):  # fmt: skip
        """Diagonal of the Hessian: `hessian` with ``diagonal=True``, by its name of version 1.0.

        Parameters
        ----------
        x, mean_output, mc_num, denormalize, mask, pixels, max_memory, input_name : optional
            As in `hessian`.

        Returns
        -------
        array of float32, shape (n_stars, n_labels, n_pixels)
            Without the first axis if `mean_output`.
        """
        from astroNN.models.inspection.hessian import network_hessian

        return network_hessian(self, x, mean_output, mc_num, denormalize, mask, pixels, True, max_memory, input_name)

    def integrated_gradients(self, x=None, baseline=None, steps=32, label=None, denormalize=False, mask=None,
                             rtol=0.01, atol=0.001, max_steps=512, max_memory=_MAX_MEMORY):  # fmt: skip
        r"""What every pixel contributes to the difference of a label from that of a reference spectrum.

        .. math::

           A_{dp} = (x_p - b_p) \int_0^1 \frac{\partial y_d}{\partial x_p}
                    \big( b + \alpha (x - b) \big) \, d\alpha ,
           \qquad \sum_p A_{dp} = y_d(x) - y_d(b) .

        The derivative at the star alone tells what a small change of a pixel would do; the integral tells what the
        pixel's being different from the baseline has done.

        Parameters
        ----------
        x : array, shape (n_stars, ...), or dict of arrays
            Spectra or images in physical units.
        baseline : array, one star or one for each star, or dict of arrays, optional
            Reference :math:`b` in physical units. Default: the mean of the training set.
        steps : int, optional
            Points on the path at first, at those of Gauss and Legendre. Default 32. They are doubled for the stars
            whose contributions do not add up.
        label : str, int, or list of these, optional
            Labels that are wanted, by name (as in ``targetname``) or number. Default: all.
        denormalize : bool, optional
            In the labels' units. Default: in their training standard deviations.
        mask : array of bool, optional
            True marks a bad pixel; missing ones contribute nothing.
        rtol, atol : float, optional
            The contributions add up if they miss the difference of the (normalised) label by at most
            ``atol + rtol * abs(difference)``. Defaults 0.01 and 0.001.
        max_steps : int, optional
            Points on the path at most; beyond, a warning tells the error. Default 512.
        max_memory : float, optional
            Largest size of the contributions in bytes. Default 2e9.

        Returns
        -------
        Attribution
            ``attributions``, shape (n_stars, n_labels, n_pixels); ``difference`` and completeness ``error``, both
            (n_stars, n_labels); ``steps``; ``converged``. Of a network with several inputs, ``attributions`` is a
            dictionary: all inputs move along the path together.

        Raises
        ------
        AttributeError
            If the network was not trained.
        ValueError
            For data, labels or settings that can't be used.
        MemoryError
            If the contributions would be larger than `max_memory`.

        Warns
        -----
        UserWarning
            If the contributions of some stars still do not add up after `max_steps`.

        References
        ----------
        Sundararajan, Taly & Yan 2017, ICML 70, 3319, arXiv:1703.01365.

        Examples
        --------
        >>> import numpy as np
        >>> from astroNN.models import SimplePolyNN
        >>> net = SimplePolyNN(init_w=[[[0.0], [0.0]], [[1.0], [3.0]], [[0.0], [0.0]], [[2.0], [0.0]]])
        >>> net.max_epochs, net.lr, net.verbose = 1, 0.0, 0
        >>> x = np.random.default_rng(0).uniform(-1, 1, (80, 2))
        >>> history = net.fit(x, x.sum(axis=1))
        >>> result = net.integrated_gradients([[1.0, 0.5]], baseline=[[0.0, 0.0]])
        >>> result.attributions.round(4).tolist()  # x_1 + 2 x_1^3 and 3 x_2
        [[[3.0, 1.5]]]
        >>> bool(abs(result.error).max() < 1e-5)
        True
        """
        from astroNN.models.inspection.attribution import network_integrated_gradients

        return network_integrated_gradients(
            self, x, baseline, steps, label, denormalize, mask, rtol, atol, max_steps, max_memory
        )
