"""What every room of the library needs: checks of input, atomic files, messages, old names."""

__all__ = ["pylab_style"]


def __getattr__(name):
    # Only who draws needs matplotlib.
    if name == "pylab_style":
        from astroNN.shared.matplotlib import pylab_style

        return pylab_style
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
