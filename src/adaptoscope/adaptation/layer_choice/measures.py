"""What can be said of an adapted network without one stain of the target: measures of its outputs.

Outputs are arrays of shape (N, S, H, W) in [-1, 1]: N fields, S stains.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mode

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from adaptoscope.adaptation.layer_choice.settings import LOOKED_AT
from adaptoscope.metrics.correlation import pearson
from adaptoscope.metrics.two_sample import two_sample_auc
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import prepare_pixels
from adaptoscope.translation.predict import run_network
from adaptoscope.translation.trained_model import StainModel

Outputs = NDArray[np.float32]
# Sides of the patches whose levels are compared, and the levels, from background to bright cells.
_PATCH = 64
_PERCENTILES = (5, 25, 50, 75, 95, 99)


def choose_fields(fields: Sequence[Field], number: int = LOOKED_AT) -> list[Field]:
    """Return at most `number` fields of the commonest size; their outputs can be stacked."""
    shape = mode(field.shape for field in fields)
    return [field for field in fields if field.shape == shape][:number]


def predict_outputs(model: StainModel, fields: Sequence[Field]) -> Outputs:
    """Predict fields of one size, as the network says it."""
    return np.stack([run_network(model.run, _prepare(model, field)) for field in fields])


def augmentation_consistency(model: StainModel, fields: Sequence[Field]) -> float:
    """Return how well a network agrees with itself on turned and mirrored images.

    Mean Pearson correlation, over fields and stains, of the output and the output of the image
    turned by a quarter or mirrored, turned back.
    """
    values = []
    for field in fields:
        network, seen = model.run, _prepare(model, field)
        plain = run_network(network, seen)
        turned = np.rot90(run_network(network, np.ascontiguousarray(np.rot90(seen))), -1, (1, 2))
        mirrored = run_network(network, np.ascontiguousarray(seen[:, ::-1]))[:, :, ::-1]
        for other in (turned, mirrored):
            values += [pearson(one, two) for one, two in zip(other, plain, strict=True)]
    return _mean(values)


def mean_agreement(outputs: Outputs, others: Sequence[Outputs]) -> float:
    """Return the mean Pearson correlation with outputs of other networks on the same fields."""
    return _mean(
        [
            pearson(plane, theirs)
            for other in others
            for field, one in zip(outputs, other, strict=True)
            for plane, theirs in zip(field, one, strict=True)
        ]
    )


def disagreement(members: Sequence[Outputs]) -> float:
    """Return the ensemble's uncertainty: the deviation over networks, a mean over pixels.

    In units of the outputs, of which 2 is the whole range; of at least two networks.
    """
    return float(np.stack(members).std(axis=0).mean())


def relative_spread(outputs: Outputs, of_source: Outputs) -> float:
    """Return how much outputs differ from field to field, relative to those of the source domain.

    NaN with a single field on either side.
    """
    if min(len(outputs), len(of_source)) < 2:
        return float("nan")
    own, usual = (float(each.std(axis=0).mean()) for each in (outputs, of_source))
    return own / usual if usual > 0 else float("nan")


def relative_contrast(outputs: Outputs, of_source: Outputs) -> float:
    """Return how much outputs vary within a field, relative to those of the source domain.

    NaN where the source outputs are constant.
    """
    own, usual = (float(each.std(axis=(2, 3)).mean()) for each in (outputs, of_source))
    return own / usual if usual > 0 else float("nan")


def mutual_correlation(outputs: Outputs) -> float:
    """Return the mean Pearson correlation of outputs of different fields; NaN for a single one."""
    pairs = [(i, j) for i in range(len(outputs)) for j in range(i)]
    return _mean(
        [
            pearson(outputs[i, stain], outputs[j, stain])
            for i, j in pairs
            for stain in range(outputs.shape[1])
        ]
    )


def separability(outputs: Outputs, of_source: Outputs, *, seed: int = 0) -> float:
    """Return how well a linear rule tells outputs from those of the source domain.

    Stands for the proxy A-distance, 2 (1 - 2 error) of such a rule (Ben-David et al., 2007), as an
    area under the curve: 0.5 cannot be told apart, 1 always; NaN with a single field on either
    side.
    """
    if min(len(outputs), len(of_source)) < 2:
        return float("nan")
    first, second = (_patch_features(each) for each in (of_source, outputs))
    names = [
        [f"{kind}{index}" for index in range(len(each)) for _ in range(len(part) // len(each))]
        for kind, each, part in (("s", of_source, first), ("t", outputs, second))
    ]
    area = two_sample_auc(first, second, (names[0], names[1]), seed=seed, resamples=1).value
    return max(area, 1 - area)


def measure_outputs(
    model: StainModel,
    outputs: Outputs,
    fields: Sequence[Field],
    of_source: Outputs,
    turned_source: float,
) -> dict[str, float]:
    """Measure by name what can be said of outputs on `fields` without labels.

    ``finite`` is 1 where all outputs are numbers; where it is 0, the others are NaN.
    `turned_source` is how well the source network agrees with itself on turned source images.
    """
    names = ("turned", "spread", "contrast", "mutual", "mutual_source", "separability")
    if not np.isfinite(outputs).all():
        unknown = dict.fromkeys(names, float("nan"))
        return {"finite": 0.0, "turned_source": turned_source, **unknown}
    return {
        "finite": 1.0,
        "turned_source": turned_source,
        "turned": augmentation_consistency(model, fields),
        "spread": relative_spread(outputs, of_source),
        "contrast": relative_contrast(outputs, of_source),
        "mutual": mutual_correlation(outputs),
        "mutual_source": mutual_correlation(of_source),
        "separability": separability(outputs, of_source),
    }


def _prepare(model: StainModel, field: Field) -> Outputs:
    record = model.record
    return prepare_pixels(field.pixels, record.intensities.given, record.preparation)


def _patch_features(outputs: Outputs) -> NDArray[np.float64]:
    """Describe every patch of 64 pixels: intensities, gradients and fine detail of each stain."""
    side = min(_PATCH, *outputs.shape[2:])
    rows = []
    for field in outputs:
        gradients = [ndimage.gaussian_gradient_magnitude(plane, 1.0) for plane in field]
        details = [np.abs(ndimage.laplace(plane)) for plane in field]
        for top in range(0, field.shape[1] - side + 1, side):
            for left in range(0, field.shape[2] - side + 1, side):
                box = (slice(top, top + side), slice(left, left + side))
                found: list[float] = []
                for plane, gradient, detail in zip(field, gradients, details, strict=True):
                    found += [float(value) for value in np.percentile(plane[box], _PERCENTILES)]
                    found += [float(plane[box].std()), float(gradient[box].mean())]
                    found += [float(np.log(detail[box].mean() + 1e-6))]
                rows.append(found)
    return np.array(rows)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
