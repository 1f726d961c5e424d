"""``astronn info``: what a saved folder is."""

import json
import os
import sys
from pathlib import Path

from astroNN.commands.failures import EXIT_OK, EXIT_REFUSED, complain, told

__all__ = ["add_parser"]


def add_parser(commands):
    """Add the command to those of the command line.

    Parameters
    ----------
    commands : object
        What `argparse.ArgumentParser.add_subparsers` gives.
    """
    parser = commands.add_parser(
        "info",
        help="show what the folder of a network is",
        description="Shows what network or ensemble a folder holds, what it was trained on and how, and whether its "
        "files are whole. Loads neither the network nor Keras.",
    )
    parser.set_defaults(run=_run)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of a network, of any version")
    parser.add_argument("--json", action="store_true", help="print the same as JSON")


def _run(arguments):
    problems = []
    code = told("info", lambda given: problems.extend(_info(given)), arguments)
    if code == EXIT_OK and problems:
        return complain("info", f"{arguments.folder} is damaged: {'; '.join(problems)}", EXIT_REFUSED)
    return code


def _info(arguments):
    """Print the facts; returns what is wrong with the folder."""
    from astroNN.commands._saved_facts import facts_of

    facts = facts_of(arguments.folder)
    if arguments.json:
        _show(json.dumps(facts, indent=4))
    else:
        from astroNN.commands._facts_as_text import as_text

        _show(as_text(facts))
    return facts["problems"]


def _show(text):
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Whoever reads has seen enough, as in `astronn info run | head`. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
