"""What a command says and returns when it can't be done."""

import sys

__all__ = ["EXIT_FAILED", "EXIT_INTERRUPTED", "EXIT_OK", "EXIT_REFUSED", "complain", "told"]

#: the command did what was asked
EXIT_OK = 0
#: reading or writing failed
EXIT_FAILED = 1
#: something given can't be used
EXIT_REFUSED = 2
#: stopped by Ctrl-C
EXIT_INTERRUPTED = 130


def told(command, work, arguments):
    """Do the work of a command; errors become one line, and the code that the process ends with.

    Parameters
    ----------
    command : str
        Its name, for messages.
    work : callable
        Takes the arguments.
    arguments : argparse.Namespace
        What `work` is called with.

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
    """Say on standard error what is wrong, and return the code.

    Parameters
    ----------
    command : str
        Name of the command.
    message : str or Exception
        What is wrong.
    code : int
        What the process shall end with.

    Returns
    -------
    int
        The code.
    """
    print(f"\nastronn {command}: {message}", file=sys.stderr)
    return code
