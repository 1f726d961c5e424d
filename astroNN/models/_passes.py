"""Monte Carlo passes of Bayesian networks over data that are read in blocks."""

from contextlib import closing

from tqdm.auto import tqdm

from astroNN.nn.layers import MonteCarloEngine

__all__ = ["MonteCarloPasses", "inverse_model_precision"]


class MonteCarloPasses:
    """Mixin of networks with a ``keras_model_predict`` whose dropout stays on."""

    def _monte_carlo(self, inputs, masks, sampling, first_star=0):
        """Mean, variance and mean log variance of the normalised labels over the passes."""
        self._draw_seed()
        n_stars = len(inputs["input"])
        with (
            tqdm(total=n_stars, desc="Predicting", unit="star", disable=not self.verbose) as progress,
            closing(self._read_blocks(inputs, masks)) as blocks,
        ):
            pieces = (normalised for _, normalised in blocks)
            moments = self._engine(sampling).predict_pieces(
                pieces, first_star, lambda n_done: progress.update(n_done - progress.n)
            )
        return *moments["output"], moments["variance_output"][0]

    def _engine(self, sampling):
        # Compiled engines are kept: compiling takes longer than predicting a few stars.
        settings = {"mc_num": self.mc_num, "seed": self.seed, "sampling": sampling, "precision": self.mc_precision}
        key = tuple(settings.values())
        if key not in self._engines:
            self._engines = {key: MonteCarloEngine(self.keras_model_predict, **settings)}
        return self._engines[key]


def inverse_model_precision(n_train, l2, length_scale, dropout_rate):
    r"""Inverse model precision of Monte Carlo dropout, :math:`\tau^{-1} = 2 N \lambda / (l^2 (1 - p))`.

    Parameters
    ----------
    n_train : int
        Number of training stars, N.
    l2 : float or None
        Weight of the L2 regularisation; None counts as 0.
    length_scale : float
        Prior length scale, l.
    dropout_rate : float
        Fraction of units dropped, p.

    Returns
    -------
    float
        In units of the normalised labels, squared.

    References
    ----------
    Gal & Ghahramani 2016, arXiv:1506.02142, section 4.

    Examples
    --------
    >>> round(inverse_model_precision(30067, 5e-9, 3, 0.3), 9)
    4.7725e-05
    """
    return float(2 * n_train * (l2 or 0.0) / (length_scale**2 * (1 - dropout_rate)))
