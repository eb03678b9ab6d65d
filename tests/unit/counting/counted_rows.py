"""Rows of a folder counted with a counter that is loaded, as the tests of counting ask for them."""

from adaptoscope.counting.settings import PredictSettings
from adaptoscope.pipeline.count_folder import count_folder


def predict_counts(model, images, out, settings=None, *, overwrite=False):
    """Count every image of a folder, write the table and return its rows."""
    given = (settings or PredictSettings()).model_dump()
    return count_folder(images, model=model, out=out, overwrite=overwrite, **given).rows
