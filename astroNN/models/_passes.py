"""Monte Carlo passes of Bayesian networks over data that are read in blocks."""

from contextlib import closing

from tqdm.auto import tqdm

from astroNN.nn.layers import MonteCarloEngine

__all__ = ["MonteCarloPasses"]


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
