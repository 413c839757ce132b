"""The nearest rows of an embedding table E to a vector p, in two senses. NumPy only.

    cos(p, e) = ⟨p, e⟩ / (‖p‖·‖e‖)          1: the same direction, whatever the lengths (Lester et al. 2021, section 7)
    ‖p − e‖² = ‖p‖² − 2·⟨p, e⟩ + ‖e‖²       0: the same vector

A long row has no word near it by distance, and still one by direction.
"""

from dataclasses import dataclass

import numpy as np

from peft_core.analysis.spectra.one_thread import numpy_in_one_thread

SPARE = 32  # candidates beyond k: what is ranked in fp32 is computed again in fp64


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For each of n vectors its k nearest rows of a table, the nearest first: both arrays are (n, k).

    `values`: cosines, falling, or distances, rising. Of equal ones the lower id comes first.
    """

    ids: np.ndarray
    values: np.ndarray


def by_cosine(rows: np.ndarray, table: np.ndarray, k: int) -> Neighbours:
    """The k rows of `table` (V, d) with the largest cosine to each of `rows` (n, d). A zero vector has the cosine 0."""
    numpy_in_one_thread()
    rough = (rows @ table.T) / _lengths(table)  # the length of the row itself changes no order

    def exact(row: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        return candidates @ row / (_lengths(candidates) * _lengths(row))

    found = _nearest(-rough, rows, table, k, lambda row, candidates: -exact(row, candidates))
    return Neighbours(found.ids, -found.values)


def by_distance(rows: np.ndarray, table: np.ndarray, k: int) -> Neighbours:
    """The k rows of `table` (V, d) with the smallest Euclidean distance to each of `rows` (n, d)."""
    numpy_in_one_thread()
    rough = (table**2).sum(1) - 2 * (rows @ table.T)  # ‖p‖² changes no order
    return _nearest(rough, rows, table, k, lambda row, candidates: np.linalg.norm(candidates - row, axis=1))


def cosine_by_chance(table: np.ndarray, draws: int = 200, seed: int = 0) -> float:
    """The largest cosine of a uniformly random direction to any row of `table`, on average over `draws` of them."""
    directions = np.random.default_rng(seed).standard_normal((draws, table.shape[1])).astype(table.dtype)
    return float(by_cosine(directions, table, 1).values.mean())


def cosine_between(table: np.ndarray, draws: int = 200, seed: int = 0) -> float:
    """The largest cosine of a row of `table` to another one, on average over `draws` of them."""
    drawn = np.random.default_rng(seed).choice(len(table), min(draws, len(table)), replace=False)
    return float(by_cosine(table[drawn], table, 2).values[:, 1].mean())


def _nearest(rough: np.ndarray, rows: np.ndarray, table: np.ndarray, k: int, exact) -> Neighbours:
    """The k smallest by `exact` among somewhat more candidates, which `rough` (n, V) has found."""
    k = min(k, len(table))
    most = min(k + SPARE, len(table))
    ids, values = np.empty((len(rows), k), np.int64), np.empty((len(rows), k))
    for number, row in enumerate(rows):
        candidates = np.sort(np.argpartition(rough[number], most - 1)[:most])
        found = exact(row.astype(np.float64), table[candidates].astype(np.float64))
        order = np.argsort(found, kind="stable")[:k]
        ids[number], values[number] = candidates[order], found[order]
    return Neighbours(ids, values)


def _lengths(vectors: np.ndarray) -> np.ndarray:
    """The length of each vector; 1 for a zero vector, so that it can be divided by."""
    lengths = np.linalg.norm(vectors, axis=-1)
    return np.where(lengths > 0, lengths, 1)
