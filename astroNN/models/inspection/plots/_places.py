"""Where the figures of a network are written, and what its labels are called in them."""

from pathlib import Path

from astroNN.shared.plotting import file_stem, save_figure

__all__ = ["distinct_names", "figure_folder", "write_figures"]


def figure_folder(net, folder, subfolder):
    """Folder for a set of figures; nothing is made yet.

    Parameters
    ----------
    net : NeuralNetMaster
    folder : None, True, str or Path
        None: nothing is to be written. True: the network's own folder.
    subfolder : str
        Name of the folder inside.

    Returns
    -------
    Path or None

    Raises
    ------
    ValueError
        If the network's folder is asked for, and the network was not saved.
    FileNotFoundError
        If the folder does not exist.
    TypeError
        If `folder` is something else.
    """
    if folder is None or folder is False:
        return None
    if folder is True:
        if net.fullfilepath is None:
            raise ValueError(
                f"`folder` is True, but this {type(net).__name__} has no folder: `save` it first, or give one."
            )
        folder = net.fullfilepath
    if not isinstance(folder, str | Path):
        raise TypeError(f"`folder` must be a path, True (the network's folder) or None, got {folder!r}.")
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"`folder`: {folder} does not exist or is no folder; make it first.")
    return folder / subfolder


def write_figures(figures, folder, suffix):
    """Write figures by name into ``<folder>/<name><suffix>.png``; `folder` is made if it is missing."""
    folder.mkdir(exist_ok=True)
    for name, (figure, _) in figures.items():
        save_figure(figure, folder / f"{file_stem(name)}{suffix}.png")


def distinct_names(net, n_labels):
    """Names of a network's labels, one for each, whose files have different names.

    Raises
    ------
    ValueError
        If there are too few or too many names, or two of them would share a file.
    """
    names = [net.targetname] if isinstance(net.targetname, str) else list(net.targetname or ())
    if len(names) != n_labels:
        raise ValueError(
            f"`targetname` has {len(names)} names, but there are {n_labels} labels: set it to their names, in their "
            "order."
        )
    names = [str(name) for name in names]
    stems = [file_stem(name).lower() for name in names]  # some disks don't tell capitals from small letters
    for stem in stems:
        if stems.count(stem) > 1:
            alike = [name for name, other in zip(names, stems, strict=True) if other == stem]
            raise ValueError(f"`targetname`: {alike} would share one file and key; give every label its own name.")
    return names
