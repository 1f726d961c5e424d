"""Sphinx directives that draw a ready-made network and list its defaults, from the network itself.

.. code-block:: rst

   .. architecture:: ApogeeBCNN
      :input: 7514
      :labels: 22

   .. architecture:: ApogeeKeplerEchelle
      :input: 30 40
      :aux: 2
      :labels: 1

   .. defaults:: ApogeeBCNN

   .. defaults:: ApogeeCNN ApogeeBCNN StarNet2017

With several networks the table has a line for each. Nothing is kept on the disk but what Sphinx itself keeps of every
page; a page is made anew when the file of the network changes.
"""

import inspect

from architecture_graph import read_graph
from architecture_networks import built, network_class, shape
from architecture_svg import as_lines, as_svg
from docutils import nodes
from model_defaults import COMPARED, compared, default_rows
from sphinx.util.docutils import SphinxDirective

__all__ = ["setup"]


class architecture_figure(nodes.General, nodes.Element):
    """A figure; in its place builders without HTML take the list that it holds."""


class _OfNetwork(SphinxDirective):
    """What both directives share: the classes that are asked for."""

    required_arguments = 1
    final_argument_whitespace = True

    def network_classes(self):
        try:
            kinds = [network_class(name) for name in self.arguments[0].split()]
        except ValueError as error:
            raise self.error(f"{self.name}: {error}") from error
        for kind in kinds:
            self.env.note_dependency(inspect.getsourcefile(kind))
        return kinds


class Architecture(_OfNetwork):
    """Draw the Keras model of a network for a shape of the inputs and a number of labels."""

    option_spec = {"input": shape, "aux": shape, "labels": shape}

    def run(self):
        kind, *others = self.network_classes()
        if others:
            raise self.error(f"architecture: one network a figure, got {self.arguments[0]!r}.")
        missing = [option for option in ("input", "labels") if option not in self.options]
        if missing:
            raise self.error(f"architecture: {kind.__name__} can't be built without the option :{missing[0]}:.")
        inputs = {name: self.options[name] for name in ("input", "aux") if name in self.options}
        try:
            model = built(kind, inputs, self.options["labels"]).keras_model
        except Exception as error:  # whatever it is that a network objects to, the author of the page has to know
            raise self.error(f"architecture: {kind.__name__} can't be built so: {error}") from error
        graph = read_graph(model)
        label = f"{kind.__name__}: {len(graph.boxes)} boxes, {model.count_params():,} weights"
        figure = architecture_figure(svg=as_svg(graph, label))
        figure += _bullets(as_lines(graph))
        return [figure, nodes.paragraph("", *self.caption(inputs, model, graph), classes=["architecture-caption"])]

    def caption(self, inputs, model, graph):
        """What the figure doesn't say: for which data, how many weights in all, what the loss takes."""
        of = " and ".join(" × ".join(f"{size:,}" for size in given) for given in inputs.values())
        labels = " × ".join(f"{size:,}" for size in self.options["labels"])
        outputs = f"{labels} output{'s' if labels != '1' else ''}"
        text = f"Drawn for inputs of {of} and {outputs}: {model.count_params():,} weights in all."
        if "labels_err" in graph.aside:
            text += " The errors of the labels enter the loss, and no layer."
        return [nodes.Text(text)]


class Defaults(_OfNetwork):
    """Table of the settings of a network as it is made, or of the main ones of several."""

    def run(self):
        kinds = self.network_classes()
        if len(kinds) == 1:
            found = [(_code(name), _code(value), meaning) for name, value, meaning in default_rows(kinds[0]())]
            return [_table(("Setting", "Default", "Meaning"), (25, 25, 50), found)]
        columns = list(COMPARED)
        rows = [(_code(kind.__name__), *compared(kind())) for kind in kinds]
        return [_table(("Class", *columns), (30, *(70 // len(columns) for _ in columns)), rows)]


def _code(text):
    return nodes.literal("", text)


def _table(titles, widths, rows):
    table, group = nodes.table(classes=["model-defaults"]), nodes.tgroup(cols=len(titles))
    table += group
    for width in widths:
        group += nodes.colspec(colwidth=width)
    head, body = nodes.thead(), nodes.tbody()
    group += [head, body]
    head += _row(titles)
    for cells in rows:
        body += _row(cells)
    return table


def _row(cells):
    row = nodes.row()
    for cell in cells:
        content = nodes.Text(cell) if isinstance(cell, str) else cell
        row += nodes.entry("", nodes.paragraph("", "", content))
    return row


def _bullets(lines):
    return nodes.bullet_list("", *(nodes.list_item("", nodes.paragraph("", line)) for line in lines))


def _draw(translator, node):
    translator.body.append(f'<div class="architecture-figure">{node["svg"]}</div>\n')
    raise nodes.SkipNode


def _pass(translator, node):
    """The list inside is written as any list is."""


def setup(app):
    """Make the directives known to Sphinx."""
    others = dict.fromkeys(("latex", "text", "man", "texinfo"), (_pass, _pass))
    app.add_node(architecture_figure, html=(_draw, None), **others)
    app.add_directive("architecture", Architecture)
    app.add_directive("defaults", Defaults)
    app.add_css_file("architecture.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
