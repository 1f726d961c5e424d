"""Reading in a thread of its own, one step ahead of whoever works on what was read."""

import threading
from concurrent.futures import ThreadPoolExecutor

__all__ = ["ReadAhead", "read_ahead"]


class ReadAhead:
    """Keeps a few things that were read, and reads those that are needed next.

    Any number of threads may ask; one thread reads. Another `ReadAhead` on the same file has a thread of its own:
    that two threads don't disturb each other is up to the sources (see `ArrayRows` and `FileRows`).

    Parameters
    ----------
    read : callable
        What belongs to a key.
    """

    def __init__(self, read):
        self._read = read
        self._lock = threading.Lock()
        self._reader, self._kept = None, {}
        self._is_closed = False

    @property
    def is_closed(self):
        """Whether `close` was called: nothing is read ahead any more."""
        return self._is_closed

    def get(self, keys, following=()):
        """What belongs to some keys, when it is read; what belongs to others is forgotten.

        Parameters
        ----------
        keys : sequence
            Needed now.
        following : sequence, optional
            Needed next: they are read while the caller works.

        Returns
        -------
        list
            One for each of `keys`.
        """
        kept = self._begin([*keys, *following])
        if kept is None:
            return [self._read(key) for key in keys]
        try:
            return [kept[key].result() for key in keys]
        except BaseException:
            self._forget()  # what failed is not kept: the next call tries again
            raise

    def close(self):
        """Forget everything, once what is being read has been read.

        A later `get` reads in the thread that asks, and keeps nothing: threads of Keras may ask once more when a
        training has ended, and nobody would close what they begin.
        """
        with self._lock:
            self._is_closed = True
        self._forget()

    def _begin(self, wanted):
        """What is read or being read, by keys; None after closing."""
        with self._lock:
            if self._is_closed:
                return None
            if self._reader is None:
                self._reader = ThreadPoolExecutor(1, thread_name_prefix="astroNN-reader")
            self._kept = {key: self._kept.get(key) or self._reader.submit(self._read, key) for key in wanted}
            return self._kept

    def _forget(self):
        with self._lock:
            reader, self._reader, self._kept = self._reader, None, {}
        if reader is not None:
            reader.shutdown(wait=True, cancel_futures=True)


def read_ahead(read, keys):
    """Yield every key with what belongs to it, which is read while the one before is worked on.

    Parameters
    ----------
    read : callable
        What belongs to a key.
    keys : iterable
        In the order in which they are read.

    Yields
    ------
    key, object

    Examples
    --------
    >>> list(read_ahead(lambda key: 10 * key, [1, 2]))
    [(1, 10), (2, 20)]
    """
    keys = list(keys)
    reader = ReadAhead(lambda place: read(keys[place]))  # keys may be arrays, by which nothing can be looked up
    try:
        for place, key in enumerate(keys):
            (block,) = reader.get([place], range(place + 1, min(place + 2, len(keys))))
            yield key, block
    finally:
        reader.close()
