"""Classes of galaxies by the share of the bulge in their light (Ghosh et al. 2020, ApJ 895, 112)."""

__all__ = ["BULGE_TO_TOTAL_LIMITS", "MORPHOLOGY_CLASSES"]

#: Names of the classes, in the order of their numbers
MORPHOLOGY_CLASSES = ("disk-dominated", "indeterminate", "bulge-dominated")

#: A disk has a bulge-to-total light ratio below the first, a bulge one above the second
BULGE_TO_TOTAL_LIMITS = (0.45, 0.55)
