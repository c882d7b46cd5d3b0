"""Streets, drawn: a camera over a road between houses and trees, and the signs beside it.

Lengths are metres: x to the right, y up, z away from the camera, the road at y = 0. Things are
painted far ones first, with haze for the distance and a shadow towards the side the sun is not on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT = 1024, 768
SUPERSAMPLING = 3
FOCAL = 900.0 * SUPERSAMPLING
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Light:
    """A time of day; colours as shares of red, green and blue."""

    zenith: Colour = (0.36, 0.57, 0.84)
    horizon: Colour = (0.86, 0.91, 0.95)
    sun: Colour = (1.0, 0.97, 0.90)
    shade: Colour = (0.60, 0.66, 0.78)
    from_left: bool = True
    shadow: float = 0.45  # strength
    haze: float = 90.0  # metres until two thirds of a colour are gone


@dataclass(frozen=True)
class House:
    """A house beside the road: where it begins along it, how long, how high, what it looks like."""

    side: int
    z: float
    long: float
    high: float
    wall: Colour
    roof: Colour
    door: Colour = (0.30, 0.22, 0.18)
    away: float = 8.6


@dataclass(frozen=True)
class Tree:
    """A tree: where it stands, how high it is, the colour of its leaves."""

    x: float
    z: float
    high: float = 6.0
    leaf: Colour = (0.30, 0.46, 0.20)


@dataclass(frozen=True)
class Car:
    """A parked car, seen from behind: its middle, and its paint."""

    x: float
    z: float
    paint: Colour


@dataclass(frozen=True)
class Sign:
    """A sign on a pole: "stop", or one of the others a street has."""

    x: float
    z: float
    kind: str = "stop"
    high: float = 2.35
    radius: float = 0.40
    lean: float = 0.0  # degrees


@dataclass(frozen=True)
class Street:
    """One picture."""

    light: Light
    eye: tuple[float, float] = (0.4, 1.65)  # x and height of the camera
    horizon: float = 0.47  # share of the picture's height
    houses: list[House] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    cars: list[Car] = field(default_factory=list)
    signs: list[Sign] = field(default_factory=list)
    seed: int = 1


class Canvas:
    """A picture to paint on in metres."""

    def __init__(self, street: Street) -> None:
        self.street, self.light = street, street.light
        self.image = Image.new("RGB", (WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING))
        self.pen = ImageDraw.Draw(self.image)
        self.draws = np.random.default_rng(street.seed)

    def at(self, x: float, y: float, z: float) -> tuple[float, float]:
        z = max(z, 0.4)
        eye_x, eye_y = self.street.eye
        return (
            WIDTH * SUPERSAMPLING / 2 + (x - eye_x) / z * FOCAL,
            HEIGHT * SUPERSAMPLING * self.street.horizon - (y - eye_y) / z * FOCAL,
        )

    def tone(self, colour: Colour, z: float, lit: float = 1.0) -> tuple[int, int, int]:
        """A colour in sun (1) or shade (0), seen through the haze of so many metres."""
        light = np.array(self.light.sun) * lit + np.array(self.light.shade) * (1 - lit)
        clear = np.exp(-z / self.light.haze)
        seen = np.array(colour) * light * clear + np.array(self.light.horizon) * (1 - clear)
        return tuple(int(v) for v in np.clip(seen * 255, 0, 255))

    def face(self, corners, colour: Colour, lit: float = 1.0) -> None:
        """Fill a flat shape; its haze is that of its middle."""
        z = float(np.mean([corner[2] for corner in corners]))
        self.pen.polygon([self.at(*corner) for corner in corners], fill=self.tone(colour, z, lit))

    def shadow(self, corners, strength: float | None = None, blur: float = 6.0) -> None:
        """Darken the ground under a shape."""
        points = [self.at(*corner) for corner in corners]
        low = np.floor(np.min(points, axis=0) - 6 * blur).astype(int)
        high = np.ceil(np.max(points, axis=0) + 6 * blur).astype(int)
        low = np.clip(low, 0, self.image.size)
        high = np.clip(high, 0, self.image.size)
        if (high <= low).any():
            return
        mask = Image.new("L", tuple(int(v) for v in high - low))
        dark = self.light.shadow if strength is None else strength
        ImageDraw.Draw(mask).polygon(
            [tuple(p - low) for p in np.array(points)], fill=int(dark * 255)
        )
        mask = mask.filter(ImageFilter.GaussianBlur(blur))
        box = (*map(int, low), *map(int, high))
        part = self.image.crop(box)
        cool = Image.new("RGB", part.size, (38, 44, 66))
        self.image.paste(Image.composite(Image.blend(part, cool, 0.75), part, mask), box)

    def disc(self, centre, radius: float, colour: Colour, lit: float) -> None:
        x, y = self.at(*centre)
        r = radius / centre[2] * FOCAL
        self.pen.ellipse([x - r, y - r, x + r, y + r], fill=self.tone(colour, centre[2], lit))


def font(size: float) -> ImageFont.FreeTypeFont:
    """DejaVu as it comes with matplotlib, so that every machine letters alike."""
    name = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
    return ImageFont.truetype(name, max(round(size), 1), layout_engine=ImageFont.Layout.BASIC)


def draw(street: Street) -> tuple[Image.Image, list[tuple[float, float, float, float]]]:
    """Paint a street; gives left, top, width and height of the plates of its stop signs, too."""
    canvas = Canvas(street)
    _sky(canvas)
    _ground(canvas)
    things = [
        *((house.z + house.long / 2, _house, house) for house in street.houses),
        *((tree.z, _tree, tree) for tree in street.trees),
        *((car.z, _car, car) for car in street.cars),
        *((sign.z, _sign, sign) for sign in street.signs),
    ]
    for _, _, thing in things:
        _cast(canvas, thing)
    for _, paint, thing in sorted(things, key=lambda entry: -entry[0]):
        paint(canvas, thing)
    plates = [_plate_box(canvas, sign) for sign in street.signs if sign.kind == "stop"]
    return _finish(canvas), plates


def _sky(canvas: Canvas) -> None:
    light, (columns, rows) = canvas.light, canvas.image.size
    share = np.clip(np.linspace(0, 1 / canvas.street.horizon, rows), 0, 1)[:, None] ** 1.3
    sky = np.array(light.zenith) * (1 - share) + np.array(light.horizon) * share
    picture = np.repeat((sky * 255)[:, None, :], columns, axis=1).astype(np.uint8)
    canvas.image.paste(Image.fromarray(picture))
    clouds = Image.new("L", canvas.image.size)
    pen = ImageDraw.Draw(clouds)
    for _ in range(16):
        x, y = canvas.draws.uniform(0, columns), canvas.draws.uniform(0.02, 0.30) * rows
        for _ in range(14):
            dx, dy = canvas.draws.normal(0, 170), canvas.draws.normal(0, 22)
            r = abs(canvas.draws.normal(46, 20))
            pen.ellipse([x + dx - 2 * r, y + dy - r, x + dx + 2 * r, y + dy + r], fill=120)
    clouds = clouds.filter(ImageFilter.GaussianBlur(40))
    white = tuple(int(255 * min(1, s * 1.02)) for s in light.sun)
    canvas.image.paste(Image.new("RGB", canvas.image.size, white), mask=clouds)
    hill = [(-400.0, 0.0)]
    for x in np.linspace(-180, 180, 60):
        hill.append(
            (
                x,
                7 + 4 * np.sin(x / 31) + 2.2 * np.sin(x / 11 + 1.7 * canvas.street.seed),
            )
        )
    hill.append((400.0, 0.0))
    canvas.face([(x, y, 150.0) for x, y in hill], (0.34, 0.44, 0.36), 0.7)


ROAD, KERB, PAVED = 3.6, 3.8, 6.2


def _ground(canvas: Canvas) -> None:
    def strip(left, right, y, colour, near=0.8, far=140.0):
        cuts = np.geomspace(near, far, 60)[::-1]
        for b, a in zip(cuts[:-1], cuts[1:], strict=True):
            canvas.face([(left, y, a), (right, y, a), (right, y, b), (left, y, b)], colour)

    strip(-90, 90, -0.02, (0.40, 0.52, 0.26))
    for side in (-1, 1):
        strip(*sorted((side * KERB, side * PAVED)), 0.12, (0.70, 0.68, 0.65))
        for z in np.arange(1.2, 70, 1.2):
            canvas.face(
                [
                    (side * KERB, 0.12, z),
                    (side * PAVED, 0.12, z),
                    (side * PAVED, 0.12, z + 0.03),
                    (side * KERB, 0.12, z + 0.03),
                ],
                (0.56, 0.54, 0.52),
            )
        strip(*sorted((side * ROAD, side * KERB)), 0.06, (0.80, 0.79, 0.77))
    strip(-ROAD, ROAD, 0.0, (0.33, 0.34, 0.36))
    for _ in range(260):  # patches and cracks of the tarmac
        x, z = canvas.draws.uniform(-ROAD, ROAD), canvas.draws.uniform(2, 40)
        w, d = canvas.draws.uniform(0.05, 0.5), canvas.draws.uniform(0.02, 0.3)
        shade = canvas.draws.uniform(0.30, 0.37)
        canvas.face(
            [(x, 0, z), (x + w, 0, z), (x + w, 0, z + d), (x, 0, z + d)],
            (shade, shade, shade + 0.02),
        )
    for z in np.arange(2.0, 90, 6.0):
        canvas.face(
            [(-0.07, 0, z), (0.07, 0, z), (0.07, 0, z + 3), (-0.07, 0, z + 3)],
            (0.90, 0.89, 0.84),
        )
    if any(sign.kind == "stop" for sign in canvas.street.signs):
        near = min(sign.z for sign in canvas.street.signs if sign.kind == "stop")
        canvas.face(
            [
                (0.2, 0, near),
                (ROAD - 0.1, 0, near),
                (ROAD - 0.1, 0, near + 0.5),
                (0.2, 0, near + 0.5),
            ],
            (0.92, 0.91, 0.88),
        )


def _cast(canvas: Canvas, thing) -> None:
    """Let a thing throw its shadow on the ground."""
    away = 1 if canvas.light.from_left else -1
    if isinstance(thing, House):
        x = thing.side * thing.away
        if thing.side != away:
            reach = min(thing.high * 0.42, thing.away - 2.0)
            canvas.shadow(
                [
                    (x, 0, thing.z),
                    (x - thing.side * reach, 0, thing.z + 0.8),
                    (x - thing.side * reach, 0, thing.z + thing.long + 0.8),
                    (x, 0, thing.z + thing.long),
                ]
            )
    elif isinstance(thing, Tree):
        reach, r = away * thing.high * 0.75, thing.high * 0.27
        ring = np.linspace(0, 2 * np.pi, 20)
        canvas.shadow(
            [(thing.x + reach + 1.5 * r * np.cos(a), 0.02, thing.z + r * np.sin(a)) for a in ring],
            blur=9,
        )
        canvas.shadow(
            [
                (thing.x, 0.02, thing.z - 0.12),
                (thing.x + reach, 0.02, thing.z - 0.1),
                (thing.x + reach, 0.02, thing.z + 0.1),
                (thing.x, 0.02, thing.z + 0.12),
            ],
            blur=4,
        )
    elif isinstance(thing, Car):
        canvas.shadow(
            [
                (thing.x - 1.0 + 0.7 * away, 0, thing.z - 2.2),
                (thing.x + 1.0 + 0.7 * away, 0, thing.z - 2.2),
                (thing.x + 1.0 + 0.7 * away, 0, thing.z + 2.2),
                (thing.x - 1.0 + 0.7 * away, 0, thing.z + 2.2),
            ],
            blur=8,
        )
        canvas.shadow(
            [
                (thing.x - 1, 0, thing.z - 2.2),
                (thing.x + 1, 0, thing.z - 2.2),
                (thing.x + 1, 0, thing.z + 2.2),
                (thing.x - 1, 0, thing.z + 2.2),
            ],
            0.7,
            blur=5,
        )
    else:
        reach = away * thing.high * 0.8
        canvas.shadow(
            [
                (thing.x, 0.12, thing.z - 0.03),
                (thing.x + reach, 0.12, thing.z + 0.1),
                (thing.x + reach, 0.12, thing.z + 0.18),
                (thing.x, 0.12, thing.z + 0.04),
            ],
            blur=3,
        )
        canvas.shadow(
            [
                (thing.x + reach - 0.4, 0.12, thing.z + 0.02),
                (thing.x + reach + 0.4, 0.12, thing.z + 0.02),
                (thing.x + reach + 0.4, 0.12, thing.z + 0.26),
                (thing.x + reach - 0.4, 0.12, thing.z + 0.26),
            ],
            blur=4,
        )


def _house(canvas: Canvas, house: House) -> None:
    s, x = house.side, house.side * house.away
    near, far, top = house.z, house.z + house.long, house.high
    back = x + s * 7.0
    toward_sun = (s > 0) == canvas.light.from_left
    front, gable = (1.0, 0.55) if toward_sun else (0.12, 0.45)
    ridge = top + 2.0
    canvas.face(
        [(x, 0, near), (back, 0, near), (back, top, near), (x, top, near)],
        house.wall,
        gable,
    )
    canvas.face(
        [(x, top, near), ((x + back) / 2, ridge, near), (back, top, near)],
        house.wall,
        gable,
    )
    canvas.face([(x, 0, near), (x, top, near), (x, top, far), (x, 0, far)], house.wall, front)
    eave = x - s * 0.35
    canvas.face(
        [
            (eave, top - 0.1, near - 0.3),
            ((x + back) / 2, ridge, near - 0.3),
            ((x + back) / 2, ridge, far),
            (eave, top - 0.1, far),
        ],
        house.roof,
        front,
    )
    canvas.face(
        [(x, 0, near), (x, 0.5, near), (x, 0.5, far), (x, 0, far)],
        tuple(0.75 * c for c in house.wall),
        front,
    )
    storeys = max(int(top // 2.9), 1)
    count = max(int(house.long // 2.2), 1)
    step = house.long / count
    for storey in range(storeys):
        low = 0.95 + storey * 2.8
        for window in range(count):
            z = near + (window + 0.5) * step
            if storey == 0 and window == count // 2:
                _on_wall(canvas, x, z - 0.55, z + 0.55, 0, 2.25, (0.86, 0.84, 0.80), front)
                _on_wall(canvas, x, z - 0.45, z + 0.45, 0.05, 2.15, house.door, front)
                continue
            _on_wall(
                canvas,
                x,
                z - 0.62,
                z + 0.62,
                low - 0.1,
                low + 1.5,
                (0.92, 0.90, 0.86),
                front,
            )
            for a, b in ((z - 0.54, z - 0.04), (z + 0.04, z + 0.54)):
                _on_wall(
                    canvas,
                    x,
                    a,
                    b,
                    low,
                    low + 1.4,
                    (0.34, 0.44, 0.54),
                    0.4 + 0.6 * front,
                )
                _on_wall(
                    canvas,
                    x,
                    a,
                    b,
                    low + 0.85,
                    low + 1.4,
                    (0.62, 0.72, 0.80),
                    0.4 + 0.6 * front,
                )
            _on_wall(
                canvas,
                x,
                z - 0.70,
                z + 0.70,
                low - 0.18,
                low - 0.08,
                (0.62, 0.60, 0.57),
                front,
            )
    for window in range(2):  # the gable faces the camera
        middle = x + s * (2.2 + 2.6 * window)
        for storey in range(storeys):
            low = 0.95 + storey * 2.8
            frame = [
                (middle - 0.6, low - 0.1),
                (middle + 0.6, low - 0.1),
                (middle + 0.6, low + 1.5),
                (middle - 0.6, low + 1.5),
            ]
            canvas.face([(a, b, near) for a, b in frame], (0.90, 0.88, 0.84), gable)
            pane = [
                (middle - 0.5, low),
                (middle + 0.5, low),
                (middle + 0.5, low + 1.4),
                (middle - 0.5, low + 1.4),
            ]
            canvas.face([(a, b, near) for a, b in pane], (0.40, 0.50, 0.60), gable + 0.2)


def _on_wall(canvas: Canvas, x, near, far, low, high, colour, lit) -> None:
    canvas.face([(x, low, near), (x, high, near), (x, high, far), (x, low, far)], colour, lit)


def _tree(canvas: Canvas, tree: Tree) -> None:
    trunk = tree.high * 0.028
    canvas.face(
        [
            (tree.x - trunk, 0, tree.z),
            (tree.x + trunk, 0, tree.z),
            (tree.x + trunk * 0.7, tree.high * 0.6, tree.z),
            (tree.x - trunk * 0.7, tree.high * 0.6, tree.z),
        ],
        (0.34, 0.26, 0.20),
        0.5,
    )
    sun = -1 if canvas.light.from_left else 1
    crown = tree.high * 0.28
    turn, far = (
        canvas.draws.uniform(0, 2 * np.pi, 900),
        np.sqrt(canvas.draws.uniform(0, 1, 900)),
    )
    ragged = 1 + 0.10 * np.sin(5 * turn + tree.x) + 0.07 * np.sin(9 * turn + tree.z)
    places = np.column_stack([1.12 * np.cos(turn), np.sin(turn)]) * (far * ragged * crown)[:, None]
    places = places[np.argsort(places[:, 1] + 0.6 * sun * places[:, 0])]
    for number, (dx, dy) in enumerate(places):
        share = number / len(places)
        lit = np.clip(0.05 + 0.95 * share + canvas.draws.normal(0, 0.13), 0, 1.15)
        green = tuple(c * canvas.draws.uniform(0.86, 1.12) for c in tree.leaf)
        centre = (tree.x + dx, tree.high * 0.70 + dy, tree.z)
        canvas.disc(centre, crown * canvas.draws.uniform(0.05, 0.13), green, float(lit))


def _car(canvas: Canvas, car: Car) -> None:
    x, z, glass, rubber = car.x, car.z - 2.1, (0.20, 0.26, 0.32), (0.08, 0.08, 0.09)
    left = -1 if x > canvas.street.eye[0] else 1  # the flank that is seen
    flank = x + left * 0.88
    sunny = (left < 0) == canvas.light.from_left
    side_light = 0.9 if sunny else 0.25
    for centre in (0.75, 3.4):
        ring = np.linspace(0, 2 * np.pi, 24)
        canvas.face(
            [
                (
                    flank + left * 0.01,
                    0.33 + 0.33 * np.sin(a),
                    z + centre + 0.33 * np.cos(a),
                )
                for a in ring
            ],
            rubber,
            0.5,
        )
    for wheel in (-0.72, 0.72):
        canvas.face(
            [
                (x + wheel - 0.12, 0, z + 0.1),
                (x + wheel + 0.12, 0, z + 0.1),
                (x + wheel + 0.12, 0.5, z + 0.1),
                (x + wheel - 0.12, 0.5, z + 0.1),
            ],
            rubber,
            0.4,
        )
    canvas.face(
        [
            (flank, 0.28, z),
            (flank, 0.95, z),
            (flank, 0.92, z + 4.2),
            (flank, 0.28, z + 4.2),
        ],
        car.paint,
        side_light,
    )
    roof = x + left * 0.66
    canvas.face(
        [
            (flank, 0.94, z + 0.5),
            (roof, 1.46, z + 1.0),
            (roof, 1.46, z + 2.5),
            (flank, 0.92, z + 3.3),
        ],
        glass,
        side_light,
    )
    canvas.face(
        [
            (x - 0.66, 1.46, z + 1.0),
            (x + 0.66, 1.46, z + 1.0),
            (x + 0.66, 1.47, z + 2.5),
            (x - 0.66, 1.47, z + 2.5),
        ],
        car.paint,
        1.0,
    )
    canvas.face(
        [
            (x - 0.88, 0.28, z),
            (x + 0.88, 0.28, z),
            (x + 0.88, 0.95, z),
            (x - 0.88, 0.95, z),
        ],
        car.paint,
        0.42,
    )
    canvas.face(
        [
            (x - 0.80, 0.95, z + 0.05),
            (x + 0.80, 0.95, z + 0.05),
            (x + 0.64, 1.46, z + 0.9),
            (x - 0.64, 1.46, z + 0.9),
        ],
        glass,
        0.55,
    )
    canvas.face(
        [
            (x - 0.70, 1.02, z + 0.15),
            (x - 0.10, 1.02, z + 0.15),
            (x - 0.20, 1.38, z + 0.75),
            (x - 0.56, 1.38, z + 0.75),
        ],
        (0.48, 0.58, 0.66),
        0.6,
    )
    for lamp in (-0.72, 0.72):
        canvas.face(
            [
                (x + lamp - 0.15, 0.68, z),
                (x + lamp + 0.15, 0.68, z),
                (x + lamp + 0.15, 0.84, z),
                (x + lamp - 0.15, 0.84, z),
            ],
            (0.75, 0.12, 0.10),
            0.8,
        )
    canvas.face(
        [
            (x - 0.26, 0.52, z),
            (x + 0.26, 0.52, z),
            (x + 0.26, 0.64, z),
            (x - 0.26, 0.64, z),
        ],
        (0.92, 0.92, 0.88),
        0.6,
    )
    canvas.face(
        [
            (x - 0.9, 0.26, z),
            (x + 0.9, 0.26, z),
            (x + 0.9, 0.40, z),
            (x - 0.9, 0.40, z),
        ],
        (0.13, 0.13, 0.14),
        0.5,
    )


def _octagon(sign: Sign, radius: float) -> list[tuple[float, float, float]]:
    turns = np.deg2rad(22.5 + 45 * np.arange(8) + sign.lean)
    size = radius / np.cos(np.pi / 8)
    return [(sign.x + size * np.cos(a), sign.high + size * np.sin(a), sign.z) for a in turns]


def _sign(canvas: Canvas, sign: Sign) -> None:
    pole = 0.035
    canvas.face(
        [
            (sign.x - pole, 0, sign.z),
            (sign.x + pole, 0, sign.z),
            (sign.x + pole, sign.high + sign.radius * 0.7, sign.z),
            (sign.x - pole, sign.high + sign.radius * 0.7, sign.z),
        ],
        (0.58, 0.59, 0.60),
        0.6,
    )
    canvas.face(
        [
            (sign.x - pole, 0, sign.z),
            (sign.x - pole * 0.2, 0, sign.z),
            (sign.x - pole * 0.2, sign.high, sign.z),
            (sign.x - pole, sign.high, sign.z),
        ],
        (0.75, 0.76, 0.77),
        0.9,
    )
    if sign.kind == "stop":
        canvas.face(_octagon(sign, sign.radius), (0.96, 0.95, 0.93), 0.85)
        canvas.face(_octagon(sign, sign.radius * 0.93), (0.76, 0.09, 0.11), 0.85)
        _letter(canvas, sign, "STOP", 0.60)
    else:
        canvas.face(
            [
                (sign.x + sign.radius * a, sign.high + sign.radius * b, sign.z)
                for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
            ],
            (0.95, 0.95, 0.94),
            0.85,
        )
        canvas.face(
            [
                (
                    sign.x + sign.radius * a * 0.92,
                    sign.high + sign.radius * b * 0.92,
                    sign.z,
                )
                for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
            ],
            (0.10, 0.30, 0.62),
            0.85,
        )
        _letter(canvas, sign, "P", 1.5)


def _letter(canvas: Canvas, sign: Sign, words: str, share: float) -> None:
    size = sign.radius * share / sign.z * FOCAL
    x, y = canvas.at(sign.x, sign.high, sign.z)
    tile = Image.new("L", (int(size * 4) + 8, int(size * 2) + 8))
    ImageDraw.Draw(tile).text(
        (tile.width / 2, tile.height / 2), words, fill=255, font=font(size), anchor="mm"
    )
    tile = tile.rotate(sign.lean, resample=Image.Resampling.BICUBIC)
    white = canvas.tone((0.97, 0.96, 0.94), sign.z, 0.85)
    canvas.image.paste(
        Image.new("RGB", tile.size, white),
        (int(x - tile.width / 2), int(y - tile.height / 2)),
        tile,
    )


def _plate_box(canvas: Canvas, sign: Sign) -> tuple[float, float, float, float]:
    corners = (
        np.array([canvas.at(*corner) for corner in _octagon(sign, sign.radius)]) / SUPERSAMPLING
    )
    low, high = corners.min(axis=0), corners.max(axis=0)
    return (*low, *(high - low))


def _finish(canvas: Canvas) -> Image.Image:
    """Grain, a little glow where it is bright, a little dark in the corners, and the final size."""
    picture = canvas.image.reduce(SUPERSAMPLING)
    glow = picture.point(lambda value: max(0, value - 185) * 2).filter(ImageFilter.GaussianBlur(14))
    picture = Image.blend(picture, ImageChops.add(picture, glow), 0.35)
    pixels = np.array(picture, np.float32)
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    pixels = pixels * (1 - 0.13 * (x**2 + y**2) / 2)[..., None]
    pixels += canvas.draws.normal(0, 2.2, pixels.shape[:2])[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
