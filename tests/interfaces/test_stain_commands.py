import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.paired_stains import open_paired_stains
from adaptoscope.imageio.files import read_image, write_image, write_text
from adaptoscope.translation.model_folder import read_translator_record
from tests.interfaces.conftest import (
    QUICK_STAIN,
    Stained,
    ask,
    contents,
    refuse,
    succeed,
    write_yaml,
)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two modalities of two fields, each with one stain."""
    folder = tmp_path / "pairs"
    rows = ["input,target,modality,split"]
    for field in range(2):
        for seed, name in enumerate(("bf", "df", "dna")):
            pixels = np.random.default_rng(10 * field + seed).random((20, 24)) / 2
            write_image(folder / "images" / f"f{field}_{name}.png", pixels, bit_depth=16)
        for name, modality in (("bf", "brightfield"), ("df", "darkfield")):
            rows.append(f"images/f{field}_{name}.png,images/f{field}_dna.png,{modality},train")
    write_text(folder / "pairs.csv", "\n".join(rows) + "\n")
    write_text(folder / "points.csv", "image,x,y\nf0_bf.png,11.5,9.5\nf1_bf.png,1,1\n")
    return folder


def test_shift_writes_a_set_and_says_what_it_is(pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shifts = ("--overexposure", 150, "--scale", 1.5, "--modality", "darkfield")
    said = succeed("stain", "shift", pairs, out, *shifts)
    assert said.startswith(f"{out}: 2 images, 2 pairs, scale 1.5 + overexposure 150 %; ")
    assert said.endswith(" % of the pixels at white\n")
    written = open_paired_stains(out)
    name = "darkfield + scale 1.5 + overexposure 150 %"
    assert len(written.select(modality=name, split="train")) == 2
    assert [written.points(record).tolist() for record in written] == [[[9.5, 11.5]], []]
    kept = contents(out)
    succeed("stain", "shift", pairs, out, *shifts)
    assert contents(out) == kept


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("--defocus", 1.5), "defocus 1.5 px"),
        (("--photons", 200, "--read-noise", 0.02), "200 photons + read noise 0.02"),
        (("--gradient", 0.4, "--gradient-angle", 90), "gradient 0.4 at 90 degrees"),
        (("--overexposure", 62.5), "exposure 62.5 %"),
    ],
)
def test_every_shift_has_an_option(
    pairs: Path, tmp_path: Path, options: tuple[object, ...], name: str
) -> None:
    said = succeed("stain", "shift", pairs, tmp_path / "out", *options, "--seed", 1)
    assert f"4 images, 4 pairs, {name}" in said


def test_options_win_over_a_settings_file(pairs: Path, tmp_path: Path) -> None:
    settings = write_yaml(tmp_path / "shift.yaml", {"overexposure": 125, "defocus": 1})
    shift = ("stain", "shift", pairs, tmp_path / "out", "--settings", settings)
    assert "defocus 1 px + overexposure 175 %" in succeed(*shift, "--overexposure", 175)


def test_shift_refuses_what_it_cannot_do(pairs: Path, fields: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shift = ("stain", "shift", pairs, out)
    assert "No shift was given" in refuse(*shift)
    assert "`scale`" in refuse(*shift, "--scale", 9)
    assert "`overexposure`" in refuse(*shift, "--overexposure", -10)
    assert "without gradient" in refuse(*shift, "--scale", 1.5, "--gradient-angle", 30)
    assert "brightfield, darkfield" in refuse(*shift, "--scale", 1.5, "--modality", "phase")
    assert "pairs.csv" in refuse("stain", "shift", fields, out, "--scale", 1.5)
    assert "nowhere" in refuse("stain", "shift", tmp_path / "nowhere", out, "--scale", 1.5)
    assert "made from" in refuse("stain", "shift", pairs, pairs, "--scale", 1.5, "--overwrite")
    assert not out.exists()


def test_shift_leaves_a_folder_of_somebody_else_alone(pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_text(out / "notes.txt", "mine")
    for force in ((), ("--overwrite",)):
        said = refuse("stain", "shift", pairs, out, "--scale", 1.5, *force)
        assert "holds something else" in said
    assert contents(out) == {"notes.txt": b"mine"}
    own = tmp_path / "own"
    succeed("stain", "shift", pairs, own, "--scale", 1.5)
    assert "other settings" in refuse("stain", "shift", pairs, own, "--scale", 1.25)
    succeed("stain", "shift", pairs, own, "--scale", 1.25, "--overwrite")


def test_help_gives_the_units() -> None:
    said = " ".join(ask("stain", "shift", "--help").out.replace("│", " ").split())
    for unit in ("% of now", "in pixels", "in degrees", "photons of a", "as a share of white"):
        assert unit in said


def test_train_writes_a_model_and_says_how_good_it_is(stained: Stained) -> None:
    path, measured = stained.said.splitlines()
    assert path == str(stained.model)
    assert measured.startswith("Validation, 1 images: Pearson body ")
    record = read_translator_record(stained.model)
    assert record.stains == ("body", "edge")
    assert (record.width, record.modality) == (2, "phase")
    assert "## Limits" in (stained.model / "README.md").read_text("utf-8")


def test_train_says_that_nothing_was_measured(stained: Stained, tmp_path: Path) -> None:
    folder = shutil.copytree(stained.pairs, tmp_path / "pairs")
    table = folder / "pairs.csv"
    write_text(table, table.read_text("utf-8").replace(",val,", ",train,"))
    command = ("stain", "train", tmp_path / "out", "--pairs", folder, "--stain", "edge")
    answer = ask(*command, "--settings", stained.settings, "--steps", 1)
    assert answer.code == 0, answer.err
    assert answer.err.startswith("Not measured: no pair is in the split val.")
    assert read_translator_record(tmp_path / "out").stains == ("edge",)


def test_evaluate_writes_a_page_with_figures_and_images(stained: Stained, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    answer = ask("stain", "evaluate", stained.model, stained.pairs, "--report", page, "--json")
    assert answer.code == 0
    assert str(page) in answer.err
    found = json.loads(answer.out)
    text = page.read_text("utf-8")
    for stain, figures in found["stains"].items():
        assert stain in text
        assert f"{figures['ssim']:.3f}" in text
    assert f"{found['pearson']:.3f}".replace("-", "\N{MINUS SIGN}") in text
    # Images of the training are among them, which is said on the page too.
    assert "took part in the training" in text
    assert text.count("data:image/png") == min(3, found["n"])
    refused = ask("stain", "evaluate", stained.model, stained.pairs, "--report", tmp_path)
    assert refused.code == 1
    assert "--report" in refused.err


def test_evaluate_prints_one_object_and_nothing_else(stained: Stained) -> None:
    answer = ask("stain", "evaluate", stained.model, stained.pairs, "--split", "test", "--json")
    found = json.loads(answer.out)
    assert (answer.code, answer.err) == (0, "")
    assert list(found) == [
        "n",
        "pearson",
        "pearson_interval",
        "ssim",
        "psnr",
        "nrmse",
        "constant",
        "stains",
    ]
    assert found["n"] == 1
    # One image says nothing of others.
    assert found["pearson_interval"] == [None, None]
    by_stain = found["stains"]
    assert list(by_stain) == ["body", "edge"]
    for name in ("pearson", "ssim", "nrmse"):
        mean = (by_stain["body"][name] + by_stain["edge"][name]) / 2
        assert found[name] == pytest.approx(mean)


def test_evaluate_prints_a_block_for_each_stain(stained: Stained) -> None:
    said = succeed("stain", "evaluate", stained.model, stained.pairs, "--split", "test")
    lines = said.splitlines()
    heads = [line for line in lines if not line.startswith("  ")]
    assert heads == [f"model on {stained.pairs}, means over body, edge", "body", "edge"]
    assert [line.split()[0] for line in lines if line in heads or "nrmse" in line] == [
        "model",
        "nrmse",
        "body",
        "nrmse",
        "edge",
        "nrmse",
    ]
    assert max(map(len, lines[1:])) < 60


def test_evaluate_says_which_images_flatter(stained: Stained) -> None:
    answer = ask("stain", "evaluate", stained.model, stained.pairs)
    assert answer.code == 0
    assert answer.err.startswith("2 of 4 images took part in the training of model")


def test_evaluate_counts_constant_truths(stained: Stained, tmp_path: Path) -> None:
    folder = shutil.copytree(stained.pairs, tmp_path / "pairs")
    write_image(folder / "images" / "field_3_body.png", np.full((64, 64), 0.2), bit_depth=16)
    evaluate = ("stain", "evaluate", stained.model, folder, "--split", "test")
    answer = ask(*evaluate, "--json")
    found = json.loads(answer.out)
    assert answer.code == 0
    assert found["constant"] == found["stains"]["body"]["constant"] == 1
    assert found["stains"]["body"]["pearson"] is None
    assert found["pearson"] == found["stains"]["edge"]["pearson"]
    said = "body: 1 of 1 images have a constant truth, and no correlation.\n"
    assert answer.err == said
    assert ask(*evaluate).err == said


def test_predict_writes_16_bit_stains_of_given_images_only(
    stained: Stained, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    said = succeed("stain", "predict", stained.model, "--images", stained.pairs, "--out", out)
    assert said == f"{out}: 4 images, body, edge; see predictions.csv\n"
    rows = list(csv.DictReader((out / "predictions.csv").open(newline="")))
    assert [(row["image"], row["stain"]) for row in rows[:2]] == [
        ("field_0_input.png", "body"),
        ("field_0_input.png", "edge"),
    ]
    assert len(rows) == 8
    for row in rows:
        image = read_image(out / row["file"])
        assert (image.shape, image.scale.bit_depth) == ((64, 64), 16)
        assert float(row["mean_intensity"]) == pytest.approx(image.pixels.mean(), abs=1e-3)
        assert (row["uncertainty"], row["error"]) == ("", "")
    kept = contents(out)
    succeed("stain", "predict", stained.model, "--images", stained.pairs, "--out", out)
    assert contents(out) == kept


def test_predict_with_two_models_says_where_they_disagree(stained: Stained, tmp_path: Path) -> None:
    images, out = tmp_path / "images", tmp_path / "out"
    # No multiple of 256: continued by reflection, and cut back.
    write_image(images / "odd.tif", np.random.default_rng(0).random((70, 33)), bit_depth=16)
    succeed("stain", "predict", stained.model, stained.second, "--images", images, "--out", out)
    (row, _) = csv.DictReader((out / "predictions.csv").open(newline=""))
    assert float(row["uncertainty"]) > 0
    deviation = read_image(out / "odd_body_uncertainty.tif")
    assert deviation.shape == (70, 33)
    span = read_translator_record(stained.model).intensities.stains["body"]
    share = deviation.pixels.mean() / (span.high - span.low)
    assert float(row["uncertainty"]) == pytest.approx(share, abs=1e-3)
    singles = []
    for model in (stained.model, stained.second):
        own = tmp_path / model.name
        succeed("stain", "predict", model, "--images", images, "--out", own)
        assert not (own / "odd_body_uncertainty.tif").exists()
        singles.append(read_image(own / "odd_body.tif").pixels)
    mean = read_image(out / "odd_body.tif").pixels
    np.testing.assert_allclose(mean, np.mean(singles, axis=0), atol=1e-4)


def test_predictions_of_another_preparation_are_not_mixed(stained: Stained, tmp_path: Path) -> None:
    source, out = ("--source", stained.pairs, "--target", stained.pairs), tmp_path / "out"
    models = [tmp_path / name / "model" for name in ("none", "per_image")]
    predict = ("--images", stained.pairs, "--out", out)
    for model in models:
        method = ("--model", stained.model, "--method", model.parent.name)
        succeed("stain", "adapt", model, *source, *method)
    succeed("stain", "predict", models[0], *predict)
    assert "predictions of other models" in refuse("stain", "predict", models[1], *predict)
    before = contents(out)
    succeed("stain", "predict", models[1], *predict, "--overwrite")
    assert contents(out) != before


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("adversarial", ("--layer", "5,2")),
        ("coral", ("--layer", 3)),
        ("mmd", ("--layer", 16, "--seed", 3)),
        ("none", ()),
        ("own_range", ()),
        ("per_image", ()),
        ("histogram", ()),
        ("restyled", ("--seed", 3)),
        ("oracle", ("--seed", 3)),
    ],
)
def test_every_method_writes_a_model_that_predicts(
    stained: Stained, tmp_path: Path, method: str, options: tuple[object, ...]
) -> None:
    out, bright = tmp_path / "out", tmp_path / "bright"
    succeed("stain", "shift", stained.pairs, bright, "--overexposure", 150)
    trained = {"adversarial": stained.quick, "coral": stained.quick, "mmd": stained.quick}
    trained["oracle"] = write_yaml(tmp_path / "oracle.yaml", {"steps": 2, "batch": 1})
    restyled = {"steps": 2, "batch": 1, "scale": 1.0}
    trained["restyled"] = write_yaml(tmp_path / "restyled.yaml", restyled)
    if method in trained:
        options = (*options, "--settings", trained[method])
    command = ("stain", "adapt", out, "--model", stained.model, "--target", bright)
    source = ("--source", stained.pairs) if method not in ("none", "per_image", "oracle") else ()
    assert succeed(*command, *source, "--method", method, *options) == f"{out}\n"
    adapted = read_translator_record(out).adapted
    assert adapted is not None
    layers = {"adversarial": (2, 5), "coral": (3,), "mmd": (16,)}.get(method, ())
    assert (adapted.method, adapted.layers) == (method, layers)
    assert adapted.reads_stains is (method == "oracle")
    assert adapted.target_modality == "phase + overexposure 150 %"
    found = json.loads(succeed("stain", "evaluate", out, bright, "--split", "test", "--json"))
    assert found["n"] == 1
    succeed("stain", "predict", out, "--images", bright, "--out", tmp_path / "predicted")
    assert (tmp_path / "predicted" / "field_3_input_body.tif").is_file()


def test_adabn_needs_batch_normalisation(stained: Stained, tmp_path: Path) -> None:
    settings = write_yaml(tmp_path / "batch.yaml", {**QUICK_STAIN, "norm": "batch"})
    model, out = tmp_path / "model", tmp_path / "out"
    succeed("stain", "train", model, "--pairs", stained.pairs, "--settings", settings)
    command = ("stain", "adapt", out, "--target", stained.pairs, "--method", "adabn")
    assert "instance normalisation" in refuse(*command, "--model", stained.model)
    few = write_yaml(tmp_path / "few.yaml", {"batches": 1, "batch": 2})
    succeed(*command, "--model", model, "--settings", few)
    weights = [(each / "weights.safetensors").read_bytes() for each in (model, out)]
    assert weights[0] != weights[1]


def test_plain_images_are_a_target_too(stained: Stained, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).random((40, 50))
    write_image(tmp_path / "images" / "one.tif", pixels, bit_depth=16)
    command = ("stain", "adapt", tmp_path / "out", "--model", stained.model)
    target = ("--source", stained.pairs, "--target", tmp_path / "images")
    succeed(*command, *target, "--settings", stained.quick)
    assert read_translator_record(tmp_path / "out").adapted.target_modality is None  # type: ignore[union-attr]


def test_who_names_a_method_gets_no_other(stained: Stained, tmp_path: Path) -> None:
    quick = {"steps": 1, "batch": 1, "cached": 2, "intensities": "source"}
    settings = write_yaml(tmp_path / "quick.yaml", quick)
    out = tmp_path / "out"
    both = ("--source", stained.pairs, "--target", stained.pairs, "--settings", settings)
    succeed("stain", "adapt", out, "--model", stained.model, *both, "--method", "coral")
    tried = {path.name for path in (out / "candidates").iterdir()}
    layers = {f"layer{layer:02d}_seed{seed}" for layer in (2, 3, 5, 13) for seed in (0, 1)}
    assert tried == {"unadapted", *layers}
    assert read_translator_record(out).adapted.method in ("coral", "none")  # type: ignore[union-attr]
    # What an earlier run chose among does not stay beside another model.
    one = ("--method", "coral", "--layer", "3", "--overwrite")
    succeed("stain", "adapt", out, "--model", stained.model, *both, *one)
    assert not (out / "candidates").exists()
    assert not (out / "choice.json").exists()


def test_a_file_can_say_how_to_choose(stained: Stained, tmp_path: Path) -> None:
    quick = {"steps": 1, "batch": 1, "cached": 2, "intensities": "source"}
    values = {
        "layers": [[3], [16]],
        "seeds": [4, 5],
        "criterion": "uncertainty",
        "restyling": None,
        "adaptation": quick,
    }
    settings = write_yaml(tmp_path / "auto.yaml", values)
    out = tmp_path / "out"
    both = ("--model", stained.model, "--source", stained.pairs, "--target", stained.pairs)
    succeed("stain", "adapt", out, *both, "--settings", settings)
    tried = {path.name for path in (out / "candidates").iterdir()}
    layers = {f"layer{layer:02d}_seed{seed}" for layer in (3, 16) for seed in (4, 5)}
    assert tried == {"unadapted", *layers}
    assert json.loads((out / "choice.json").read_text("utf-8"))["criterion"] == "uncertainty"
    error = refuse("stain", "adapt", out, *both, "--settings", settings, "--seed", "1")
    assert "says how to choose" in error


def test_settings_name_the_method_and_options_win(stained: Stained, tmp_path: Path) -> None:
    settings = write_yaml(tmp_path / "how.yaml", {"method": "own_range"})
    command = ("--model", stained.model, "--source", stained.pairs, "--target", stained.pairs)
    for options, method in (((), "own_range"), (("--method", "histogram"), "histogram")):
        out = tmp_path / method
        succeed("stain", "adapt", out, *command, "--settings", settings, *options)
        assert read_translator_record(out).adapted.method == method  # type: ignore[union-attr]


def test_from_nothing_to_stains(tmp_path: Path) -> None:
    pairs, model = tmp_path / "pairs", tmp_path / "model"
    small = write_yaml(tmp_path / "small.yaml", {"height": 96, "width": 96})
    shares = ("--train", 0.5, "--val", 0.25, "--test", 0.25)
    succeed("simulate", pairs, "--pairs", "--count", 4, "--settings", small, *shares)
    settings = write_yaml(tmp_path / "train.yaml", QUICK_STAIN)
    succeed("stain", "train", model, "--pairs", pairs, "--settings", settings)
    found = json.loads(succeed("stain", "evaluate", model, pairs, "--split", "test", "--json"))
    assert list(found["stains"]) == ["dapi", "cd29"]
    said = succeed("stain", "predict", model, "--images", pairs, "--out", tmp_path / "out")
    assert "4 images, dapi, cd29" in said
