"""What a command says and returns when it can't be done."""

import sys

__all__ = ["EXIT_FAILED", "EXIT_INTERRUPTED", "EXIT_OK", "EXIT_REFUSED", "complain", "told"]

EXIT_OK, EXIT_FAILED, EXIT_REFUSED, EXIT_INTERRUPTED = 0, 1, 2, 130


def told(command, work, arguments):
    """Do the work of a command; errors become one line, and the code that the process ends with.

    Parameters
    ----------
    command : str
    work : callable
        Takes the arguments.
    arguments : argparse.Namespace

    Returns
    -------
    int
        0 when done; 1 if reading or writing failed; 2 if something given can't be used; 130 if stopped by Ctrl-C.
    """
    try:
        work(arguments)
    except KeyboardInterrupt:
        return complain(command, f"stopped.{_how_to_go_on(arguments)}", EXIT_INTERRUPTED)
    except (FileNotFoundError, FileExistsError, ValueError, TypeError, ImportError) as error:
        return complain(command, error, EXIT_REFUSED)
    except OSError as error:
        return complain(command, f"reading or writing failed: {error}", EXIT_FAILED)
    return EXIT_OK


def _how_to_go_on(arguments):
    """What to do after Ctrl-C; nothing for commands that begin anew each time."""
    restart = getattr(arguments, "restart", None)
    if restart is None:
        return ""
    # Once more with it, the command would throw away what it has left.
    return f" The same command{' without --restart' if restart else ''} goes on where it was."


def complain(command, message, code):
    """Say on standard error what is wrong, and return the code."""
    print(f"\nastronn {command}: {message}", file=sys.stderr)
    return code
