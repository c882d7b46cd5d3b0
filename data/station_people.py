"""The people of the station: who walks where, how they move, and how they look.

A person is a handful of tapered limbs in metres, walked through the hall and painted into the
picture limb by limb, far ones first, each shaded towards the windows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from station_hall import (
    FOCAL,
    HEIGHT,
    SUPERSAMPLING,
    TO_SUN,
    WIDTH,
    Backdrop,
    Hall,
    project,
)

FPS = 25.0
# How a limb is shaded: share of its thickness, shift towards the light, brightness.
LAYERS = (
    (1.0, 0.0, 0.54),
    (0.93, 0.05, 0.66),
    (0.80, 0.14, 0.80),
    (0.62, 0.26, 0.94),
    (0.40, 0.42, 1.06),
    (0.20, 0.60, 1.18),
)


@dataclass(frozen=True)
class Look:
    """What somebody wears and carries; colours as shares of red, green and blue."""

    top: tuple[float, float, float]
    trousers: tuple[float, float, float]
    skin: tuple[float, float, float] = (0.80, 0.60, 0.48)
    hair: tuple[float, float, float] = (0.20, 0.14, 0.10)
    shoes: tuple[float, float, float] = (0.15, 0.13, 0.13)
    coat: bool = False  # reaches the knees
    skirt: bool = False
    stripes: tuple[float, float, float] | None = None
    bag: str = ""  # "rucksack", "shoulder", "case"
    bag_colour: tuple[float, float, float] = (0.35, 0.24, 0.16)
    hat: tuple[float, float, float] | None = None
    long_hair: bool = False
    scarf: tuple[float, float, float] | None = None
    build: float = 1.0


@dataclass(frozen=True)
class Person:
    """Somebody on a straight or bent way through the hall."""

    name: int
    look: Look
    tall: float
    way: list[tuple[float, float, float]]  # (video frame, x, z): where they are when
    phase: float = 0.0
    still: bool = False
    facing: float = field(default=0.0)  # of one who stands: radians from looking right

    def at(self, frame: float) -> np.ndarray:
        """Where the feet are, in metres."""
        when, x, z = np.array(self.way, float).T
        if frame < when[0]:  # they came the way they go on
            share = (frame - when[0]) / (when[1] - when[0])
            return np.array([x[0] + (x[1] - x[0]) * share, 0.0, z[0] + (z[1] - z[0]) * share])
        return np.array([np.interp(frame, when, x), 0.0, np.interp(frame, when, z)])


@dataclass(frozen=True)
class Limb:
    """A tapered rod from one joint to another."""

    start: np.ndarray
    end: np.ndarray
    thick: tuple[float, float]  # radius at either end, metres
    colour: tuple[float, float, float]
    stripes: tuple[float, float, float] | None = None


def body(person: Person, frame: float) -> list[list[Limb]]:
    """The body at a moment: groups of limbs that run into each other, far ones first."""
    here, soon = person.at(frame), person.at(frame + 0.5)
    step = soon - here
    speed = float(np.linalg.norm(step)) * 2 * FPS
    heading = person.facing if person.still else float(np.arctan2(step[2], step[0]))
    ahead = np.array([np.cos(heading), 0.0, np.sin(heading)])
    aside = np.array([-np.sin(heading), 0.0, np.cos(heading)])
    tall, look, build = person.tall, person.look, person.look.build
    stride = 0.0 if person.still else np.clip(speed / 1.35, 0.5, 1.25)
    turn = person.phase + 2 * np.pi * (0.92 * max(speed, 0.8) / 1.35) * frame / FPS
    bob = 0.018 * stride * np.cos(2 * turn)

    def at(forward: float, up: float, side: float) -> np.ndarray:
        return here + ahead * forward * tall + aside * side * tall + np.array([0, up * tall, 0])

    hips, chest, neck = (
        at(0.0, 0.52 + bob, 0),
        at(0.012, 0.77 + bob, 0),
        at(0.018, 0.835 + bob, 0),
    )

    def leg(side: float, angle: float) -> list[Limb]:
        swing = 0.40 * stride * np.sin(angle)
        bend = 0.16 * stride * max(0.0, np.cos(angle)) + 0.03
        lift = 0.035 * stride * max(0.0, np.cos(angle))
        hip = at(0.0, 0.50 + bob, side)
        knee = at(0.25 * np.sin(swing) + bend * 0.42, 0.27 + lift * 0.8, side * 0.9)
        ankle = at(0.50 * np.sin(swing) - bend * 0.10, 0.045 + lift, side * 0.85)
        toe = ankle + ahead * 0.085 * tall + np.array([0, -0.02 * tall - lift * 0.25, 0])
        colour = look.skin if look.skirt else look.trousers
        return [
            Limb(hip, knee, (0.054 * tall * build, 0.038 * tall), colour),
            Limb(knee, ankle, (0.038 * tall, 0.027 * tall), colour),
            Limb(
                ankle + np.array([0, -0.008, 0]),
                toe,
                (0.026 * tall, 0.021 * tall),
                look.shoes,
            ),
        ]

    def arm(side: float, angle: float) -> list[Limb]:
        swing = 0.34 * stride * np.sin(angle)
        shoulder = at(0.012, 0.80 + bob, side)
        elbow = at(0.012 + 0.17 * np.sin(swing), 0.80 - 0.165 + bob, side * 1.12)
        hand = at(0.035 + 0.31 * np.sin(swing + 0.12), 0.80 - 0.31 + bob, side * 1.08)
        return [
            Limb(
                shoulder,
                elbow,
                (0.036 * tall * build, 0.029 * tall),
                look.top,
                look.stripes,
            ),
            Limb(elbow, hand, (0.029 * tall, 0.021 * tall), look.top, look.stripes),
            Limb(
                hand,
                hand + np.array([0, -0.03 * tall, 0]),
                (0.022 * tall,) * 2,
                look.skin,
            ),
        ]

    def torso() -> list[Limb]:
        wide = 0.078 * tall * build
        across = [
            Limb(
                hips + aside * s * 0.035 * tall,
                chest + aside * s * 0.050 * tall,
                (wide * 0.92, wide * 0.92),
                look.top,
                look.stripes,
            )
            for s in (1, 0, -1)
        ]
        below = []
        if look.coat or look.skirt:
            hem = 0.30 if look.coat else 0.33
            colour = look.top if look.coat else look.trousers
            drift = 0.05 * stride * np.sin(turn)
            below = [
                Limb(
                    hips + aside * s * 0.035 * tall,
                    at(drift * s * 0.4, hem, 0) + aside * s * 0.05 * tall,
                    (wide * 0.98, wide * 1.12),
                    colour,
                )
                for s in (1, 0, -1)
            ]
        return below + across

    def head(toward_us: bool) -> list[list[Limb]]:
        up = np.array([0.0, tall, 0.0])
        low, high = at(0.030, 0.893 + bob, 0), at(0.030, 0.930 + bob, 0)
        throat = [
            Limb(
                chest + 0.03 * up,
                neck + 0.03 * up,
                (0.034 * tall, 0.030 * tall),
                look.skin,
            )
        ]
        face = [Limb(low, high, (0.042 * tall, 0.052 * tall), look.skin)]
        crown, nape = at(0.008, 0.950 + bob, 0), at(-0.018, 0.905 + bob, 0)
        hair = [Limb(nape, crown, (0.042 * tall, 0.054 * tall), look.hair)]
        if look.long_hair:
            ends = at(-0.035, 0.80 + bob, 0)
            hair.append(Limb(nape, ends, (0.047 * tall, 0.036 * tall), look.hair))
        fringe = [
            Limb(
                crown,
                at(0.040, 0.968 + bob, 0),
                (0.046 * tall, 0.030 * tall),
                look.hair,
            )
        ]
        groups = [hair, throat, face, fringe] if toward_us else [throat, face, hair]
        if look.hat:
            brim = [
                Limb(
                    at(-0.03, 0.955 + bob, 0),
                    at(0.09, 0.948 + bob, 0),
                    (0.05 * tall, 0.02 * tall),
                    look.hat,
                )
            ]
            dome = [
                Limb(
                    nape + 0.05 * up,
                    crown + 0.02 * up,
                    (0.048 * tall, 0.050 * tall),
                    look.hat,
                )
            ]
            groups += [dome, brim]
        if look.scarf:
            ends = at(-0.02, 0.842 + bob, 0), at(0.045, 0.836 + bob, 0)
            groups.insert(
                -1 if toward_us else 1,
                [Limb(*ends, (0.042 * tall, 0.04 * tall), look.scarf)],
            )
        return groups

    def bag(side: float) -> list[Limb]:
        if look.bag == "rucksack":
            return [
                Limb(
                    at(-0.085, 0.60 + bob, 0),
                    at(-0.075, 0.77 + bob, 0),
                    (0.066 * tall, 0.056 * tall),
                    look.bag_colour,
                ),
                Limb(
                    at(-0.115, 0.61 + bob, 0),
                    at(-0.115, 0.66 + bob, 0),
                    (0.04 * tall, 0.04 * tall),
                    look.bag_colour,
                ),
            ]
        if look.bag == "shoulder":
            sway = 0.02 * stride * np.sin(turn)
            return [
                Limb(
                    at(0.0, 0.80 + bob, side * 0.05),
                    at(sway, 0.56 + bob, side * 0.125),
                    (0.008 * tall,) * 2,
                    look.bag_colour,
                ),
                Limb(
                    at(sway - 0.05, 0.52 + bob, side * 0.13),
                    at(sway + 0.05, 0.52 + bob, side * 0.13),
                    (0.05 * tall,) * 2,
                    look.bag_colour,
                ),
            ]
        if look.bag == "case":
            return [
                Limb(
                    at(-0.10, 0.47, side * 0.11),
                    at(-0.22, 0.34, side * 0.11),
                    (0.007 * tall,) * 2,
                    (0.2, 0.2, 0.22),
                ),
                Limb(
                    at(-0.24, 0.07, side * 0.11),
                    at(-0.20, 0.29, side * 0.11),
                    (0.062 * tall, 0.062 * tall),
                    look.bag_colour,
                ),
            ]
        return []

    # What is on the far side of the body is painted before it, what is on the near side after it.
    near = -1.0 if aside[2] > 0 else 1.0
    toward_us = ahead[2] < -0.3
    leading = turn if near > 0 else turn + np.pi
    far_leg, near_leg = leg(-near * 0.048, leading + np.pi), leg(near * 0.048, leading)
    far_arm = arm(-near * 0.118 * build, leading)
    near_arm = arm(near * 0.118 * build, leading + np.pi)
    rucksack = bag(near) if look.bag == "rucksack" else []
    groups = [
        bag(-near) if look.bag == "case" else [],
        rucksack if toward_us else [],
        far_arm[:2],
        far_arm[2:],
        *([part] for part in far_leg[2:]),
        far_leg[:2],
        near_leg[2:],
        near_leg[:2],
        torso(),
        [] if toward_us else rucksack,
        *head(toward_us),
        near_arm[2:],
        near_arm[:2],
        bag(near) if look.bag == "shoulder" else [],
    ]
    return [group for group in groups if group]


@dataclass
class Painted:
    """Somebody painted alone: colours and cover of a part of the supersampled picture."""

    left: int
    top: int
    colour: np.ndarray
    cover: np.ndarray
    depth: float


def _rod(pen: ImageDraw.ImageDraw, a, b, ra: float, rb: float, fill) -> None:
    """Fill a tapered rod with round ends."""
    along = np.subtract(b, a)
    length = float(np.hypot(*along))
    if length > 1e-6:
        side = np.array([-along[1], along[0]]) / length
        corners = [a + side * ra, b + side * rb, b - side * rb, a - side * ra]
        pen.polygon([tuple(c) for c in corners], fill=fill)
    for centre, radius in ((a, ra), (b, rb)):
        pen.ellipse([*(centre - radius), *(centre + radius)], fill=fill)


def paint(person: Person, frame: float) -> Painted:
    """Paint somebody as if nobody else were there."""
    groups = body(person, frame)
    joints = np.array([[part.start, part.end] for group in groups for part in group])
    places, depths = project(joints)
    radii = np.array([part.thick for group in groups for part in group]) * FOCAL / depths
    reach = radii.max() + 4
    left, top = np.floor(places.min(axis=(0, 1)) - reach).astype(int)
    right, bottom = np.ceil(places.max(axis=(0, 1)) + reach).astype(int)
    size = (int(right - left), int(bottom - top))
    picture = Image.new("RGB", size)
    cover = Image.new("L", size)
    pen, mask = ImageDraw.Draw(picture), ImageDraw.Draw(cover)
    flat = list(zip(places - [left, top], radii, strict=True))
    for group in groups:
        drawn, flat = flat[: len(group)], flat[len(group) :]
        for (a, b), thick in drawn:
            _rod(mask, a, b, *thick, fill=255)
        _shaded(pen, group, drawn)
    colour = np.asarray(picture, np.float32) / 200  # headroom for the rim
    grain = np.random.default_rng(person.name).normal(1, 0.045, (64, 64)).astype(np.float32)
    rows, columns = np.ogrid[: size[1], : size[0]]
    colour = colour * grain[(rows // 3) % 64, (columns // 3) % 64][..., None]
    soft = np.asarray(cover.filter(ImageFilter.GaussianBlur(0.8)), np.float32) / 255
    return Painted(int(left), int(top), colour, soft, float(project(person.at(frame)[None])[1][0]))


def _shaded(pen: ImageDraw.ImageDraw, group: list[Limb], drawn) -> None:
    """Paint limbs as one body, from their dark edge to the light on the side of the windows."""
    toward = np.array([0.80, -0.45])  # the sun stands behind, to the right and above
    for share, shift, tone in LAYERS:
        for part, ((a, b), thick) in zip(group, drawn, strict=True):
            move = toward * shift * thick.mean()
            fill = _tone(part.colour, tone)
            _rod(pen, a + move, b + move, thick[0] * share, thick[1] * share, fill)
            if part.stripes and share > 0.5:
                _bands(pen, part, a + move, b + move, thick * share, tone)


def _bands(pen: ImageDraw.ImageDraw, part: Limb, a, b, thick, tone: float) -> None:
    for at in np.arange(0.08, 1.0, 0.22):
        low, high = a + (b - a) * at, a + (b - a) * (at + 0.09)
        radius = thick[0] + (thick[1] - thick[0]) * at
        along = np.subtract(b, a) / max(float(np.hypot(*(b - a))), 1e-6)
        side = np.array([-along[1], along[0]]) * radius * 0.99
        corners = [low + side, high + side, high - side, low - side]
        pen.polygon([tuple(c) for c in corners], fill=_tone(part.stripes, tone))


def _tone(colour, tone: float) -> tuple[int, int, int]:
    return tuple(int(np.clip(c * tone * 200, 0, 255)) for c in colour)


def shadow(person: Person, frame: float) -> tuple[int, int, np.ndarray]:
    """Where somebody keeps the sun off the floor: place and strength in the picture."""
    rods = []
    for part in (limb for group in body(person, frame) for limb in group):
        ends = np.array([part.start, part.end])
        on_floor = ends - TO_SUN * (ends[:, 1:2] / TO_SUN[1])
        on_floor[:, 2] = np.maximum(on_floor[:, 2], 4.2)
        places, depths = project(on_floor)
        radii = np.array(part.thick) * FOCAL / depths * 0.8
        rods.append((places, radii))
    corners = np.concatenate([p for p, _ in rods])
    feet, depth = project(person.at(frame)[None])
    spread = float(person.tall * 0.16 * FOCAL / depth[0])
    reach = max(r.max() for _, r in rods) + 2 * spread
    left, top = np.floor(corners.min(0) - reach).astype(int)
    right, bottom = np.ceil(corners.max(0) + reach).astype(int)
    right, bottom = (
        min(right, WIDTH * SUPERSAMPLING + 200),
        min(bottom, HEIGHT * SUPERSAMPLING + 200),
    )
    left, top = max(left, -200), max(top, 0)
    mask = Image.new("L", (max(int(right - left), 1), max(int(bottom - top), 1)))
    pen = ImageDraw.Draw(mask)
    for places, radii in rods:
        _rod(pen, places[0] - [left, top], places[1] - [left, top], *radii, fill=235)
    contact = Image.new("L", mask.size)
    middle = feet[0] - [left, top]
    box = [*(middle - [spread, spread * 0.34]), *(middle + [spread, spread * 0.34])]
    ImageDraw.Draw(contact).ellipse(box, fill=255)
    sharp = np.asarray(mask.filter(ImageFilter.GaussianBlur(5)), np.float32) / 255
    under = (
        np.asarray(contact.filter(ImageFilter.GaussianBlur(float(spread) * 0.3)), np.float32) / 255
    )
    return int(left), int(top), np.stack([sharp, under], -1)


def compose(
    hall: Hall, backdrop: Backdrop, people: list[Person], frame: float
) -> tuple[np.ndarray, dict[int, float]]:
    """Put the people of a moment into the hall, far ones first.

    Gives the light of the supersampled picture, and for each person the share that can be seen.
    """
    size = backdrop.depth.shape
    sun, under = np.ones(size, np.float32), np.ones(size, np.float32)
    for person in people:
        left, top, dark = shadow(person, frame)
        part, piece = _overlap(left, top, dark.shape[:2], size)
        sun[part] *= 1 - dark[piece][..., 0] * backdrop.floor[part]
        under[part] *= 1 - 0.55 * dark[piece][..., 1] * backdrop.floor[part]
    picture = backdrop.dark + (backdrop.lit - backdrop.dark) * sun[..., None]
    picture *= under[..., None]
    owner = np.zeros(size, np.int16)
    figures = {person.name: paint(person, frame) for person in people}
    for person in sorted(people, key=lambda one: -figures[one.name].depth):
        figure = figures[person.name]
        part, piece = _overlap(figure.left, figure.top, figure.cover.shape, size)
        cover = figure.cover[piece] * (backdrop.depth[part] > figure.depth - 0.25)
        haze = 1 - np.exp(-figure.depth / 110)
        sunlit = _sunlit(hall, person, frame)
        colour = figure.colour[piece] * (0.74 + 0.34 * sunlit) * (1 - haze) + 0.9 * haze
        picture[part] = picture[part] * (1 - cover[..., None]) + colour * cover[..., None]
        owner[part][cover > 0.5] = person.name
    seen = np.bincount(owner.ravel(), minlength=max(figures) + 1)
    whole = {name: float((figure.cover > 0.5).sum()) for name, figure in figures.items()}
    return picture, {name: min(1.0, float(seen[name]) / whole[name]) for name in figures}


def extent(person: Person, frame: float) -> np.ndarray:
    """Left, top, right and bottom of somebody, in pixels of the finished picture."""
    parts = [part for group in body(person, frame) for part in group]
    places, depths = project(np.array([[part.start, part.end] for part in parts]))
    radii = (np.array([part.thick for part in parts]) * FOCAL / depths)[..., None]
    low, high = (places - radii).min((0, 1)), (places + radii).max((0, 1))
    return np.concatenate([low, high]) / SUPERSAMPLING


def _sunlit(hall: Hall, person: Person, frame: float) -> float:
    points = person.at(frame) + np.array([[0, h * person.tall, 0] for h in (0.3, 0.6, 0.9)])
    return float(hall.sun(points).mean())


def _overlap(left: int, top: int, size: tuple[int, int], whole: tuple[int, int]):
    """Slices of the whole picture and of the piece where they overlap."""
    low, high = max(top, 0), min(top + size[0], whole[0])
    start, stop = max(left, 0), min(left + size[1], whole[1])
    high, stop = max(high, low), max(stop, start)
    return (
        (slice(low, high), slice(start, stop)),
        (slice(low - top, high - top), slice(start - left, stop - left)),
    )
