"""What to cite for a network."""

from astroNN.shared.errors import ConfigurationError
from astroNN.shared.references import ALWAYS, bibtex

__all__ = ["Cited"]


class Cited:
    """Mixin of networks that know the papers they come from."""

    #: names, in `astroNN.shared.references.REFERENCES`, of the papers of a class; those of its bases come on top
    _references = ALWAYS

    def citation(self):
        """What to cite if this network helps your research, in BibTeX.

        Returns
        -------
        str
            Entries of astroNN itself, of its first paper, and of the papers that this kind of network and its bases
            come from.

        Examples
        --------
        >>> from astroNN.models import StarNet2017
        >>> [line for line in StarNet2017().citation().splitlines() if line.startswith("@")]
        ['@misc{astronn,', '@article{leung2019a,', '@article{fabbro2018,']
        """
        return bibtex(self._cited())

    def _cited(self):
        """Names of all papers: those of every network, then those of the class, then those of its bases."""
        own = (vars(kind).get("_references", ()) for kind in self._cited_kinds())
        return list(dict.fromkeys([*ALWAYS, *(key for keys in own for key in keys)]))

    def _cited_kinds(self):
        return type(self).__mro__

    def _check_license(self):
        """Raise ConfigurationError for a licence that is no text."""
        if not isinstance(self.license, str | None):
            raise ConfigurationError(
                f"license must be a text, such as 'CC BY 4.0', or None if it is not decided, got {self.license!r}."
            )
