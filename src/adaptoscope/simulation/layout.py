"""Where the invented nuclei lie and what each of them is like, before anything is drawn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptoscope.simulation.settings import SimulationSettings

# Tries to find a free place; a nucleus without one is left out.
ATTEMPTS_PER_NUCLEUS = 12


@dataclass(frozen=True)
class NucleusTable:
    """The nuclei of one field, one entry each; lengths are in pixels, angles in radians.

    Attributes
    ----------
    centres
        (row, column), shape (N, 2); they may lie outside the canvas.
    semi_axes
        Long and short semi-axis, shape (N, 2).
    angles
        Direction of the long axis, shape (N,).
    brightness
        Relative to a typical nucleus, shape (N,).
    mitotic
        True for dividing or shrinking cells, shape (N,).
    defocus
        Standard deviation of the extra blur of the nucleus, shape (N,).
    """

    centres: NDArray[np.float64]
    semi_axes: NDArray[np.float64]
    angles: NDArray[np.float64]
    brightness: NDArray[np.float64]
    mitotic: NDArray[np.bool_]
    defocus: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of nuclei."""
        return len(self.angles)


def place_nuclei(
    settings: SimulationSettings, rng: np.random.Generator, *, density_factor: float = 1.0
) -> NucleusTable:
    """Draw the nuclei of one field, in the order in which they settle; fewer where they do not fit.

    Nuclei also lie around the canvas, so that the border cuts through some as in a real field.
    """
    margin = 0.75 * settings.cell_diameter_px
    area = (settings.height + 2 * margin) * (settings.width + 2 * margin)
    wanted = _draw_number(settings, area * density_factor, rng)
    kinds = _draw_kinds(settings, wanted, rng)
    centres, kept = _settle(settings, np.sqrt(kinds.semi_axes.prod(axis=1)), margin, rng)
    return NucleusTable(
        centres=centres,
        semi_axes=kinds.semi_axes[kept],
        angles=kinds.angles[kept],
        brightness=kinds.brightness[kept],
        mitotic=kinds.mitotic[kept],
        defocus=kinds.defocus[kept],
    )


@dataclass(frozen=True)
class NucleusPlaces:
    """Where nuclei lie and how large they are, from elsewhere: the layout of a drawing.

    As in `NucleusTable`; angles go from the direction of rising columns towards rising rows.
    """

    centres: NDArray[np.float64]
    semi_axes: NDArray[np.float64]
    angles: NDArray[np.float64]


def nuclei_at(
    settings: SimulationSettings, places: NucleusPlaces, rng: np.random.Generator
) -> NucleusTable:
    """Draw what the nuclei of a given layout are like, in its order: brightness and focus.

    None of them is dividing, since such nuclei have sizes of their own.
    """
    kinds = _draw_kinds(settings.changed(mitotic_fraction=0.0), len(places.angles), rng)
    return NucleusTable(
        centres=places.centres,
        semi_axes=places.semi_axes,
        angles=places.angles,
        brightness=kinds.brightness,
        mitotic=kinds.mitotic,
        defocus=kinds.defocus,
    )


def _draw_number(settings: SimulationSettings, area: float, rng: np.random.Generator) -> int:
    spread = settings.density_spread
    field_factor = np.exp(spread * rng.standard_normal() - spread**2 / 2)
    capacity = 1.2 * area / (np.pi / 4 * settings.cell_diameter_px**2)
    expected = settings.cells_per_mpx * 1e-6 * area * field_factor
    return int(rng.poisson(min(expected, capacity)))


def _draw_kinds(
    settings: SimulationSettings, number: int, rng: np.random.Generator
) -> NucleusTable:
    spread = settings.diameter_spread
    diameters = settings.cell_diameter_px * np.exp(
        np.clip(spread * rng.standard_normal(number), -2.5 * spread, 2.5 * spread)
    )
    aspects = rng.uniform(settings.smallest_aspect, 1.0, number)
    brightness = np.exp(settings.brightness_spread * rng.standard_normal(number))
    mitotic = rng.random(number) < settings.mitotic_fraction
    diameters[mitotic] *= rng.uniform(0.55, 0.85, int(mitotic.sum()))
    aspects[mitotic] = rng.uniform(0.35, 1.0, int(mitotic.sum()))
    brightness[mitotic] *= rng.uniform(1.5, 3.0, int(mitotic.sum()))
    out_of_focus = rng.random(number) < settings.defocus_fraction
    semi_axes = diameters[:, None] / 2 * np.sqrt(np.stack([1 / aspects, aspects], axis=1))
    return NucleusTable(
        centres=np.zeros((number, 2)),
        semi_axes=semi_axes,
        angles=rng.uniform(0, np.pi, number),
        brightness=brightness,
        mitotic=mitotic,
        defocus=np.where(out_of_focus, rng.uniform(0.2, 1, number) * settings.defocus_px, 0.0),
    )


def _settle(
    settings: SimulationSettings,
    radii: NDArray[np.float64],
    margin: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Find a free place for each nucleus; return the places and the indices of those that fit."""
    low = -margin
    high = np.array([settings.height - 1 + margin, settings.width - 1 + margin])
    centres = np.empty((len(radii), 2))
    kept = np.empty(len(radii), dtype=np.int64)
    placed = 0
    for index, radius in enumerate(radii):
        joins = placed > 0 and rng.random() < settings.clustered_fraction
        others = radii[kept[:placed]]
        for _ in range(ATTEMPTS_PER_NUCLEUS):
            if joins:
                centre = _beside(centres[:placed], others, radius, settings.closeness, rng)
            else:
                centre = rng.uniform(low, high)
            if np.any(centre < low) or np.any(centre > high):
                continue
            distance = np.hypot(*(centres[:placed] - centre).T)
            if np.all(distance >= settings.closeness * 0.999 * (others + radius)):
                centres[placed], kept[placed] = centre, index
                placed += 1
                break
    return centres[:placed].copy(), kept[:placed].copy()


def _beside(
    centres: NDArray[np.float64],
    radii: NDArray[np.float64],
    radius: float,
    closeness: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    neighbour = rng.integers(len(centres))
    angle = rng.uniform(0, 2 * np.pi)
    reach = closeness * (1 + rng.exponential(0.2)) * (radii[neighbour] + radius)
    beside: NDArray[np.float64] = centres[neighbour] + reach * np.array(
        [np.sin(angle), np.cos(angle)]
    )
    return beside
