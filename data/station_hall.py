"""The station hall: a camera, a lit room with its furniture, traced ray by ray with numpy.

Lengths are metres: x to the right, y up, z away from the camera, the floor at y = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT = 960, 540
SUPERSAMPLING = 3  # every pixel is the mean of 3 by 3

FOCAL = 760.0 * SUPERSAMPLING
EYE = np.array([0.0, 2.9, 0.0], np.float32)
PITCH = np.deg2rad(8.0)
HALF_WIDTH, CEILING, BACK = 10.0, 9.6, 28.0  # the room
TO_SUN = np.array([0.30, 0.32, 0.86], np.float32)
TO_SUN /= np.linalg.norm(TO_SUN)
SUNLIGHT = np.array([1.00, 0.86, 0.62], np.float32)
SKYLIGHT = np.array([0.93, 0.96, 1.04], np.float32)
HAZE = np.array([0.93, 0.90, 0.84], np.float32)
PILLARS = [(side * 6.8, z) for z in (12.0, 18.0, 24.0) for side in (-1, 1)]
PILLAR_RADIUS = 0.42
WOOD, STEEL = (0.55, 0.34, 0.18), (0.24, 0.25, 0.26)


def project(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the supersampled pixel (…, 2) and the depth in metres (…) of points (…, 3)."""
    x, y, z = np.moveaxis(np.asarray(points, float) - EYE, -1, 0)
    depth = z * np.cos(PITCH) - y * np.sin(PITCH)
    up = z * np.sin(PITCH) + y * np.cos(PITCH)
    centre = np.array([WIDTH, HEIGHT]) * SUPERSAMPLING / 2
    return np.stack([x, -up], -1) * (FOCAL / depth)[..., None] + centre, depth


def rays(rows: slice) -> np.ndarray:
    """Directions through the supersampled pixels of some rows, with a depth of 1 each."""
    v, u = np.mgrid[rows, 0 : WIDTH * SUPERSAMPLING].astype(np.float32) + 0.5
    right = (u - WIDTH * SUPERSAMPLING / 2) / FOCAL
    up = (HEIGHT * SUPERSAMPLING / 2 - v) / FOCAL
    cos, sin = np.float32(np.cos(PITCH)), np.float32(np.sin(PITCH))
    return np.stack([right, up * cos - sin, up * sin + cos], -1)


# --- painted surfaces ---------------------------------------------------------------------------

PER_METRE = 96


def font(size: float, style: str = "Sans-Bold") -> ImageFont.FreeTypeFont:
    """DejaVu as it comes with matplotlib, so that every machine letters alike."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    name = {"Sans-Bold": "DejaVuSans-Bold", "Mono-Bold": "DejaVuSansMono-Bold"}[style]
    return ImageFont.truetype(folder / f"{name}.ttf", round(size), layout_engine=0)


class Wall:
    """A wall to paint on in metres, from its lower left corner."""

    def __init__(self, width: float, height: float, colour: str) -> None:
        self.width, self.height = width, height
        size = round(width * PER_METRE), round(height * PER_METRE)
        self.image = Image.new("RGB", size, colour)
        self.pen = ImageDraw.Draw(self.image)

    def box(self, left: float, low: float, right: float, high: float) -> list[float]:
        return [
            left * PER_METRE,
            (self.height - high) * PER_METRE,
            right * PER_METRE - 1,
            (self.height - low) * PER_METRE - 1,
        ]

    def rectangle(self, left, low, right, high, colour) -> None:
        self.pen.rectangle(self.box(left, low, right, high), fill=colour)

    def arch(self, middle, half, low, spring, colour) -> None:
        """Fill an opening with straight sides and a round head."""
        if spring > low:
            self.rectangle(middle - half, low, middle + half, spring, colour)
        around = self.box(middle - half, spring - half, middle + half, spring + half)
        self.pen.pieslice(around, 180, 360, fill=colour)

    def text(self, middle, low, words, size, colour, style="Sans-Bold") -> None:
        place = middle * PER_METRE, (self.height - low) * PER_METRE
        self.pen.text(place, words, fill=colour, font=font(size * PER_METRE, style), anchor="ms")

    def stones(self, seed: int, low: float, high: float, strength: float = 5.0) -> None:
        """Give the masonry its courses: every block a little lighter or darker."""
        shade = np.random.default_rng(seed)
        course = 0.55
        for row in range(int((high - low) / course) + 1):
            bottom = low + row * course
            for block in range(-1, int(self.width / 1.1) + 1):
                left = block * 1.1 + (row % 2) * 0.55
                tone = shade.normal(0, strength)
                box = self.box(left, bottom, left + 1.1, min(bottom + course, high))
                middle = self.image.getpixel((1, max(0, int(box[1]) + 2)))
                colour = tuple(int(np.clip(c + tone, 0, 255)) for c in middle)
                self.pen.rectangle(box, fill=colour, outline=tuple(int(c * 0.93) for c in colour))


def _glass(low: str, high: str, size: tuple[int, int]) -> Image.Image:
    steps = np.linspace(0, 1, size[1], dtype=np.float32)[:, None, None]
    ends = [np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)], float) for c in (high, low)]
    column = ends[0] * (1 - steps) + ends[1] * steps
    return Image.fromarray(np.broadcast_to(column, (size[1], size[0], 3)).astype(np.uint8))


def back_wall() -> tuple[Image.Image, Image.Image]:
    """Paint the end of the hall with its three windows; also where the sun comes through."""
    wall = Wall(2 * HALF_WIDTH, CEILING, "#cdb995")
    wall.stones(3, 0, CEILING)
    wall.rectangle(0, 0, 20, 1.0, "#8f7a60")
    wall.rectangle(0, 1.0, 20, 1.08, "#b8a382")
    openings = [(10.0, 3.3, 0.0, 4.75), (4.1, 1.75, 1.5, 4.3), (15.9, 1.75, 1.5, 4.3)]
    mask = Wall(2 * HALF_WIDTH, CEILING, "#000000")
    frame = Wall(2 * HALF_WIDTH, CEILING, "#000000")
    for middle, half, low, spring in openings:
        wall.arch(middle, half + 0.42, max(low - 0.25, 0), spring, "#a8916c")
        wall.arch(middle, half + 0.34, max(low - 0.18, 0), spring, "#e6d7b6")
        wall.arch(middle, half + 0.06, low, spring, "#6f5f4a")
        mask.arch(middle, half, low, spring, "#ffffff")
        bars = 8 if half > 2 else 4
        for bar in range(1, bars):
            x = middle - half + bar * 2 * half / bars
            thick = 0.09 if bar == bars // 2 else 0.045
            frame.rectangle(x - thick, low, x + thick, spring + half, "#ffffff")
        for y in np.arange(low + 1.25, spring + 0.01, (spring - low) / (4 if low == 0 else 3)):
            frame.rectangle(middle - half, y - 0.045, middle + half, y + 0.045, "#ffffff")
        frame.rectangle(middle - half, spring - 0.09, middle + half, spring + 0.09, "#ffffff")
        around = frame.box(
            middle - half * 0.55,
            spring - half * 0.55,
            middle + half * 0.55,
            spring + half * 0.55,
        )
        frame.pen.arc(around, 180, 360, fill="#ffffff", width=8)
    panes = mask.image.convert("L")
    bars = frame.image.convert("L")
    sky = _glass("#fff0d2", "#d9e9f7", wall.image.size)
    pen = ImageDraw.Draw(sky)
    towns = np.random.default_rng(11)
    for left in np.arange(0, 20, 0.62):  # roofs outside, pale in the morning haze
        top = 1.9 + 1.1 * towns.random() + 0.5 * np.sin(left)
        pen.rectangle(wall.box(left, 0, left + 0.62, top), fill="#d5d3cf")
    wall.image.paste(sky, mask=panes)
    shown = Image.fromarray(np.minimum(np.asarray(panes), np.asarray(bars)))
    wall.image.paste(Image.new("RGB", wall.image.size, "#57504a"), mask=shown)
    for x in (8.35, 10.0, 11.65):  # the doors
        wall.rectangle(x - 0.78, 0, x + 0.78, 2.55, "#4b4640")
        for side in (-0.37, 0.37):
            wall.rectangle(x + side - 0.31, 0.12, x + side + 0.31, 2.42, "#c9d2d4")
            wall.rectangle(x + side - 0.31, 0.12, x + side + 0.31, 1.0, "#a9aca6")
    wall.rectangle(6.7, 2.55, 13.3, 2.85, "#4b4640")
    wall.text(10, 2.62, "CITY  ·  TRAMS  ·  TAXI", 0.2, "#f3ead2")
    light = np.asarray(panes, np.float32) * (1 - np.asarray(bars, np.float32) / 255)
    light[:, :] *= 1.0
    light[
        round((CEILING - 2.85) * PER_METRE) :,
        round(6.7 * PER_METRE) : round(13.3 * PER_METRE),
    ] *= 0.35
    return wall.image, Image.fromarray(light.astype(np.uint8)).filter(ImageFilter.GaussianBlur(7))


def side_wall(signs: list[tuple[str, str, str]], first: float, seed: int) -> Image.Image:
    """Paint an arcade: pilasters, arches with a shop each, a cornice."""
    wall = Wall(BACK, CEILING, "#c4ae88")
    wall.stones(seed, 0, CEILING)
    wall.rectangle(0, 0, BACK, 0.5, "#85705a")
    for index, (words, board, inside) in enumerate(signs):
        middle = first + 5.0 * index
        wall.arch(middle, 1.95, 0, 3.5, "#9a835f")
        wall.arch(middle, 1.82, 0, 3.5, "#3c3630")
        room = _glass("#fff1cd", inside, (round(3.4 * PER_METRE), round(2.35 * PER_METRE)))
        corner = wall.box(middle - 1.7, 0.1, middle + 1.7, 2.45)
        wall.image.paste(room, (round(corner[0]), round(corner[1])))
        goods = np.random.default_rng(seed + index)
        for shelf in (0.75, 1.2, 1.65):
            for x in np.arange(middle - 1.55, middle + 1.5, 0.17):
                tone = goods.integers(70, 235, 3)
                wall.rectangle(
                    x,
                    shelf,
                    x + 0.13,
                    shelf + goods.uniform(0.14, 0.32),
                    tuple(int(c) for c in tone),
                )
            wall.rectangle(middle - 1.6, shelf - 0.05, middle + 1.6, shelf, "#8a6f4c")
        for x in (-1.7, 0.0, 1.7):
            wall.rectangle(middle + x - 0.04, 0, middle + x + 0.04, 2.5, "#2f2a26")
        wall.rectangle(middle - 1.85, 2.45, middle + 1.85, 3.15, board)
        wall.text(middle, 2.65, words, 0.36, "#fdf6e3")
        wall.arch(middle, 1.6, 3.5, 3.5, "#f6e6bd")
    for x in np.arange(first % 5 + 2.5, BACK, 5.0):
        wall.rectangle(x - 0.38, 0, x + 0.38, 6.3, "#d8c7a4")
        wall.rectangle(x - 0.3, 0.6, x - 0.22, 6.1, "#bfab86")
        wall.rectangle(x - 0.5, 0, x + 0.5, 0.55, "#a58f6e")
        wall.rectangle(x - 0.5, 6.0, x + 0.5, 6.4, "#e6d8b8")
    wall.rectangle(0, 6.4, BACK, 6.9, "#e0d0ad")
    wall.rectangle(0, 6.9, BACK, 7.0, "#a58f6e")
    return wall.image


def departure_board() -> Image.Image:
    """Letter the departures: places of no country."""
    board = Wall(4.2, 1.7, "#14181d")
    board.rectangle(0, 1.36, 4.2, 1.7, "#1f3f66")
    board.text(2.1, 1.44, "DEPARTURES", 0.21, "#ffffff")
    rows = [
        "09:14  ALDERBROOK     3",
        "09:21  PORT MERROW    7",
        "09:26  SAINT ODA      1",
        "09:35  HIGH FENNICK  12",
        "09:41  LOWMOOR        5",
    ]
    for index, row in enumerate(rows):
        board.text(2.1, 1.1 - index * 0.245, row, 0.2, "#ffc641", "Mono-Bold")
    return board.image


def kiosk_front() -> Image.Image:
    """Paint the coffee kiosk: awning, lit counter, panels."""
    front = Wall(2.6, 2.75, "#234c46")
    front.rectangle(0.12, 1.08, 2.48, 2.05, "#ffe2a6")
    goods = np.random.default_rng(5)
    for x in np.arange(0.22, 2.3, 0.14):
        top = 1.45 + goods.uniform(0.05, 0.3)
        front.rectangle(x, 1.4, x + 0.1, top, tuple(int(c) for c in goods.integers(60, 200, 3)))
    front.rectangle(0.12, 1.35, 2.48, 1.41, "#9b6a3a")
    front.rectangle(0.0, 0.98, 2.6, 1.1, "#e9dcc0")
    for x in (0.2, 1.0, 1.8):
        front.rectangle(x, 0.16, x + 0.6, 0.86, "#2e625a")
    for stripe in range(13):
        colour = "#f6efdf" if stripe % 2 else "#c2463a"
        front.rectangle(stripe * 0.2, 2.02, stripe * 0.2 + 0.2, 2.3, colour)
    front.rectangle(0, 2.3, 2.6, 2.75, "#1b3b37")
    front.text(1.3, 2.42, "COFFEE", 0.27, "#f7e7b8")
    return front.image


# --- the geometry -------------------------------------------------------------------------------

Paint = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Texture:
    """A painted surface, looked up in metres from its lower left corner."""

    pixels: np.ndarray

    @classmethod
    def of(cls, image: Image.Image) -> Texture:
        return cls(np.asarray(image, np.float32) / 255)

    def at(self, across: np.ndarray, up: np.ndarray) -> np.ndarray:
        rows, columns = self.pixels.shape[:2]
        x = np.clip(across * PER_METRE - 0.5, 0, columns - 1.001)
        y = np.clip(rows - up * PER_METRE - 0.5, 0, rows - 1.001)
        x0, y0 = x.astype(int), y.astype(int)
        fx, fy = x - x0, y - y0
        if self.pixels.ndim == 3:
            fx, fy = fx[..., None], fy[..., None]
        upper = self.pixels[y0, x0] * (1 - fx) + self.pixels[y0, x0 + 1] * fx
        lower = self.pixels[y0 + 1, x0] * (1 - fx) + self.pixels[y0 + 1, x0 + 1] * fx
        return (upper * (1 - fy) + lower * fy).astype(np.float32)


@dataclass
class Hits:
    """What each ray met first: how far, where, which way it faces, its colour, its own glow."""

    distance: np.ndarray
    normal: np.ndarray
    colour: np.ndarray
    glow: np.ndarray

    def keep(self, distance, normal, colour, glow, where) -> None:
        nearer = where & (distance > 1e-3) & (distance < self.distance)
        self.distance[nearer] = distance[nearer]
        self.normal[nearer] = normal if np.ndim(normal) == 1 else normal[nearer]
        self.colour[nearer] = colour[nearer] if np.ndim(colour) > 1 else colour
        self.glow[nearer] = glow


class Hall:
    """The room and what stands in it."""

    def __init__(self) -> None:
        wall, light = back_wall()
        self.back, self.light = Texture.of(wall), Texture.of(light)
        self.left = Texture.of(
            side_wall(
                [
                    ("BAKERY", "#7a3b2c", "#e0a95f"),
                    ("FASHION", "#2c3e63", "#b9c4d8"),
                    ("BOOKS", "#2f5a3c", "#d9b06a"),
                    ("FLOWERS", "#6b2f52", "#cfa0a8"),
                ],
                11,
                21,
            )
        )
        self.right = Texture.of(
            side_wall(
                [
                    ("TICKETS", "#234b7a", "#9fb8cc"),
                    ("PHARMACY", "#2c6b4a", "#bcd8c8"),
                    ("PRESS", "#8a3230", "#d8b070"),
                    ("WAITING", "#4a4038", "#c8a878"),
                ],
                2,
                31,
            )
        )
        self.board = Texture.of(departure_board())
        self.kiosk = Texture.of(kiosk_front())

    def sun(self, points: np.ndarray) -> np.ndarray:
        """Share of the sun that reaches points (…, 3) through windows and between pillars."""
        x, y, z = np.moveaxis(points, -1, 0)
        way = (BACK - z) / TO_SUN[2]
        share = self.light.at(x + way * TO_SUN[0] + HALF_WIDTH, y + way * TO_SUN[1])
        across = np.array([TO_SUN[2], -TO_SUN[0]]) / np.hypot(TO_SUN[0], TO_SUN[2])
        for px, pz in PILLARS:
            beside = np.abs((px - x) * across[0] + (pz - z) * across[1])
            share = np.where(
                pz > z,
                share * np.clip((beside - PILLAR_RADIUS + 0.12) / 0.24, 0, 1),
                share,
            )
        return share.astype(np.float32)

    def trace(self, origin: np.ndarray, way: np.ndarray, floor: bool = True) -> Hits:
        """Follow rays (…, 3) from ``origin`` to the first surface."""
        shape = way.shape[:-1]
        hits = Hits(
            np.full(shape, np.inf, np.float32),
            np.zeros((*shape, 3), np.float32),
            np.zeros((*shape, 3), np.float32),
            np.zeros(shape, np.float32),
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            self._room(hits, origin, way, floor)
            self._pillars(hits, origin, way)
            self._boxes(hits, origin, way)
        return hits

    def _room(self, hits, origin, way, floor) -> None:
        if floor:
            far = -origin[..., 1] / way[..., 1]
            at = origin + way * far[..., None]
            hits.keep(
                far,
                np.array([0, 1, 0]),
                floor_stone(at[..., 0], at[..., 2], far),
                0,
                way[..., 1] < 0,
            )
        far = (CEILING - origin[..., 1]) / way[..., 1]
        at = origin + way * far[..., None]
        coffer = (np.abs((at[..., 2] % 2.4) - 1.2) > 1.0) | (
            np.abs((at[..., 0] % 2.5) - 1.25) > 1.05
        )
        colour = np.where(coffer[..., None], [0.74, 0.65, 0.50], [0.52, 0.45, 0.35]).astype(
            np.float32
        )
        hits.keep(far, np.array([0, -1, 0]), colour, 0.1, way[..., 1] > 0)
        for side, texture in ((-1, self.left), (1, self.right)):
            far = (side * HALF_WIDTH - origin[..., 0]) / way[..., 0]
            at = origin + way * far[..., None]
            along = at[..., 2] if side < 0 else BACK - at[..., 2]  # lettering reads from the hall
            colour = texture.at(along, at[..., 1])
            hits.keep(far, np.array([-side, 0, 0]), colour, 0.12, way[..., 0] * side > 0)
        far = (BACK - origin[..., 2]) / way[..., 2]
        at = origin + way * far[..., None]
        colour = self.back.at(at[..., 0] + HALF_WIDTH, at[..., 1])
        bright = np.clip((colour.min(-1) - 0.70) * 6, 0, 1)
        hits.keep(far, np.array([0, 0, -1]), colour, 0.0, way[..., 2] > 0)
        on_back = np.isfinite(far) & (far == hits.distance)
        hits.glow[on_back] = bright[on_back]

    def _pillars(self, hits, origin, way) -> None:
        for x, z in PILLARS:
            for radius, low, high, colour in (
                (PILLAR_RADIUS, 0, CEILING, (0.80, 0.70, 0.53)),
                (PILLAR_RADIUS * 1.28, 0, 0.34, (0.45, 0.37, 0.28)),
                (PILLAR_RADIUS * 1.12, 0.34, 0.5, (0.62, 0.53, 0.40)),
                (PILLAR_RADIUS * 1.03, 2.35, 2.47, (0.50, 0.40, 0.28)),
            ):
                _cylinder(hits, origin, way, (x, z), radius, (low, high), colour)

    def _boxes(self, hits, origin, way) -> None:
        for x, z in ((2.7, 16.5), (-2.2, 22.5)):
            _near(hits, origin, way, (x, 0.45, z), 0.6, _bin)
        for x, z in ((4.9, 15.4), (4.9, 20.4)):
            _near(hits, origin, way, (x, 0.75, z), 0.95, _box_tree)
        for x, z in ((4.9, 17.2), (4.9, 22.2), (-3.0, 13.9)):
            _near(hits, origin, way, (x, 0.5, z), 1.3, _bench)
        for x in (-4.3, 4.3):
            for z in (13.5, 18.5, 23.5):
                _near(hits, origin, way, (x, 7.7, z), 2.2, _lamp)
        dark = (0.13, 0.28, 0.26)
        _box(
            hits,
            origin,
            way,
            (-5.3, 0, 19.2),
            (-2.7, 2.75, 21.2),
            dark,
            self.kiosk,
            0.45,
        )
        _box(
            hits,
            origin,
            way,
            (-5.45, 2.0, 18.75),
            (-2.55, 2.06, 19.2),
            (0.76, 0.30, 0.25),
        )
        low, high = (-2.1, 3.5, 15.0), (2.1, 5.2, 15.25)
        _box(hits, origin, way, low, high, (0.09, 0.10, 0.11), self.board, 0.9)
        for x in (-1.6, 1.56):
            _box(hits, origin, way, (x, 5.2, 15.1), (x + 0.05, CEILING, 15.15), STEEL)


def _near(hits, origin, way, centre, radius, draw) -> None:
    """Trace a piece of furniture, around the middle of a sphere, with the rays that come near."""
    from_centre = origin - np.array(centre, np.float32)
    along = (from_centre * way).sum(-1)
    miss = (from_centre**2).sum(-1) - along**2 / (way**2).sum(-1)
    close = (miss < radius**2) & (along < 0)
    if not close.any():
        return
    part = Hits(*(field[close] for field in (hits.distance, hits.normal, hits.colour, hits.glow)))
    draw(part, origin[close], way[close], *centre)
    hits.distance[close], hits.normal[close] = part.distance, part.normal
    hits.colour[close], hits.glow[close] = part.colour, part.glow


def _bin(hits, origin, way, x, y, z) -> None:
    _cylinder(hits, origin, way, (x, z), 0.24, (0, 0.86), (0.25, 0.30, 0.31))
    _cylinder(hits, origin, way, (x, z), 0.26, (0.80, 0.90), (0.55, 0.57, 0.56))


def _box_tree(hits, origin, way, x, y, z) -> None:
    _cylinder(hits, origin, way, (x, z), 0.34, (0, 0.62), (0.47, 0.27, 0.19))
    for dx, height, dz, radius in _leaves():
        _sphere(hits, origin, way, (x + dx, height, z + dz), radius, (0.22, 0.40, 0.18))


def _bench(hits, origin, way, x, y, z) -> None:
    for slat in range(3):
        near, low = z + slat * 0.16, 0.56 + slat * 0.14
        _box(hits, origin, way, (x - 1, 0.43, near), (x + 1, 0.48, near + 0.13), WOOD)
        _box(hits, origin, way, (x - 1, low, z + 0.5), (x + 1, low + 0.1, z + 0.54), WOOD)
    for leg in (x - 0.85, x + 0.80):
        _box(hits, origin, way, (leg, 0, z + 0.05), (leg + 0.06, 0.44, z + 0.5), STEEL)
        _box(hits, origin, way, (leg, 0.4, z + 0.5), (leg + 0.06, 0.98, z + 0.56), STEEL)


def _lamp(hits, origin, way, x, y, z) -> None:
    _sphere(hits, origin, way, (x, 6.0, z), 0.26, (1.0, 0.95, 0.82), 1.0)
    rod = 0.015
    low, high = (x - rod, 6.2, z - rod), (x + rod, CEILING, z + rod)
    _box(hits, origin, way, low, high, STEEL)


def _leaves() -> list[tuple[float, float, float, float]]:
    place = np.random.default_rng(8)
    found = [(0.0, 1.05, 0.0, 0.40)]
    for _ in range(26):
        turn, lift = place.uniform(0, 2 * np.pi), place.uniform(-1, 1)
        flat = np.sqrt(1 - lift**2) * 0.36
        found.append(
            (
                np.cos(turn) * flat,
                1.05 + lift * 0.36,
                np.sin(turn) * flat,
                place.uniform(0.08, 0.15),
            )
        )
    return found


def floor_stone(x: np.ndarray, z: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Colour the floor: pale slabs, each its own shade, with dark granite bands between fields."""
    slab = 0.75
    column, row = np.floor(x / slab), np.floor(z / slab)
    chance = np.sin(column * 127.1 + row * 311.7) * 43758.5453
    shade = 0.055 * ((chance - np.floor(chance)) - 0.5)
    checker = np.where((column + row) % 2 == 0, 0.045, -0.02)
    marble = (
        0.012 * np.sin(5.1 * x + 2.3 * np.sin(2.7 * z)) * np.sin(4.3 * z + 1.9 * np.sin(3.1 * x))
    )
    tone = 0.71 + shade + checker + marble
    colour = tone[..., None] * np.array([1.0, 0.935, 0.83])
    in_band = (np.abs((x - 3.0) % 6.0 - 3.0) > 2.82) | (np.abs((z - 1.5) % 6.0 - 3.0) > 2.82)
    dark = (0.36 + shade + marble)[..., None] * np.array([1.0, 0.90, 0.80])
    colour = np.where(in_band[..., None], dark, colour)
    joint = 0.016
    seen = np.clip(joint * FOCAL / np.maximum(distance, 0.1) / 2.0, 0, 1)  # thin lines fade far off
    gap = np.minimum(np.abs((x / slab + 0.5) % 1 - 0.5), np.abs((z / slab + 0.5) % 1 - 0.5)) * slab
    colour = np.where((gap < joint / 2)[..., None], colour * (1 - 0.28 * seen[..., None]), colour)
    return colour.astype(np.float32)


def _cylinder(hits, origin, way, centre, radius, heights, colour) -> None:
    ox, oz = origin[..., 0] - centre[0], origin[..., 2] - centre[1]
    dx, dz = way[..., 0], way[..., 2]
    a, b, c = dx**2 + dz**2, ox * dx + oz * dz, ox**2 + oz**2 - radius**2
    root = b**2 - a * c
    far = (-b - np.sqrt(np.maximum(root, 0))) / a
    at = origin + way * far[..., None]
    inside = (root > 0) & (at[..., 1] >= heights[0]) & (at[..., 1] <= heights[1])
    if not inside.any():
        return
    normal = np.stack(
        [(at[..., 0] - centre[0]) / radius, 0 * far, (at[..., 2] - centre[1]) / radius],
        -1,
    )
    hits.keep(far, normal.astype(np.float32), np.array(colour, np.float32), 0, inside)
    lid = (heights[1] - origin[..., 1]) / way[..., 1]
    at = origin + way * lid[..., None]
    on_lid = (at[..., 0] - centre[0]) ** 2 + (at[..., 2] - centre[1]) ** 2 <= radius**2
    hits.keep(
        lid,
        np.array([0, 1, 0]),
        np.array(colour, np.float32),
        0,
        on_lid & (way[..., 1] < 0),
    )


def _sphere(hits, origin, way, centre, radius, colour, glow=0.0) -> None:
    from_centre = origin - np.array(centre, np.float32)
    a = (way**2).sum(-1)
    b = (from_centre * way).sum(-1)
    root = b**2 - a * ((from_centre**2).sum(-1) - radius**2)
    inside = root > 0
    if not inside.any():
        return
    far = (-b - np.sqrt(np.maximum(root, 0))) / a
    normal = (from_centre + way * far[..., None]) / radius
    hits.keep(far, normal.astype(np.float32), np.array(colour, np.float32), glow, inside)


def _box(hits, origin, way, low, high, colour, front=None, glow=0.0) -> None:
    with np.errstate(divide="ignore", invalid="ignore"):
        first = (np.array(low, np.float32) - origin) / way
        last = (np.array(high, np.float32) - origin) / way
    enter = np.minimum(first, last)
    near = enter.max(-1)
    inside = (near <= np.maximum(first, last).min(-1)) & (near > 0)
    if not inside.any():
        return
    axis = enter.argmax(-1)
    normal = -np.eye(3, dtype=np.float32)[axis] * np.sign(
        np.take_along_axis(way, axis[..., None], -1)
    )
    hits.keep(near, normal, np.array(colour, np.float32), 0, inside)
    if front is not None:
        at = origin + way * near[..., None]
        paint = front.at(at[..., 0] - low[0], at[..., 1] - low[1])
        hits.keep(
            near - 1e-4,
            np.array([0, 0, -1]),
            paint,
            glow,
            inside & (axis == 2) & (way[..., 2] > 0),
        )


# --- light --------------------------------------------------------------------------------------


def _crevice(points: np.ndarray) -> np.ndarray:
    """Darken the floor and walls where furniture and walls keep the sky's light off."""
    x, y, z = np.moveaxis(points, -1, 0)
    dim = 1 - 0.30 * np.exp(-(HALF_WIDTH - np.abs(x)) / 0.8) - 0.22 * np.exp(-(BACK - z) / 1.2)
    low = np.exp(-np.maximum(y, 0) / 0.5)
    for px, pz in PILLARS:
        away = np.hypot(x - px, z - pz) - PILLAR_RADIUS * 1.28
        dim = dim * (1 - 0.45 * low * np.exp(-np.maximum(away, 0) / 0.35))
    for left, right, front, rear in (
        (-5.3, -2.7, 19.2, 21.2),
        (3.9, 5.9, 17.2, 17.8),
        (3.9, 5.9, 22.2, 22.8),
        (-4.0, -2.0, 13.9, 14.5),
    ):
        away = np.hypot(
            np.maximum(np.maximum(left - x, x - right), 0),
            np.maximum(np.maximum(front - z, z - rear), 0),
        )
        dim = dim * (1 - 0.42 * low * np.exp(-away / 0.3))
    for px, pz, radius in (
        (2.7, 16.5, 0.26),
        (-2.2, 22.5, 0.26),
        (4.9, 15.4, 0.34),
        (4.9, 20.4, 0.34),
    ):
        away = np.maximum(np.hypot(x - px, z - pz) - radius, 0)
        dim = dim * (1 - 0.45 * low * np.exp(-away / 0.2))
    return np.clip(dim, 0, 1)


def shade(hall: Hall, hits: Hits, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Light the surfaces; gives the picture in the sun, and as it is where the sun is blocked."""
    up, toward_window = hits.normal[..., 1], hits.normal[..., 2]
    sky = 0.86 + 0.14 * up + 0.16 * toward_window
    sky = sky * _crevice(points) * (0.84 + 0.16 * np.clip(points[..., 2] / BACK, 0, 1))
    dark = hits.colour * sky[..., None] * SKYLIGHT
    facing = np.maximum((hits.normal * TO_SUN).sum(-1), 0)
    sun = (hall.sun(points) * facing * 2.1)[..., None] * SUNLIGHT * hits.colour
    glow = hits.glow[..., None]
    dark = dark * (1 - glow) + hits.colour * glow * 1.02
    thick = (1 - np.exp(-np.maximum(points[..., 2], 0) / 110))[..., None]
    return (dark + sun) * (1 - thick) + HAZE * thick, dark * (1 - thick) + HAZE * thick


@dataclass(frozen=True)
class Backdrop:
    """The empty hall, supersampled: in the sun and out of it, how deep, and where the floor is."""

    lit: np.ndarray
    dark: np.ndarray
    depth: np.ndarray
    floor: np.ndarray


def draw_hall(hall: Hall) -> Backdrop:
    """Trace the empty hall once; people are put into it frame by frame."""
    rows, columns = HEIGHT * SUPERSAMPLING, WIDTH * SUPERSAMPLING
    lit, dark, mirror = (np.zeros((rows, columns, 3), np.float32) for _ in range(3))
    depth, gloss = (
        np.zeros((rows, columns), np.float32),
        np.zeros((rows, columns), np.float32),
    )
    for top in range(0, rows, 90):
        strip = slice(top, top + 90)
        way = rays(strip)
        hits = hall.trace(np.broadcast_to(EYE, way.shape), way)
        points = EYE + way * hits.distance[..., None]
        lit[strip], dark[strip] = shade(hall, hits, points)
        depth[strip] = hits.distance
        on_floor = (hits.normal[..., 1] > 0.5) & (points[..., 1] < 0.01)
        if on_floor.any():
            start = points[on_floor]
            bounced = way[on_floor] * np.array([1, -1, 1], np.float32)
            seen = hall.trace(start, bounced, floor=False)
            colour, _ = shade(hall, seen, start + bounced * seen.distance[..., None])
            steep = -way[on_floor][:, 1] / np.linalg.norm(way[on_floor], axis=-1)
            part = mirror[strip]
            part[on_floor] = colour
            share = gloss[strip]
            share[on_floor] = 0.05 + 0.60 * (1 - steep) ** 6
    mirror = _blur(mirror, 3.0 * SUPERSAMPLING)
    for picture in (lit, dark):
        picture += gloss[..., None] * (mirror - picture * 0.55)
    return Backdrop(lit, dark, depth, gloss > 0)


def _blur(picture: np.ndarray, sigma: float) -> np.ndarray:
    image = Image.fromarray((np.clip(picture, 0, 1.25) / 1.25 * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(sigma)), np.float32) / 255 * 1.25


def develop(picture: np.ndarray) -> Image.Image:
    """Turn light into pixels: a soft shoulder, gamma left alone, supersamples averaged."""
    over = np.maximum(picture - 0.8, 0)
    soft = np.minimum(picture, 0.8) + 0.2 * (1 - np.exp(-over / 0.2))
    image = Image.fromarray((np.clip(soft, 0, 1) * 255 + 0.5).astype(np.uint8))
    return image.reduce(SUPERSAMPLING)
