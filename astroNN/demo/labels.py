"""How labels are written in tables and figures: symbol, unit, digits."""

from dataclasses import dataclass

__all__ = ["LabelStyle", "label_style"]


@dataclass(frozen=True)
class LabelStyle:
    """How one label is written.

    Attributes
    ----------
    text : str
        For the terminal.
    symbol : str
        For figures (mathtext).
    unit : str
    digits : int
        Decimals that matter in a scatter.
    """

    text: str
    symbol: str
    unit: str
    digits: int

    @property
    def axis(self):
        """Symbol and unit, for an axis."""
        return f"{self.symbol} [{self.unit}]" if self.unit else self.symbol


_STYLES = {
    "teff": LabelStyle("Teff", r"$T_\mathrm{eff}$", "K", 1),
    "logg": LabelStyle("log g", r"$\log\,g$", "dex", 3),
    "M": LabelStyle("[M/H]", "[M/H]", "dex", 3),
    "alpha": LabelStyle("[alpha/M]", r"[$\alpha$/M]", "dex", 3),
}


def label_style(name):
    """Style of a label.

    Parameters
    ----------
    name : str
        ``"teff"``, ``"logg"``, ``"M"``, ``"alpha"``, or the symbol of an element (its abundance [X/H]). Any other
        name stands for itself, without a unit.

    Returns
    -------
    LabelStyle

    Examples
    --------
    >>> label_style("Mg").axis
    '[Mg/H] [dex]'
    """
    if name in _STYLES:
        return _STYLES[name]
    if name.isalpha() and len(name) <= 2 and name[0].isupper():
        return LabelStyle(f"[{name}/H]", f"[{name}/H]", "dex", 3)
    return LabelStyle(name, name, "", 3)
