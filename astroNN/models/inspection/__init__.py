"""Looking inside a network: derivatives of its answers."""

from astroNN.models.inspection.attribution import Attribution

__all__ = ["Attribution"]
