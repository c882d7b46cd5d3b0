"""How the camera moved, told from the boxes alone: what all objects of a frame do at once."""

from __future__ import annotations

import numpy as np

from annotaudit.metrics.paths import Bools, Floats, Ints, Paths

FINEST = 1 / 512  # pixels; accelerations are compared in steps of this
FARTHEST = 2**20  # of them
SURE = 8.0  # times its squared error, from which on a zoom or roll is taken for the camera's
WORTH_A_LOOK = 3.0  # the same of a plain fit, before those that move otherwise lose weight
WITNESSES = 5  # other objects that can tell of zoom and roll
ROUNDS = 3  # of the fit, in which those that move otherwise lose weight


def camera_path(paths: Paths) -> Floats:
    """Path of the camera as each object sees it, from the other objects of every frame.

    What the camera does in a frame is a similarity (zoom, roll and shift) of the accelerations
    (second differences) that the *other* objects' centres show, so that a wrong box does not
    explain itself. Zoom and roll are fitted by least squares, reweighted so that objects that
    move otherwise lose their say (Holland & Welsch 1977, doi:10.1080/03610927708827533); the shift
    is the median of what is left. Each is shrunk towards 0 where the objects disagree
    (positive-part James–Stein). Summed twice along each track that gives a path; its constant
    speed is unknown and left out, because straight motion means nothing to the measurements that
    use it.

    Parameters
    ----------
    paths : Paths

    Returns
    -------
    float array, shape (4, n)
        By how many pixels left, top, right and bottom are moved. 0 throughout where fewer than
        three other objects are in view; without zoom and roll where fewer than five are.
    """
    edges, time = paths.edges, paths.time
    n = len(paths)
    path = np.zeros((4, n))
    if n < 3:
        return path
    inner = np.zeros(n, dtype=bool)
    inner[1:-1] = (
        (paths.before[1:-1] > 0)
        & (paths.after[1:-1] > 0)
        & (time[2:] - time[1:-1] == 1)
        & (time[1:-1] - time[:-2] == 1)
    )
    free = inner & ~paths.clipped
    centre = 0.5 * (edges[:2] + edges[2:])
    bend = np.zeros((2, n))
    bend[:, 1:-1] = centre[:, 2:] - 2 * centre[:, 1:-1] + centre[:, :-2]
    turned = np.zeros((4, n))
    at = np.flatnonzero(free.all(axis=0))
    at = at[_may_turn(centre[:, at], bend[:, at], paths.moment[at])]
    turned[:, at] = _zoom_and_roll(edges[:, at], bend[:, at], paths.moment[at])
    straight = bend - 0.5 * (turned[:2] + turned[2:])
    starts = np.flatnonzero(paths.before == 0)
    for axis in (0, 1):
        counted = free[axis] & free[axis + 2]
        shift = _median_of_others(straight[axis], paths.moment, counted, inner)
        for edge in (axis, axis + 2):
            path[edge] = _summed_twice(shift + turned[edge], starts)
    return path


def _may_turn(centre: Floats, bend: Floats, moment: Ints) -> Bools:
    """Tell the boxes of frames where a plain fit of zoom and roll is worth a closer look."""
    count = np.maximum(np.bincount(moment), 1)
    means = [np.bincount(moment, value) / count for value in _products(*centre, *bend)]
    _, _, mid_across, mid_down, reach, zoom, roll = _fit(*means)
    square = np.bincount(moment, bend[0] ** 2 + bend[1] ** 2) / count
    usual = square - mid_across**2 - mid_down**2 - (zoom**2 + roll**2) * reach
    error = (np.maximum(usual, 0) + 0.1) / (2 * count * reach)
    turns = np.maximum(zoom**2, roll**2) > WORTH_A_LOOK * error
    return np.asarray((turns & (count > WITNESSES))[moment])


def _products(x: Floats, y: Floats, across: Floats, down: Floats) -> list[Floats]:
    """What :func:`_fit` needs the means of: places, accelerations, and how they go together."""
    return [x, y, across, down, x * x + y * y, x * across + y * down, x * down - y * across]


def _fit(
    mid_x: Floats,
    mid_y: Floats,
    mid_across: Floats,
    mid_down: Floats,
    far: Floats,
    along: Floats,
    about: Floats,
) -> tuple[Floats, ...]:
    """Zoom and roll by least squares, with the means they are about and the reach of the places."""
    reach = np.maximum(far - mid_x**2 - mid_y**2, 1e-9)
    zoom = (along - mid_x * mid_across - mid_y * mid_down) / reach
    roll = (about - mid_x * mid_down + mid_y * mid_across) / reach
    return mid_x, mid_y, mid_across, mid_down, reach, zoom, roll


def _zoom_and_roll(edges: Floats, bend: Floats, moment: Ints) -> Floats:
    """Fit zoom and roll to the accelerations of the other objects of each frame.

    Returns how they accelerate each edge, the middle of all objects at rest; shape (4, m).
    """
    (x, y), (across, down) = 0.5 * (edges[:2] + edges[2:]), bend
    witnesses = np.bincount(moment)[moment] - 1
    weight = np.ones(len(x))
    products = _products(x, y, across, down)

    def of_others(value: Floats) -> Floats:
        own = weight * value
        return np.asarray(np.bincount(moment, own)[moment] - own)

    for _ in range(ROUNDS):
        total = np.maximum(of_others(np.ones(len(x))), 1e-9)
        means = [of_others(product) / total for product in products]
        mid_x, mid_y, mid_across, mid_down, reach, zoom, roll = _fit(*means)
        miss = (across - mid_across - zoom * (x - mid_x) + roll * (y - mid_y)) ** 2
        miss += (down - mid_down - zoom * (y - mid_y) - roll * (x - mid_x)) ** 2
        usual = of_others(miss) / total + 0.1
        error, weight = usual / (2 * total * reach), 1 / (1 + 2 * miss / usual) ** 2
    known = (witnesses >= WITNESSES) & (reach > 1)
    zoom, roll = (value * known * _trust(value, SURE * error) for value in (zoom, roll))
    middle = np.stack([np.bincount(moment, v)[moment] for v in (x, y)]) / (witnesses + 1)
    sideways = np.stack([-roll * (y - middle[1]), roll * (x - middle[0])])
    return np.asarray(zoom * (edges - middle[[0, 1, 0, 1]]) + sideways[[0, 1, 0, 1]])


def _trust(value: Floats, error: Floats) -> Floats:
    """Shrink towards 0 by a squared error."""
    return np.asarray(np.maximum(0.0, 1 - error / np.maximum(value**2, 1e-30)))


def _median_of_others(value: Floats, group: Ints, counted: Bools, wanted: Bools) -> Floats:
    """For each wanted entry the shrunk median of the group's other counted entries, else 0."""
    result = np.zeros(len(value))
    step = np.clip(np.rint(value / FINEST), -FARTHEST + 1, FARTHEST - 1).astype(np.int64)
    voters = group[counted]
    key = np.sort(voters * (2 * FARTHEST) + step[counted] + FARTHEST)
    if not len(key):
        return result
    level = key % (2 * FARTHEST) - FARTHEST
    count = np.bincount(voters, minlength=int(group.max()) + 1)
    start = np.cumsum(count) - count

    def at(place: Ints) -> Ints:
        inside = np.clip(place, 0, np.maximum(count - 1, 0))
        return np.asarray(level.take(start + inside, mode="clip"))

    lower, upper = at((count - 1) // 2), at(count // 2)
    before, after = at((count - 1) // 2 - 1), at(count // 2 + 1)
    odd = count % 2 == 1
    # Taking one value out moves the median half a place to the other side.
    median = np.stack(
        [
            (lower + upper) / 2,  # of all
            np.where(odd, (lower + after) / 2, upper),  # without one below the middle
            np.where(odd, (before + after) / 2, upper),  # without the middle one
            np.where(odd, (before + lower) / 2, lower),  # without one above
        ]
    )
    others = count - np.array([[0], [1], [1], [1]])
    spread = (at((3 * count) // 4) - at(count // 4)) / 1.35 + 0.3 / FINEST
    error = 1.25 * spread / np.sqrt(np.maximum(others, 1))
    trust = _trust(median, error**2)
    # Whole multiples of FINEST keep the double sums exact, however tracks are cut.
    shared = np.where((others >= 3) & (median != 0), np.rint(median * trust) * FINEST, 0.0)
    which = group[wanted]
    case = np.where(counted[wanted], 2 + np.sign(step[wanted] - lower[which]), 0)
    result[wanted] = shared[case, which]
    return result


def _summed_twice(bend: Floats, starts: Ints) -> Floats:
    """Integrate second differences along each object, starting at rest.

    Exact, and so the same wherever the object stands, because they are multiples of ``FINEST``.
    """
    speed = _summed(np.rint(bend / FINEST).astype(np.int64), starts)
    late = np.append(0, speed[:-1])
    late[starts] = 0
    return np.asarray(_summed(late, starts) * FINEST)


def _summed(steps: Ints, starts: Ints) -> Ints:
    """Sum along each object."""
    total = np.cumsum(steps)
    lengths = np.diff(np.append(starts, len(steps)))
    return total - np.repeat(total[starts] - steps[starts], lengths)
