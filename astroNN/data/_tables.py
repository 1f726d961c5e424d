"""Where the packaged tables lie."""

from importlib import resources

__all__ = ["data_description", "datapath"]


def datapath():
    """Folder of the tables that come with the package.

    Returns
    -------
    str
        Absolute path.

    Examples
    --------
    >>> import os
    >>> os.path.exists(os.path.join(datapath(), "apogee_masks.csv"))
    True
    """
    return str(resources.files("astroNN.data"))


def data_description():
    """Print a list of the packaged tables: names of files, and what they hold by their first lines.

    Examples
    --------
    >>> data_description()  # doctest: +ELLIPSIS
    apogee_masks.csv: Pixel ranges...
    hband_lines.csv: Atomic lines of the H band...
    sdss_files.csv: Tables of APOGEE...
    """
    tables = (entry for entry in resources.files("astroNN.data").iterdir() if entry.name.endswith(".csv"))
    for table in sorted(tables, key=lambda entry: entry.name):
        with table.open(encoding="utf-8") as lines:
            print(f"{table.name}: {next(lines, '').lstrip('# ').strip()}")
