"""How labels are written in the demo's table and figures."""

from astroNN.shared.label_names import LabelStyle, label_style

__all__ = ["LabelStyle", "label_style"]
