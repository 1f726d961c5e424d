"""The papers behind astroNN, and how they are cited in BibTeX."""

from dataclasses import dataclass

from astroNN._version import __version__

__all__ = ["ALWAYS", "REFERENCES", "Reference", "bibtex"]


@dataclass(frozen=True)
class Reference:
    """A paper, or a piece of software.

    Attributes
    ----------
    kind : str
        Kind of entry: ``"article"``, ``"inproceedings"`` or ``"misc"``.
    short : str
        As docstrings and cards name it.
    author, title : str
        In the words of BibTeX.
    fields : dict
        What else the entry has, by the names of BibTeX.
    """

    kind: str
    short: str
    author: str
    title: str
    fields: dict

    def entry(self, key):
        """The entry, as BibTeX reads it.

        Parameters
        ----------
        key : str
            Name of the entry, by which texts cite it.

        Returns
        -------
        str
            Several lines, without a line break at the end.
        """
        fields = {"author": self.author, "title": f"{{{self.title}}}", **self.fields}
        if "eprint" in fields:
            fields["archivePrefix"] = "arXiv"
        width = max(map(len, fields))
        lines = [f"  {name:<{width}} = {{{value}}}," for name, value in fields.items()]
        return "\n".join([f"@{self.kind}{{{key},", *lines, "}"])


_MNRAS = "Monthly Notices of the Royal Astronomical Society"

#: by the name of the entry. The software and its paper are those of CITATION.cff.
REFERENCES = {
    "astronn": Reference(
        "misc",
        f"astroNN {__version__}",
        "{The astroNN developers}",
        "astroNN: neural networks for astronomy whose answers carry uncertainties",
        {"note": f"Python package, version {__version__}, licence MIT"},
    ),
    "leung2019a": Reference(
        "article",
        "Leung & Bovy 2019, MNRAS 483, 3255",
        "Leung, Henry W. and Bovy, Jo",
        "Deep learning of multi-element abundances from high-resolution spectroscopic data",
        {"journal": _MNRAS, "volume": 483, "number": 3, "pages": "3255--3277", "year": 2019,
         "doi": "10.1093/mnras/sty3217", "eprint": "1808.04428"},
    ),
    "leung2019b": Reference(
        "article",
        "Leung & Bovy 2019, MNRAS 489, 2079",
        "Leung, Henry W. and Bovy, Jo",
        "Simultaneous calibration of spectro-photometric distances and the Gaia DR2 parallax zero-point offset with "
        "deep learning",
        {"journal": _MNRAS, "volume": 489, "number": 2, "pages": "2079--2096", "year": 2019,
         "doi": "10.1093/mnras/stz2245", "eprint": "1902.08634"},
    ),
    "leung2023": Reference(
        "article",
        "Leung, Bovy, Mackereth & Miglio 2023, MNRAS 522, 4577",
        "Leung, Henry W. and Bovy, Jo and Mackereth, J. Ted and Miglio, Andrea",
        "A variational encoder-decoder approach to precise spectroscopic age estimation for large Galactic surveys",
        {"journal": _MNRAS, "volume": 522, "number": 3, "pages": "4577--4597", "year": 2023,
         "doi": "10.1093/mnras/stad1272", "eprint": "2302.05479"},
    ),
    "fabbro2018": Reference(
        "article",
        "Fabbro et al. 2018, MNRAS 475, 2978",
        "Fabbro, S. and Venn, K. A. and O'Briain, T. and Bialek, S. and Kielty, C. L. and Jahandar, F. and Monty, S.",
        "An application of deep learning in the analysis of stellar spectra",
        {"journal": _MNRAS, "volume": 475, "number": 3, "pages": "2978--2993", "year": 2018,
         "doi": "10.1093/mnras/stx3298", "eprint": "1709.09182"},
    ),
    "garcia2016": Reference(
        "article",
        "García Pérez et al. 2016, AJ 151, 144",
        r"Garc{\'\i}a P{\'e}rez, Ana E. and others",
        "ASPCAP: The APOGEE Stellar Parameter and Chemical Abundances Pipeline",
        {"journal": "The Astronomical Journal", "volume": 151, "number": 6, "pages": "144", "year": 2016,
         "doi": "10.3847/0004-6256/151/6/144", "eprint": "1510.07635"},
    ),
    "ghosh2020": Reference(
        "article",
        "Ghosh et al. 2020, ApJ 895, 112",
        "Ghosh, Aritra and Urry, C. Megan and Wang, Zhengdong and Schawinski, Kevin and Turp, Dennis and "
        "Powell, Meredith C.",
        r"Galaxy Morphology Network: A Convolutional Neural Network Used to Study Morphology and Quenching in "
        r"$\sim$100,000 SDSS and $\sim$20,000 CANDELS Galaxies",
        {"journal": "The Astrophysical Journal", "volume": 895, "number": 2, "pages": "112", "year": 2020,
         "doi": "10.3847/1538-4357/ab8a47", "eprint": "2006.14639"},
    ),
    "gal2016": Reference(
        "inproceedings",
        "Gal & Ghahramani 2016, arXiv:1506.02142",
        "Gal, Yarin and Ghahramani, Zoubin",
        "Dropout as a Bayesian Approximation: Representing Model Uncertainty in Deep Learning",
        {"booktitle": "Proceedings of the 33rd International Conference on Machine Learning", "year": 2016,
         "eprint": "1506.02142"},
    ),
    "kendall2017": Reference(
        "inproceedings",
        "Kendall & Gal 2017, arXiv:1703.04977",
        "Kendall, Alex and Gal, Yarin",
        "What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision?",
        {"booktitle": "Advances in Neural Information Processing Systems 30", "year": 2017, "eprint": "1703.04977"},
    ),
    "kingma2014": Reference(
        "inproceedings",
        "Kingma & Welling 2014, ICLR, arXiv:1312.6114",
        "Kingma, Diederik P. and Welling, Max",
        "Auto-Encoding Variational Bayes",
        {"booktitle": "2nd International Conference on Learning Representations", "year": 2014,
         "eprint": "1312.6114"},
    ),
    "lakshminarayanan2017": Reference(
        "inproceedings",
        "Lakshminarayanan, Pritzel & Blundell 2017, NeurIPS 30, arXiv:1612.01474",
        "Lakshminarayanan, Balaji and Pritzel, Alexander and Blundell, Charles",
        "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles",
        {"booktitle": "Advances in Neural Information Processing Systems 30", "year": 2017, "eprint": "1612.01474"},
    ),
}  # fmt: skip

#: cited with every network: the software, and the paper that it began with
ALWAYS = ("astronn", "leung2019a")


def bibtex(keys=ALWAYS):
    """Entries of BibTeX, each once, with a blank line between.

    Parameters
    ----------
    keys : iterable of str, optional
        Of `REFERENCES`. Default: the software and its paper.

    Returns
    -------
    str
        In the order of the keys.

    Examples
    --------
    >>> print(bibtex(["kingma2014"]))
    @inproceedings{kingma2014,
      author        = {Kingma, Diederik P. and Welling, Max},
      title         = {{Auto-Encoding Variational Bayes}},
      booktitle     = {2nd International Conference on Learning Representations},
      year          = {2014},
      eprint        = {1312.6114},
      archivePrefix = {arXiv},
    }
    """
    return "\n\n".join(REFERENCES[key].entry(key) for key in dict.fromkeys(keys))
