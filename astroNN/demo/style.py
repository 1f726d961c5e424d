"""The look of the demo's figures, which is that of all figures of astroNN."""

from astroNN.shared.plotting import BLUE, GREEN, GREY, INK, ORANGE, figure_style, new_figure, save_figure, styled

__all__ = ["BLUE", "GREEN", "GREY", "INK", "ORANGE", "figure_style", "new_figure", "save_figure", "styled"]
