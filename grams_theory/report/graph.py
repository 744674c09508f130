"""The claim graph as a drawing: layers by dependence, foundations on top."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

NODE_WIDTH, NODE_HEIGHT = 228, 34
GAP_X, GAP_Y = 18, 54
PER_ROW = 4
SWEEPS = 4


@dataclass(frozen=True)
class Edge:
    """`tail` uses, argues from, or amends `head`."""

    tail: str
    head: str
    kind: str


@dataclass(frozen=True)
class Node:
    id: str
    x: float
    y: float


@dataclass(frozen=True)
class Curve:
    edge: Edge
    path: str


@dataclass(frozen=True)
class Drawing:
    width: float
    height: float
    nodes: tuple[Node, ...]
    curves: tuple[Curve, ...]


def draw(ids: Sequence[str], edges: Iterable[Edge]) -> Drawing:
    """Place the claims: every edge points upward, from a claim to one that it rests on. Cycles are cut."""
    edges = tuple(edge for edge in edges if edge.tail in ids and edge.head in ids)
    rows = _rows(ids, edges)
    widest = max((len(row) for row in rows), default=0)
    width = widest * (NODE_WIDTH + GAP_X) - GAP_X
    nodes = {}
    for level, row in enumerate(rows):
        left = (width - (len(row) * (NODE_WIDTH + GAP_X) - GAP_X)) / 2
        for position, name in enumerate(row):
            nodes[name] = Node(name, left + position * (NODE_WIDTH + GAP_X), level * (NODE_HEIGHT + GAP_Y))
    height = len(rows) * (NODE_HEIGHT + GAP_Y) - GAP_Y
    curves = tuple(Curve(edge, _curve(nodes[edge.tail], nodes[edge.head])) for edge in edges)
    return Drawing(max(width, 0), max(height, 0), tuple(nodes.values()), curves)


def _rows(ids: Sequence[str], edges: Sequence[Edge]) -> list[list[str]]:
    """Names by row: the connected claims by rank, then those that stand alone."""
    linked = {name for edge in edges for name in (edge.tail, edge.head)}
    layers = _layers([name for name in ids if name in linked], edges)
    alone = [name for name in ids if name not in linked]
    return [row for layer in (*layers, alone) for row in _split(layer)]


def _layers(ids: Sequence[str], edges: Sequence[Edge]) -> list[list[str]]:
    """Names by rank, ordered so that claims stand near those that they are linked to."""
    ranks = _ranks(ids, edges)
    layers = [
        [name for name in ids if ranks[name] == rank] for rank in range(max(ranks.values(), default=-1) + 1)
    ]
    neighbours: dict[str, list[str]] = {name: [] for name in ids}
    for edge in edges:
        neighbours[edge.tail].append(edge.head)
        neighbours[edge.head].append(edge.tail)
    for _ in range(SWEEPS):
        place = {name: (i + 0.5) / len(layer) for layer in layers for i, name in enumerate(layer)}
        for layer in layers:
            layer.sort(key=lambda name: _mean([place[n] for n in neighbours[name]], place[name]))
    return layers


def _split(layer: list[str]) -> list[list[str]]:
    """Rows of at most PER_ROW names, as even as can be."""
    rows = -(-len(layer) // PER_ROW)
    return [layer[i * len(layer) // rows : (i + 1) * len(layer) // rows] for i in range(rows)]


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _ranks(ids: Sequence[str], edges: Sequence[Edge]) -> Mapping[str, int]:
    heads: dict[str, list[str]] = {name: [] for name in ids}
    for edge in edges:
        heads[edge.tail].append(edge.head)
    ranks: dict[str, int] = {}

    def rank(name: str, path: frozenset[str]) -> int:
        if name not in ranks:
            below = [rank(head, path | {name}) + 1 for head in heads[name] if head not in path | {name}]
            ranks[name] = max(below, default=0)
        return ranks[name]

    for name in ids:
        rank(name, frozenset())
    return ranks


def _curve(tail: Node, head: Node) -> str:
    """From the top of the dependent node to the bottom of the one that it rests on."""
    x0, y0 = tail.x + NODE_WIDTH / 2, tail.y
    x1, y1 = head.x + NODE_WIDTH / 2, head.y + NODE_HEIGHT
    if tail.y <= head.y:  # same row after wrapping or a cut cycle: go around above
        y0, y1 = tail.y, head.y
        bend = min(y0, y1) - GAP_Y * 0.7
        return f"M{x0:.0f},{y0:.0f} C{x0:.0f},{bend:.0f} {x1:.0f},{bend:.0f} {x1:.0f},{y1:.0f}"
    middle = (y0 + y1) / 2
    return f"M{x0:.0f},{y0:.0f} C{x0:.0f},{middle:.0f} {x1:.0f},{middle:.0f} {x1:.0f},{y1:.0f}"
