"""Configuration of the documentation. Build with ``sphinx-build -W -b html docs/source docs/build``."""

import os

# The API pages import the package; any backend would do, and TensorFlow is always installed.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import astroNN

project = "astroNN"
author = "The astroNN developers"
copyright = author
release = astroNN.__version__
version = ".".join(release.split(".")[:2])

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
]
templates_path = ["_templates"]
html_static_path = ["_static"]
exclude_patterns = []

# The API pages are made from `__all__` of the modules listed in api.rst; see _templates/autosummary.
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = True
# Methods of networks come from mixins. Those of the bases are shown with the bases, and not again with every network.
_MIXINS = "Blocks, Copied, KerasSurface, Inspected, Plotted, Trained, AnswersTables, Cited, Seeded, OldInterface"
autosummary_context = {
    "stop_at": {True: "object", False: f"CNNBase, BayesianCNNBase, ConvVAEBase, NeuralNetMaster, {_MIXINS}, object"}
}
autodoc_member_order = "bysource"
# A method without a docstring overrides one of Keras, whose text Sphinx can't read and users needn't.
autodoc_inherit_docstrings = False
numpydoc_show_class_members = False
numpydoc_validation_checks = {
    "GL08",  # every public object has a docstring
    "PR02",  # no documented parameter that doesn't exist
    "PR10",  # "name : type", with the blanks
    "SS01",  # a summary
}

html_theme = "pydata_sphinx_theme"
html_title = f"astroNN {release}"
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "logo": {"text": "astroNN"},
}
html_show_sourcelink = False
# Pages of the top level have no siblings to navigate to; those of the API do.
html_sidebars = {"*": []}
