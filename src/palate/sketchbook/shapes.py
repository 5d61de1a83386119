"""Points in, points out: the geometry subjects are made of, in three shape languages.

A subject is a list of parts in a box from -1 to 1, y down, standing on y = 1. A part is an outline
of points; the shape language decides how the outline is read: rounded cuts every corner, angular
keeps it and turns curves into facets, wobbly makes it tremble.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # (n, 2)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One filled outline, or one stroke of some width, in the colour of a role."""

    role: str
    points: Points
    width: float | None = None  # None: filled; otherwise an open stroke this wide


def polygon(role: str, *points: tuple[float, float]) -> Part:
    """A filled outline with corners."""
    return Part(role=role, points=np.asarray(points, float))


def box(role: str, x0: float, y0: float, x1: float, y1: float) -> Part:
    """An upright rectangle."""
    return polygon(role, (x0, y0), (x1, y0), (x1, y1), (x0, y1))


def disc(role: str, x: float, y: float, rx: float, ry: float | None = None) -> Part:
    """An ellipse, as many points as its facets when drawn angular."""
    ry = rx if ry is None else ry
    count = 7 if max(rx, ry) > 0.2 else 5
    turn = [2 * pi * (i + 0.5) / count for i in range(count)]
    # The facets lie outside the ellipse, because rounding cuts them back to it.
    return polygon(role, *((x + 1.09 * rx * cos(t), y + 1.09 * ry * sin(t)) for t in turn))


def stroke(role: str, width: float, *points: tuple[float, float]) -> Part:
    """An open line."""
    return Part(role=role, points=np.asarray(points, float), width=width)


def cut_corners(points: Points, rounds: int, closed: bool = True) -> Points:
    """Chaikin's corner cutting: each round replaces a corner by two points a quarter along."""
    for _ in range(rounds):
        ends = points if closed else points[:-1]
        after = np.roll(points, -1, axis=0) if closed else points[1:]
        near, far = 0.75 * ends + 0.25 * after, 0.25 * ends + 0.75 * after
        cut = np.stack([near, far], axis=1).reshape(-1, 2)
        points = cut if closed else np.concatenate([points[:1], cut[1:-1], points[-1:]])
    return points


def eased(points: Points, reach: float = 0.75) -> Points:
    """Stops on long sides, so that rounding a corner reaches no further than half of `reach`."""
    pieces = []
    for a, b in zip(points, np.roll(points, -1, axis=0), strict=True):
        length = float(np.hypot(*(b - a)))
        stops = [0.0] if length < 2 * reach else [0.0, reach / length, 1 - reach / length]
        pieces.append(a + (b - a) * np.array(stops)[:, None])
    return np.concatenate(pieces)


def tremble(points: Points, phase: float, closed: bool = True, reach: float = 0.07) -> Points:
    """Walk the outline in small steps and push each sideways by a slow wave."""
    points = _resample(points, 0.17, closed)
    along = np.arange(len(points))
    wave = np.sin(1.9 * along + phase) + 0.7 * np.sin(0.83 * along + 2.3 * phase)
    size = min(1.0, float(np.ptp(points, axis=0).max()) / 0.7)  # small parts tremble less
    return points + reach * size * wave[:, None] * _sideways(points, closed)


def grown(points: Points, by: float) -> Points:
    """A closed outline pushed out by a distance: what an outline stroke covers."""
    if _area(points) < 0:
        points = points[::-1]
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    a, b = _normals(points - before), _normals(after - points)
    # The corner moves along the bisector; sharp corners are cut off at twice the distance.
    bisector = (a + b) / np.maximum(1 + (a * b).sum(axis=1, keepdims=True), 0.35)
    return points + by * bisector


def ribbon(points: Points, width: float) -> Points:
    """An open line as the closed outline of a stroke, its ends squared off."""
    ahead = _normals(np.array([points[1] - points[0], points[-1] - points[-2]]))
    ends = np.array([[ahead[0, 1], -ahead[0, 0]], [-ahead[1, 1], ahead[1, 0]]]) * width / 3
    points = np.concatenate([points[:1] + ends[0], points[1:-1], points[-1:] + ends[1]])
    side = 0.5 * width * _sideways(points, closed=False)
    return np.concatenate([points + side, (points - side)[::-1]])


def in_language(part: Part, shape: str, phase: float) -> Points:
    """The closed outline of a part as one shape language draws it."""
    closed = part.width is None
    points = part.points
    if shape == "rounded":
        points = eased(points) if closed else cut_corners(points, 2, closed)
    elif shape == "wobbly":
        points = tremble(points, phase, closed)
    return points if part.width is None else ribbon(points, part.width)


def _resample(points: Points, step: float, closed: bool) -> Points:
    """Points along the outline about `step` apart, corners kept."""
    ends = np.concatenate([points, points[:1]]) if closed else points
    pieces = []
    for a, b in pairwise(ends):
        count = max(1, round(float(np.hypot(*(b - a))) / step))
        pieces.append(a + (b - a) * np.arange(count)[:, None] / count)
    return np.concatenate(pieces if closed else [*pieces, points[-1:]])


def _sideways(points: Points, closed: bool) -> Points:
    """The unit normal at every point, from its neighbours."""
    if closed:
        return _normals(np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0))
    return _normals(np.gradient(points, axis=0))


def _normals(along: Points) -> Points:
    """Unit vectors a quarter turn from `along`, outward for an outline that runs clockwise."""
    turned = np.stack([along[:, 1], -along[:, 0]], axis=1)
    return turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)


def _area(points: Points) -> float:
    """Twice the signed area; positive when the outline runs clockwise on screen (y down)."""
    after = np.roll(points, -1, axis=0)
    return float((points[:, 0] * after[:, 1] - after[:, 0] * points[:, 1]).sum())
