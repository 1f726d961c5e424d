"""How labels are written in tables and figures: symbol, unit, digits."""

import re
from dataclasses import dataclass

__all__ = ["LabelStyle", "element_of", "label_style", "target_name_conversion"]


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
        Empty if there is none.
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


# Parallax [mas] times 10**(0.2 m), Leung & Bovy 2019, MNRAS 489, 2079.
_FAKEMAG = LabelStyle("fakemag", "fakemag", "mas", 3)
_STYLES = {
    "teff": LabelStyle("Teff", r"$T_\mathrm{eff}$", "K", 1),
    "logg": LabelStyle("log g", r"$\log\,g$", "dex", 3),
    "M": LabelStyle("[M/H]", "[M/H]", "dex", 3),
    "alpha": LabelStyle("[alpha/M]", r"[$\alpha$/M]", "dex", 3),
    "fakemag": _FAKEMAG,
    "Ks-band fakemag": _FAKEMAG,
}
# Carbon from atomic lines and titanium from lines of its ion, as ASPCAP's tables name them.
_SPECIES = {"C1": "CI", "Ti2": "TiII"}
_ABUNDANCE = re.compile(r"\[([A-Z][a-z]?(?:[12]|I{1,2})?)/(H|Fe|M)\]")


def label_style(name):
    """Style of a label.

    Parameters
    ----------
    name : str
        ``"teff"``, ``"logg"``, ``"M"``, ``"alpha"``, ``"fakemag"``, the symbol of an element (its abundance [X/H]; C1
        is carbon from atomic lines, Ti2 titanium from its ion), or an abundance in brackets, such as ``"[C/H]"``. Any
        other name stands for itself, without a unit.

    Returns
    -------
    LabelStyle
        How it is written.

    Examples
    --------
    >>> label_style("Mg").axis, label_style("Ti2").axis, label_style("[Mg/Fe]").axis
    ('[Mg/H] [dex]', '[TiII/H] [dex]', '[Mg/Fe] [dex]')
    """
    if name in _STYLES:
        return _STYLES[name]
    bracket = _ABUNDANCE.fullmatch(name)
    if bracket:
        written = f"[{_SPECIES.get(bracket[1], bracket[1])}/{bracket[2]}]"
    elif name in _SPECIES or (name.isalpha() and len(name) <= 2 and name[0].isupper()):
        written = f"[{_SPECIES.get(name, name)}/H]"
    else:
        return LabelStyle(name, name.replace("$", r"\$"), "", 3)
    return LabelStyle(written, written, "dex", 3)


def element_of(name):
    """Species that a label is the abundance of.

    Parameters
    ----------
    name : str
        Of a label, as `label_style` takes it.

    Returns
    -------
    str or None
        Such as ``"Al"``, ``"CI"``, ``"TiII"``; None for labels that are no abundance.

    Examples
    --------
    >>> [element_of(name) for name in ("Al", "[Ti2/H]", "C1", "CI", "teff", "M", "alpha")]
    ['Al', 'TiII', 'CI', 'CI', None, None, None]
    """
    written = f"[{name}/H]" if re.fullmatch(r"[A-Z][a-z]?(?:[12]|I{1,2})?", name) else name
    bracket = _ABUNDANCE.fullmatch(written)
    if bracket is None or bracket[1] == "M":
        return None
    return _SPECIES.get(bracket[1], bracket[1])


def target_name_conversion(name):
    r"""Name of a label as the titles of the established ASPCAP figures have it.

    Parameters
    ----------
    name : str
        C1 becomes CI and Ti2 TiII; one or two letters [X/H]; teff, logg, alpha have names of their own.

    Returns
    -------
    str
        With mathtext of matplotlib.

    Examples
    --------
    >>> [target_name_conversion(name) for name in ("C1", "Ti2", "Al", "alpha", "logg", "teff")]
    ['[CI/H]', '[TiII/H]', '[Al/H]', '[Alpha/M]', '[Log(g)]', '$T_{\\mathrm{eff}}$']
    """
    titles = {"teff": r"$T_{\mathrm{eff}}$", "alpha": "[Alpha/M]", "logg": "[Log(g)]"}
    if name in titles:
        return titles[name]
    if name in _SPECIES or len(name) < 3:
        return f"[{_SPECIES.get(name, name)}/H]"
    return name.replace("$", r"\$")
