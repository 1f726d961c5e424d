"""The version of the package: the single place where it is written."""

__version__ = "2.0.0.dev0"
