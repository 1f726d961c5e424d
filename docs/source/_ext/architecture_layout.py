"""Where boxes stand and how arrows run between them, from top to bottom.

The way of Sugiyama, Tagawa & Toda 1981 for graphs without cycles, in its simplest form: boxes stand in rows by the
longest way to them; an arrow that passes a row gets a place there of its own; places of a row are sorted by the
means of their neighbours, and moved as near to these means as their widths allow. At last what follows one upon the
other without a branch is put upright, and moved as a whole.
"""

from dataclasses import dataclass

__all__ = ["Layout", "place"]

GAP = 22.0  # between boxes of a row
ROW_GAP = 30.0
MARGIN = 8.0
_PASSING = 14.0  # width of the place of an arrow that passes a row
_SWEEPS = 8
_MOVES = 200


@dataclass
class Layout:
    """What `place` returns.

    Attributes
    ----------
    x, y : list of float
        Middle and top of every box.
    ways : dict
        Of every arrow, a pair of numbers, the points that it goes through, from box to box.
    width, height : float
    """

    x: list
    y: list
    ways: dict
    width: float
    height: float


def place(sizes, arrows):
    """Place boxes so that arrows point down, and don't cross boxes.

    Parameters
    ----------
    sizes : list of (float, float)
        Width and height of every box.
    arrows : list of (int, int)
        From which box to which; no cycles.

    Returns
    -------
    Layout

    Raises
    ------
    ValueError
        If the arrows make a cycle.
    """
    row = _rows(len(sizes), arrows)
    width = {box: size[0] for box, size in enumerate(sizes)}
    row_of, links, chains = dict(enumerate(row)), [], {}
    for start, end in arrows:
        passing = [(start, end, level) for level in range(row[start] + 1, row[end])]
        row_of |= {place: place[2] for place in passing}
        width |= dict.fromkeys(passing, _PASSING)
        chains[start, end] = [start, *passing, end]
        links += zip(chains[start, end], chains[start, end][1:], strict=False)
    neighbours = {place: ([], []) for place in row_of}
    for above, below in links:
        neighbours[above][1].append(below)
        neighbours[below][0].append(above)
    levels = [[place for place in row_of if row_of[place] == level] for level in range(max(row) + 1)]
    x = _upright(levels, neighbours, width, _positions(levels, neighbours, width))
    left = min(x[place] - width[place] / 2 for place in row_of)
    x = {place: at - left + MARGIN for place, at in x.items()}
    heights = [max(sizes[place][1] for place in level if isinstance(place, int)) for level in levels]
    tops = [MARGIN + sum(heights[:level]) + ROW_GAP * level for level in range(len(levels))]
    # Boxes of a row have their middles in one line.
    y = [tops[row[box]] + (heights[row[box]] - sizes[box][1]) / 2 for box in range(len(sizes))]
    ways = {}
    for (start, end), chain in chains.items():
        points = [(x[start], y[start] + sizes[start][1])]
        for passing in chain[1:-1]:
            top = tops[passing[2]]
            points += [(x[passing], top), (x[passing], top + heights[passing[2]])]
        ways[start, end] = [*points, (x[end], y[end])]
    total = max(x[place] + width[place] / 2 for place in row_of) + MARGIN
    middles = [x[box] for box in range(len(sizes))]
    return Layout(middles, y, ways, total, tops[-1] + heights[-1] + MARGIN)


def _rows(n_boxes, arrows):
    """Row of every box: one below the lowest of those that it takes from; those that take from none, late."""
    row = [0] * n_boxes
    for _ in range(n_boxes):
        moved = False
        for start, end in arrows:
            if row[end] <= row[start]:
                row[end], moved = row[start] + 1, True
        if not moved:
            break
    else:
        if arrows:
            raise ValueError("place: `arrows` make a cycle, which can't be drawn from top to bottom.")
    below = {start: [] for start, _ in arrows}
    for start, end in arrows:
        below[start].append(row[end])
    ends = {end for _, end in arrows}
    return [min(below[box]) - 1 if box in below and box not in ends else level for box, level in enumerate(row)]


def _positions(levels, neighbours, width):
    """Middle of every place."""
    x = {}
    for level in levels:
        _pack(level, dict.fromkeys(level, 0.0), x, width)
    for sweep in range(2 * _SWEEPS):
        down = sweep % 2 == 0
        for level in levels if down else levels[::-1]:
            wanted = {}
            for place in level:
                near = neighbours[place][0 if down else 1] or neighbours[place][1 if down else 0]
                wanted[place] = sum(x[other] for other in near) / len(near) if near else x[place]
            if sweep < _SWEEPS:  # the later sweeps move places, and leave their order
                level.sort(key=lambda place: wanted[place])
            _pack(level, wanted, x, width)
    return x


def _pack(level, wanted, x, width):
    """Put the places of a row, in their order, as near to the wanted middles as their widths allow.

    The least squares under least distances, by pooling neighbours that are too near (isotonic regression).
    """
    offset, blocks = [0.0], []
    for left, right in zip(level, level[1:], strict=False):
        offset.append(offset[-1] + (width[left] + width[right]) / 2 + GAP)
    for number, place in enumerate(level):
        blocks.append([wanted[place] - offset[number], 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (first, n_first), (last, n_last) = blocks[-2:]
            blocks[-2:] = [[(first * n_first + last * n_last) / (n_first + n_last), n_first + n_last]]
    shifts = [shift for shift, number in blocks for _ in range(number)]
    for place, shift, by in zip(level, shifts, offset, strict=True):
        x[place] = shift + by


def _upright(levels, neighbours, width, x):
    """Positions in which every chain, of places with one above and one below, is a straight line."""
    chain_of = {}
    for level in levels:
        for place in level:
            above = neighbours[place][0]
            goes_on = len(above) == 1 and len(neighbours[above[0]][1]) == 1
            chain_of[place] = chain_of[above[0]] if goes_on else place
    apart, order = _distances(levels, chain_of, width)
    if order is None:  # two chains cross, and none can be all to the left of the other
        return x
    members = {chain: [place for place in chain_of if chain_of[place] == chain] for chain in order}
    left, right = {chain: [] for chain in order}, {chain: [] for chain in order}
    for (one, other), least in apart.items():
        left[other].append((one, least))
        right[one].append((other, least))
    at = {}
    for chain in order:
        mean = sum(x[place] for place in members[chain]) / len(members[chain])
        at[chain] = max([mean, *(at[one] + least for one, least in left[chain])])
    links = {
        chain: [
            chain_of[other]
            for place in members[chain]
            for side in neighbours[place]
            for other in side
            if chain_of[other] != chain
        ]
        for chain in order
    }
    for _ in range(_MOVES):
        for chain in order:
            near = [at[other] for other in links[chain]]
            wanted = sum(near) / len(near) if near else at[chain]
            wanted = max([wanted, *(at[one] + least for one, least in left[chain])])
            at[chain] = min([wanted, *(at[other] - least for other, least in right[chain])])
    return {place: at[chain] for place, chain in chain_of.items()}


def _distances(levels, chain_of, width):
    """Least distances of chains that are neighbours in a row; the chains from left to right, None if they cross."""
    apart = {}
    for level in levels:
        for one, other in zip(level, level[1:], strict=False):
            pair = chain_of[one], chain_of[other]
            apart[pair] = max(apart.get(pair, 0.0), (width[one] + width[other]) / 2 + GAP)
    waiting, order = list(dict.fromkeys(chain_of.values())), []
    while waiting:
        free = [chain for chain in waiting if not any((other, chain) in apart for other in waiting)]
        if not free:
            return apart, None
        order += free
        waiting = [chain for chain in waiting if chain not in free]
    return apart, order
