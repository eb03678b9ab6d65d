"""Give model folders of an older version the finished network that they lack."""

import json
from collections.abc import Callable
from pathlib import Path

from adaptoscope.counting.heads.table import kind_of
from adaptoscope.counting.model_folder import read_record
from adaptoscope.counting.trained_network import read_network, write_finished_network
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_json
from adaptoscope.inference.network import hash_of_network_files, other_network
from adaptoscope.training.settings import Settings
from adaptoscope.translation.model_folder import read_translator_record
from adaptoscope.translation.trained_model import load_translator, write_finished_translator


def upgrade_model(folder: Path) -> bool:
    """Write the finished network of a model folder, unless it has one.

    Parameters
    ----------
    folder
        The folder of a counter, or of a network that predicts stains.

    Returns
    -------
    bool
        Whether anything was written: the network, and its hash in ``model.json``. Counters without
        a network need none.
    """
    record, write = _plan(folder)
    known, present = getattr(record, "network_sha256", None), _present(folder)
    if write is None or (known is not None and known == present):
        return False
    if known is not None and present is not None:
        raise other_network(folder)
    write()
    complete = record.changed(network_sha256=hash_of_network_files(folder))
    write_json(folder / "model.json", complete.model_dump(mode="json"))
    return True


def _plan(folder: Path) -> tuple[Settings, Callable[[], None] | None]:
    """Return what is known of a model, and what would write its network; None if it has none."""
    if _kind(folder) == "stain_unet":
        stains = read_translator_record(folder)
        return stains, lambda: write_finished_translator(
            folder, stains, load_translator(folder).network
        )
    counter = read_record(folder)
    if not kind_of(counter.kind).is_trained:
        return counter, None
    return counter, lambda: write_finished_network(folder, read_network(folder, counter))


def _kind(folder: Path) -> object:
    try:
        content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"There is no model {folder}.",
            expected="the folder of a counter, or of a network that predicts stains",
            found="no model.json" if isinstance(error, OSError) else "a damaged model.json",
            remedy="check the path",
        ) from error
    return content.get("kind") if isinstance(content, dict) else None


def _present(folder: Path) -> str | None:
    try:
        return hash_of_network_files(folder)
    except OSError:
        return None
