"""Every way to adapt by its name: its settings, the function that does it, what that looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from adaptoscope.adaptation.baseline_settings import (
    AdaBNSettings,
    BaselineSettings,
    MethodSettings,
    OracleSettings,
    RestyledSettings,
)
from adaptoscope.adaptation.layer_choice.settings import AutoSettings
from adaptoscope.adaptation.settings import AdaptationSettings, layers_from
from adaptoscope.errors import SettingsError
from adaptoscope.training.settings import settings_from

if TYPE_CHECKING:
    from adaptoscope.training.step_loop import Device
    from adaptoscope.translation.trained_model import StainModel

AUTO = "auto"

Look = Literal["source", "target", "pairs", "look"]
"""Fields of the source; of the target; target pairs with their stains; what the target looks like,
where that was estimated already."""


@dataclass(frozen=True)
class Method:
    """One way to adapt.

    Parameters
    ----------
    home
        ``module:function`` that does it, imported when it runs; or the function itself.
    looks_at
        Keyword arguments of that function besides model, device and overwrite.
    """

    settings: type[MethodSettings]
    home: str | Callable[..., Path]
    looks_at: tuple[Look, ...]


_MATCHING = Method(
    AdaptationSettings, "adaptoscope.adaptation.adapt_layers:adapt_translator", ("source", "target")
)
_AS_IT_IS = Method(
    BaselineSettings, "adaptoscope.adaptation.baselines:adapt_without_learning", ("target",)
)

METHODS: dict[str, Method] = {
    "adversarial": _MATCHING,
    "coral": _MATCHING,
    "mmd": _MATCHING,
    "none": _AS_IT_IS,
    "own_range": _AS_IT_IS,
    "per_image": _AS_IT_IS,
    "histogram": Method(BaselineSettings, _AS_IT_IS.home, ("source", "target")),
    "adabn": Method(AdaBNSettings, _AS_IT_IS.home, ("target",)),
    "restyled": Method(
        RestyledSettings,
        "adaptoscope.adaptation.train_on_restyled:teach_restyled",
        ("source", "target", "look"),
    ),
    "oracle": Method(OracleSettings, "adaptoscope.adaptation.oracle:fine_tune", ("pairs",)),
}


def adapt_by_method(
    settings: MethodSettings | AutoSettings,
    out: Path,
    *,
    model: StainModel,
    device: Device = "auto",
    overwrite: bool = False,
    **images: Any,
) -> Path:
    """Adapt a network by the method, or the choice among several, that the settings are of.

    `images` are named as in `Look`; those that the method does not look at, or that are None, are
    left out. Returns `out`; a killed run goes on with the same call.
    """
    if isinstance(settings, AutoSettings):
        from adaptoscope.adaptation.layer_choice.choose import adapt_automatically

        return adapt_automatically(
            settings,
            out,
            model=model,
            source=images["source"],
            target=images["target"],
            device=device,
            overwrite=overwrite,
        )
    method = METHODS[settings.method]
    adapt = method.home
    if isinstance(adapt, str):
        module, _, function = adapt.partition(":")
        adapt = getattr(import_module(module), function)
    seen = {name: images[name] for name in method.looks_at if images.get(name) is not None}
    written: Path = adapt(settings, out, model=model, device=device, overwrite=overwrite, **seen)
    return written


def settings_of_method(
    values: object, method: str | None = None, *, origin: str = ""
) -> MethodSettings:
    """Check values, as read from YAML, as the settings of the method that they name.

    `method` wins over theirs; `adversarial` where neither names one. `origin` is for the message.
    """
    if not isinstance(values, Mapping):
        return settings_from(values, AdaptationSettings, origin=origin)
    name = method or values.get("method", "adversarial")
    if name not in METHODS:
        raise SettingsError(
            "There is no such method of adaptation.",
            expected=f"one of {', '.join(METHODS)}",
            found=str(name),
            remedy="correct `method`" + (f" in {origin}" if origin else ""),
        )
    return settings_from({**values, "method": name}, METHODS[name].settings, origin=origin)


def choose_settings(
    values: object,
    *,
    method: str | None = None,
    layer: str | None = None,
    seed: int | None = None,
    origin: str = "",
) -> MethodSettings | AutoSettings:
    """Return the settings of one method, or of the choice where nothing says which layers.

    Parameters
    ----------
    method
        Name of a method, which wins over the file's. ``auto``, like None, names none.
    layer
        ``auto``, or layers as ``2`` or ``2,5``, which win over the file's.
    origin
        Where the values came from, for the error message.

    Returns
    -------
    MethodSettings or AutoSettings
        The choice where the method matches layers and none are named. Restyled pairs are among
        its candidates only where no method is named either.
    """
    method = None if method == AUTO else method
    of_choice = _fields_of_the_choice(values)
    if of_choice:
        if method is not None or layer not in (None, AUTO) or seed is not None:
            raise SettingsError(
                "The settings file says how to choose; no other option can.",
                expected="no --method, --layer or --seed beside it",
                found=f"{', '.join(of_choice)} in {origin or 'the settings'}",
                remedy="name layers, seeds and method (under adaptation) in the file",
            )
        return settings_from(values, AutoSettings, origin=origin)
    chosen = settings_of_method(values, method, origin=origin)
    layers = None if layer in (None, AUTO) else layers_from(str(layer))
    asked = {"layers": layers, "seed": seed}
    given = {name: value for name, value in asked.items() if value is not None}
    for name in (["layers"] if layer == AUTO else []) + list(given):
        _refuse_no_difference(name, chosen)
    chosen = chosen.changed(**given)
    named: Mapping[str, object] = values if isinstance(values, Mapping) else {}
    automatic = layer == AUTO if layer is not None else "layers" not in named
    if not (automatic and isinstance(chosen, AdaptationSettings)):
        return chosen
    auto = AutoSettings(adaptation=chosen, seeds=(chosen.seed, chosen.seed + 1))
    # Who names a method gets that method.
    return auto.changed(restyling=None) if method is not None or "method" in named else auto


def _fields_of_the_choice(values: object) -> list[str]:
    """Name what only `AutoSettings` can hold."""
    if not isinstance(values, Mapping):
        return []
    own = AutoSettings.model_fields.keys() - AdaptationSettings.model_fields.keys()
    found = sorted(values.keys() & own)
    layers = values.get("layers")
    if isinstance(layers, list | tuple) and any(isinstance(each, list | tuple) for each in layers):
        found.append("lists of layers")
    return found


def _refuse_no_difference(name: str, settings: MethodSettings) -> None:
    if name in type(settings).model_fields:
        return
    option = {"layers": "--layer", "seed": "--seed"}[name]
    *others, last = (key for key, each in METHODS.items() if name in each.settings.model_fields)
    raise SettingsError(
        f"{option} makes no difference here.",
        expected=f"one of the methods {', '.join(others)} or {last} beside it",
        found=f"the method {settings.method}",
        remedy=f"leave {option} out, or choose another --method",
    )
