"""The lines of a table of counting errors: what counts, and what it learnt from."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from adaptoscope.counting.heads.table import KINDS, trained_heads
from adaptoscope.counting.post_processing import Edges
from adaptoscope.training.settings import Settings

SLUG = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
"""What names of experiments look like: they are folders."""

FOLDERS: dict[str, str] = {
    "drawings": "drawings",
    "stylised": "stylised",
    "adain": "stylised_adain",
    "percentiles": "matched_percentiles",
    "histogram": "matched_histogram",
    "blur_noise": "matched_blur_noise",
    "simulation": "simulation",
}
"""Synthetic images that an experiment makes, and where they stand in a run folder: drawings;
drawings stylised, by AdaIN without diffusion, or matched to real images without learning; simulated
fields that follow the real images."""

NAMES: dict[str, str] = {
    "drawings": "Syn-HC drawings",
    "stylised": "Stylised (AdaIN and diffusion)",
    "adain": "AdaIN without diffusion",
    "percentiles": "Percentile normalisation",
    "histogram": "Histogram matching",
    "blur_noise": "Blur and noise matched",
    "simulation": "Simulation of the same cells",
}
"""What reports call them."""

_OF_THE_ROW = ("head", "init", "regime", "mode", "steps", "pretrain_steps", "seed")


class PublishedErrors(Settings):
    """What a paper reports for a row, on its own images."""

    mae: float = Field(ge=0)
    """Mean absolute error, in cells."""
    rmse: float | None = Field(default=None, ge=0)
    """Root of the mean squared error, in cells."""


class Row(Settings):
    """One line of the result table."""

    name: str = Field(min_length=1)
    """As the table shows it."""
    method: str
    """What counts: a head of the table of counters, trained or fitted; the bundled counter `nuclei`
    as it is shipped, without training; or `nuclei_fitted`, in how its density is read."""
    edges: Edges | None = None
    """Which cells cut by the border count, for counters that find cells and are not told by labels:
    a fact of how the images were counted. None: as the counter does."""
    init: str | None = None
    """Where a network starts."""
    synthetic: str | None = None
    """Images that a network is trained on besides: `drawings`, `stylised`, `adain`, `percentiles`,
    `histogram`, `blur_noise`, `simulation`, or the name of one of the experiment's `others`. None
    trains on real images only."""
    regime: Literal["fine_tuned", "dual", "dacs"] = "fine_tuned"
    """How synthetic and real images come together."""
    mode: Literal["cutmix", "teacher"] = "cutmix"
    """Only in `dacs`: mix with real images and their labels, or without any label."""
    real_labels: bool = True
    """Train on labelled real images; otherwise as with `labelled: 0`."""
    labelled: int | None = Field(default=None, ge=0)
    """Train on this many labelled real images, drawn evenly over their counts with the row's seed,
    and let none validate; those of a smaller number are among those of a larger one. None: on all.
    0: on none; the synthetic images are then all that a network sees, except with `mode: teacher`,
    which also looks at real images without labels."""
    steps: int | None = Field(default=None, ge=1)
    """Steps on real images, or on synthetic ones where they are all, in place of `counting`'s."""
    changes: dict[str, Any] = Field(default_factory=dict)
    """Fields of `counting` or `spatial` that are different in this row, as `crop`, `loss` or
    `mix_alpha`."""
    curve: str = ""
    """Rows with the same curve are joined in the plot of error against number of labels."""
    published: PublishedErrors | None = None
    """What the paper reports for this row; shown beside ours."""

    @field_validator("method")
    @classmethod
    def _method_is_known(cls, method: str) -> str:
        known = ("nuclei", "nuclei_fitted", *(each.head for each in KINDS))
        if method not in known:
            raise ValueError(f"method is one of {', '.join(known)}")
        return method

    @model_validator(mode="after")
    def _fields_fit_the_method(self) -> "Row":
        if not self.learns and (self.init or self.synthetic or self.steps or self.changes):
            raise ValueError(
                "init, synthetic, steps and changes are only for methods that are networks"
            )
        densities = ["nuclei", *(each.head for each in KINDS if each.gives == "density")]
        if self.edges and self.method not in densities:
            raise ValueError(f"edges is only for {', '.join(densities)}")
        own = sorted(set(self.changes) & set(_OF_THE_ROW))
        if own:
            raise ValueError(f"changes cannot hold {own[0]}: it follows from the row's own fields")
        if not self.real_labels and self.labelled:
            raise ValueError("labelled is a number of labels, but real_labels is false")
        return self

    @model_validator(mode="after")
    def _something_is_learnt_from(self) -> "Row":
        both = self.synthetic is not None and self.uses_labels
        if self.mode == "teacher" and not (self.regime == "dacs" and self.synthetic):
            raise ValueError("mode teacher is only for regime dacs with synthetic images")
        if self.mode == "teacher" and self.uses_labels:
            raise ValueError("mode teacher looks at no real label: set labelled to 0")
        if self.regime != "fine_tuned" and not both and self.mode != "teacher":
            raise ValueError("regime is only for rows with synthetic images and real labels")
        is_fitted = self.method != "nuclei" and not self.learns
        if is_fitted and not self.uses_labels:
            raise ValueError(f"{self.method} is fitted to labels: it needs at least one")
        if self.learns and not (self.uses_labels or self.synthetic):
            raise ValueError("without real labels a row needs synthetic images")
        return self

    @property
    def learns(self) -> bool:
        """Whether a network is trained."""
        return self.method in trained_heads()

    @property
    def uses_labels(self) -> bool:
        """Whether labels of real images are learnt from."""
        return self.method != "nuclei" and self.real_labels and self.labelled != 0

    @property
    def varies(self) -> bool:
        """Whether a seed makes a difference, so that the row is computed with each."""
        return self.learns or bool(self.labelled)

    @property
    def slug(self) -> str:
        """The name as a file name."""
        return slug_of(self.name)


def slug_of(name: str) -> str:
    """Return a name as a file name: lower case, with hyphens between the words."""
    kept = [letter if letter.isalnum() else "-" for letter in name.lower()]
    return "-".join(part for part in "".join(kept).split("-") if part)
