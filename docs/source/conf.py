"""Configuration of the documentation. Build with ``sphinx-build -W -b html docs/source docs/build``."""

import os
import sys
from pathlib import Path

# The API pages import the package; any backend would do, and TensorFlow is always installed.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parent / "_ext")]

import docstring_rules
import public_names

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
    "sphinx_copybutton",
    "sphinx_design",
    "architecture",  # in _ext: figures and defaults of networks
]
templates_path = ["_templates"]
html_static_path = ["_static"]
exclude_patterns = []

# Made from `__all__` of the modules that api.rst and internals.rst list; see _templates/autosummary.
autosummary_generate = True
autosummary_context = {"pages": public_names.pages(), "stop_at": public_names.stop_at()}
autodoc_member_order = "bysource"
# A method without a docstring overrides one of Keras, whose text Sphinx can't read and users needn't.
autodoc_inherit_docstrings = False
numpydoc_show_class_members = False
numpydoc_validation_checks = {"all"} | docstring_rules.NOT_CHECKED
numpydoc_validation_overrides = {"PR01": [docstring_rules.PATTERN_OF_RESULTS]}

html_theme = "pydata_sphinx_theme"
html_title = f"astroNN {release}"
html_css_files = ["custom.css"]
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    # Only the branch of the current page is unfolded: with all names a page of the API would have half a megabyte.
    "collapse_navigation": True,
    "navigation_depth": 3,
    "secondary_sidebar_items": ["page-toc"],
    "logo": {"text": "astroNN"},
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
# Beside the page of a class its methods need not say whose they are.
toc_object_entries_show_parents = "hide"
html_show_sourcelink = False
# The front page and the search need no navigation at the side; every other page belongs to a section that has one.
html_sidebars = {"index": [], "search": []}

# Only in a published site does the menu of versions stand beside others: .github/workflows/docs.yml says under which
# name this one is published, and at which address. docs/publish.py writes what the menu lists.
if published_as := os.environ.get("ASTRONN_DOCS_VERSION"):
    # Without an address, from the root of the server, as docs/publish.py has it.
    address = os.environ.get("ASTRONN_DOCS_URL") or "/"
    html_theme_options |= {
        "switcher": {"json_url": f"{address.rstrip('/')}/switcher.json", "version_match": published_as},
        "check_switcher": False,  # it is written after the build
        "show_version_warning_banner": True,
        "navbar_end": ["version-switcher", "theme-switcher", "navbar-icon-links"],
    }

# Copied are the commands, neither prompts nor what they answered.
copybutton_prompt_text = r">>> |\.\.\. ?|\$ "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"


def skip_fields(app, what, name, obj, skip, options):
    """Leave fields of named tuples to the section Attributes of the class; by themselves they have no docstring."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-skip-member", skip_fields)
