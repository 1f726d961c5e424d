"""Figures of the steps; each function returns a `matplotlib.figure.Figure`."""

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator, ScalarFormatter

from astroNN.demo.table import robust_scatter
from astroNN.shared.label_names import label_style
from astroNN.shared.plotting import BLUE, GREEN, GREY, INK, ORANGE, new_figure, note, save_figure, styled

__all__ = ["cluster_figure", "predicted_vs_reference", "save", "scatter_by_size", "scatter_by_snr"]

COLOURS = {"bayesian": BLUE, "censored": ORANGE}
LEAST_IN_BIN = 10
SNR_EDGES = (35, 50, 70, 100, 140, 200, 280, 400)


def save(figure, path):
    """Write a figure and tell where."""
    save_figure(figure, path)
    print(f"figure: {path}")


@styled
def predicted_vs_reference(judged, names, reference):
    """Predicted against reference labels, one panel a label.

    Parameters
    ----------
    judged : Judged
    names : sequence of str
    reference : {"survey", "true"}
        What the other labels are.
    """
    names = [name for name in names if name in judged.names]
    figure, panels = _panels(len(names), 2.9)
    scores = {score.label: score for score in judged.scores()}
    for panel, name in zip(panels, names, strict=True):
        column, style = judged.names.index(name), label_style(name)
        x, y, std = (part[:, column] for part in (judged.labels, judged.predicted, judged.std))
        panel.errorbar(x, y, std, fmt="o", color=BLUE, ms=2.4, mew=0, elinewidth=0.7, alpha=0.5)
        ends = np.nanpercentile(np.concatenate([x, y]), [0, 100]) + np.array([-0.05, 0.05]) * np.nanstd(x)
        panel.plot(ends, ends, color=ORANGE, lw=1.2, zorder=4)
        panel.set(xlim=ends, ylim=ends, xlabel=f"{reference} {style.axis}", ylabel=f"network {style.axis}")
        panel.set_aspect("equal")
        panel.locator_params(nbins=5)
        if name in scores:
            note(
                panel, f"bias {scores[name].bias:+.{style.digits}f}\nscatter {scores[name].scatter:.{style.digits}f}"
            )
    return figure


@styled
def scatter_by_snr(judged, names):
    """Scatter of the errors in bins of signal to noise; dotted the median predicted uncertainty.

    Parameters
    ----------
    judged : dict of Judged
        By network: spectra of any kind.
    names : sequence of str
    """
    names = [name for name in names if all(name in one.names for one in judged.values())]
    figure, panels = _panels(len(names), 2.5)
    for panel, name in zip(panels, names, strict=True):
        for network, one in judged.items():
            column = one.names.index(name)
            error = one.predicted[:, column] - one.labels[:, column]
            snr, scatter, std = _binned(one.snr, error, one.std[:, column])
            panel.plot(snr, scatter, "o-", color=COLOURS[network], ms=4, label=f"{network}, scatter")
            panel.plot(snr, std, ":", color=COLOURS[network], lw=1.6, label=f"{network}, predicted uncertainty")
        panel.set(xscale="log", xlabel="signal to noise per pixel", ylabel=f"error of {label_style(name).axis}")
        panel.set_ylim(bottom=0)
        _round_ticks(panel, [25, 50, 100, 200, 400, 800])
    return _with_legend(figure, panels[0])


@styled
def scatter_by_size(tables, names):
    """Scatter of the errors by the size of the training set.

    Parameters
    ----------
    tables : dict of Table
        By size: the columns label, scatter and predicted_std.
    names : sequence of str
    """
    rows = {size: {str(row["label"]): row for row in table} for size, table in tables.items()}
    names = [name for name in names if all(name in row for row in rows.values())]
    figure, panels = _panels(len(names), 2.5)
    for panel, name in zip(panels, names, strict=True):
        style = label_style(name)
        for key, form, text in (("scatter", "o-", "scatter"), ("predicted_std", "s:", "predicted uncertainty")):
            values = [row[name][key] for row in rows.values()]
            panel.plot(list(rows), values, form, color=BLUE, ms=4, label=text)
        panel.axhline(
            rows[max(rows)][name]["spread"], color=GREY, lw=1.0, label="spread of the label: no information"
        )
        panel.set(xscale="log", yscale="log", xlabel="stars to train on", ylabel=f"error of {style.axis}")
        _round_ticks(panel, list(rows))
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.yaxis.set_minor_locator(NullLocator())
    return _with_legend(figure, panels[0])


@styled
def cluster_figure(clusters, members, networks):
    """[Fe/H] of the clusters, and magnesium and aluminium of the metal-poor ones.

    Parameters
    ----------
    clusters : Table
        One row a cluster: ``cluster``, ``M_H`` of the benchmark, and ``Fe``, ``Fe_scatter`` of each network.
    members : Table
        Members of metal-poor clusters: ``Mg_Fe`` and ``Al_Fe`` of each network, and of the truth if it is known.
    networks : sequence of str
    """
    figure = new_figure(9.6, 3.6)
    iron, *chemistry = figure.subplots(1, 1 + len(networks), sharey=False)
    for k, network in enumerate(networks):
        middle, scatter = clusters[f"{network}_Fe"], clusters[f"{network}_Fe_scatter"]
        look = {"fmt": "o", "color": COLOURS[network], "ms": 4, "elinewidth": 1, "label": network}
        iron.errorbar(clusters["M_H"] + 0.015 * k, middle, scatter, **look)
    columns = [clusters["M_H"], *(clusters[f"{network}_Fe"] for network in networks)]
    ends = [min(map(np.nanmin, columns)) - 0.2, max(map(np.nanmax, columns)) + 0.2]
    iron.plot(ends, ends, color=INK, lw=0.8)
    iron.set(xlabel="benchmark [M/H] of the cluster", ylabel="network [Fe/H], median and scatter")
    iron.legend(loc="lower right")
    has_truth = "true_Al_Fe" in members.colnames
    for panel, network in zip(chemistry, networks, strict=True):
        if has_truth:
            panel.plot(
                members["true_Mg_Fe"], members["true_Al_Fe"], "o", mfc="none", color=GREEN, ms=5, label="truth"
            )
        panel.plot(members[f"{network}_Mg_Fe"], members[f"{network}_Al_Fe"], "o", color=COLOURS[network], ms=4,
                   label=network)  # fmt: skip
        panel.set(xlabel="[Mg/Fe]", ylabel="[Al/Fe]")
        panel.legend(loc="best")
        if not len(members):
            note(panel, "no metal-poor cluster")
    return figure


def _panels(n_labels, height):
    columns = min(3, n_labels)
    rows = -(-n_labels // columns)
    figure = new_figure(3.2 * columns, height * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for empty in panels[n_labels:]:
        empty.remove()
    return figure, panels[:n_labels]


def _binned(snr, error, std):
    """Median signal to noise, robust scatter, median predicted uncertainty, in bins of the signal to noise."""
    known = np.isfinite(error) & np.isfinite(snr)
    number = np.digitize(snr, SNR_EDGES)
    bins = [np.flatnonzero(known & (number == k)) for k in range(len(SNR_EDGES) + 1)]
    bins = [rows for rows in bins if len(rows) >= LEAST_IN_BIN]
    mad = [robust_scatter(error[rows]) for rows in bins]
    return [np.median(snr[rows]) for rows in bins], mad, [np.median(std[rows]) for rows in bins]


def _round_ticks(panel, places):
    panel.xaxis.set_major_locator(FixedLocator(places))
    panel.xaxis.set_major_formatter(ScalarFormatter())
    panel.xaxis.set_minor_locator(NullLocator())


def _with_legend(figure, panel):
    handles, texts = panel.get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=len(texts))
    return figure
