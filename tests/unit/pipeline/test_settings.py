from pathlib import Path

import pytest
import yaml

from adaptoscope.errors import SettingsError
from adaptoscope.pipeline import demo as demo_module
from adaptoscope.pipeline.demo import demo_settings
from adaptoscope.pipeline.rows import Row
from adaptoscope.pipeline.run import load_experiment
from adaptoscope.pipeline.settings import DensityClasses, ExperimentSettings
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import StableDiffusionSettings
from adaptoscope.training.settings import load_settings, settings_from

SHIPPED = Path(__file__).parents[3] / "experiments"
BACKBONES = sorted(SHIPPED.glob("backbones/*.yaml"))
# Settings of `stylise`, which are checked with that command.
PAPER_WAY = SHIPPED / "style_transfer" / "paper_way.yaml"
EXPERIMENTS = sorted(set(SHIPPED.glob("**/*.yaml")) - set(BACKBONES) - {PAPER_WAY})
MINIMAL = {
    "name": "a",
    "title": "A",
    "real": {"kind": "folder", "folder": "images"},
    "rows": [{"name": "Constant", "method": "constant"}],
}


def test_there_are_experiments() -> None:
    assert EXPERIMENTS


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_file_is_valid(path: Path) -> None:
    assert load_experiment(path).model_dump()["name"] == path.stem


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_backbone_that_an_experiment_names_is_shipped(path: Path) -> None:
    style = load_experiment(path).model_dump().get("style")
    if style is None:
        assert path.parent.name == "layer_matching"
        return
    named = style["backbone"]
    assert named == "compact" or SHIPPED.parent / named in BACKBONES


@pytest.mark.parametrize("path", BACKBONES, ids=lambda path: path.stem)
def test_every_backbone_file_is_valid_and_names_no_place_of_a_machine(path: Path) -> None:
    settings = load_settings(path, StableDiffusionSettings)
    assert settings.model.startswith("$ADAPTOSCOPE_")
    assert settings.clip.startswith("$ADAPTOSCOPE_")


@pytest.mark.parametrize("quick", [False, True])
def test_the_demo_needs_no_data(quick: bool) -> None:
    settings = demo_settings(quick=quick)
    assert settings.real.kind == "simulated"
    assert settings.needs("stylised")


@pytest.mark.parametrize(("quick", "name"), [(False, "demo"), (True, "demo_quick")])
def test_the_quick_demo_has_a_folder_of_its_own(
    quick: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_module, "run", lambda settings, out, **rest: out)

    assert demo_module.demo(quick=quick) == Path("runs", name)
    assert demo_module.demo(Path("mine"), quick=quick) == Path("mine")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"rows": []}, "rows"),
        ({"seeds": [1, 1]}, "seeds must differ"),
        ({"name": "../x"}, "name"),
        ({"real": {"kind": "folder"}}, "folder"),
        ({"rows": [{"name": "A b", "method": "dog"}, {"name": "a-b", "method": "dog"}]}, "names"),
        ({"rows": [{"name": "x", "method": "dog", "init": "nuclei"}]}, "only for method"),
        ({"against": "Dog"}, "no row Dog"),
        ({"looks": {}, "protocol": {"kind": "folds"}}, "leave it out with folds"),
        ({"protocol": {"kind": "folds", "group": "^.*_F"}}, "in brackets"),
        ({"protocol": {"kind": "folds", "group": "("}}, "not a regular expression"),
        ({"protocol": {"kind": "split", "count": "val", "train_on_val": True}}, "both counted"),
        (
            {"protocol": {"kind": "authors", "split_table": "../a.csv", "split_column": "s"}},
            "split_table",
        ),
        ({"others": {"drawings": {"kind": "simulated"}}}, "a kind that the experiment makes"),
        ({"others": {"../x": {"kind": "simulated"}}}, "others"),
        ({"density": {}}, "give `tokens` too"),
        ({"colour": 1}, "colour"),
    ],
)
def test_contradictions_are_named(change: dict[str, object], found: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from({**MINIMAL, **change}, ExperimentSettings)
    assert found in caught.value.found


def test_a_row_changes_only_what_it_names() -> None:
    settings = settings_from({**MINIMAL, "pretrain_steps": 7}, ExperimentSettings)
    real = settings.training_of(Row(name="r", method="regressor", steps=9), 3)
    assert (real.regime, real.steps, real.pretrain_steps, real.seed) == ("supervised", 9, 0, 3)
    both = settings.training_of(
        Row(name="s", method="regressor", init="random", synthetic="stylised"), 4
    )
    assert (both.regime, both.pretrain_steps, both.init) == ("fine_tuned", 7, "random")
    assert both.steps == settings.counting.steps


def test_a_limit_holds_for_each_density_class() -> None:
    assert DensityClasses().rule().per_class is None
    rule = DensityClasses(measure="count", limits=(3.0, 9.0)).rule(per_class=4, seed=2)
    assert (rule.measure, rule.limits, rule.per_class, rule.seed) == ("count", (3.0, 9.0), 4, 2)


@pytest.mark.parametrize(
    ("source", "synthetic", "images", "used"),
    [
        ("labels", "stylised", None, True),
        ("labels", "adain", None, True),
        ("labels", "drawings", None, False),
        ("labels", "stylised", "elsewhere", False),
        ("measured", "stylised", None, False),
    ],
)
def test_it_is_known_whose_labels_choose_a_style(
    source: str, synthetic: str, images: str | None, used: bool
) -> None:
    row = {"name": "S", "method": "regressor", "synthetic": synthetic, "real_labels": False}
    changes = {"tokens": {}, "density": {"source": source}, "style": {"images": images}}
    settings = settings_from({**MINIMAL, **changes, "rows": [row]}, ExperimentSettings)
    assert settings.labels_choose_style(settings.rows[0]) == used


def experiment(**changes: object) -> ExperimentSettings:
    return settings_from({**MINIMAL, **changes}, ExperimentSettings)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"method": "centres"}, ("centres", "supervised", "cutmix", 60, 0)),
        (
            {"method": "centres", "synthetic": "stylised"},
            ("centres", "fine_tuned", "cutmix", 40, 20),
        ),
        (
            {"method": "regressor", "synthetic": "stylised", "regime": "dual"},
            ("regressor", "dual", "cutmix", 60, 0),
        ),
        (
            {"method": "regressor", "synthetic": "stylised", "regime": "dacs", "labelled": 5},
            ("regressor", "dacs", "cutmix", 60, 0),
        ),
        (
            {"method": "regressor", "synthetic": "stylised", "labelled": 0},
            ("regressor", "supervised", "cutmix", 60, 0),
        ),
        (
            {
                "method": "centres",
                "synthetic": "stylised",
                "regime": "dacs",
                "mode": "teacher",
                "labelled": 0,
            },
            ("centres", "dacs", "teacher", 60, 0),
        ),
        (
            {"method": "fcrn_a", "init": "random", "changes": {"loss": "mse"}},
            ("fcrn_a", "supervised", "cutmix", 60, 0),
        ),
    ],
)
def test_every_network_takes_the_same_steps_in_all(
    fields: dict[str, object], expected: tuple[object, ...]
) -> None:
    settings = experiment(
        rows=[{"name": "R", **fields}], total_steps=60, pretrain_steps=20, seeds=[7]
    )
    how = settings.training_of(settings.rows[0], 7)
    assert (how.head, how.regime, how.mode, how.steps, how.pretrain_steps) == expected
    assert (how.total_steps, how.seed) == (60, 7)


def test_a_row_s_changes_are_those_of_its_head() -> None:
    row = {"name": "R", "method": "regressor", "changes": {"crop": 64, "mix_alpha": 2.0}}
    settings = experiment(rows=[row])
    assert settings.training_of(settings.rows[0], 0) == settings.counting.changed(
        crop=64, mix_alpha=2.0
    )


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"rows": [{"name": "R", "method": "fcrn_a"}]}, "row R cannot be trained"),
        (
            {"rows": [{"name": "R", "method": "centres", "changes": {"pooling": "sum"}}]},
            "`pooling` is not a known field",
        ),
        (
            {"rows": [{"name": "R", "method": "regressor", "steps": 5}], "total_steps": 9},
            "contradicts total_steps",
        ),
        (
            {
                "rows": [{"name": "R", "method": "regressor", "synthetic": "drawings"}],
                "total_steps": 9,
                "pretrain_steps": 9,
            },
            "`steps`",
        ),
        (
            {"rows": [{"name": "R", "method": "regressor", "synthetic": "vgg"}]},
            "synthetic is one of adain",
        ),
    ],
)
def test_rows_that_cannot_be_trained_are_refused_before_anything_is_made(
    changes: dict[str, object], found: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        experiment(**changes)
    assert found in caught.value.found


def test_rows_can_name_images_of_another_simulator() -> None:
    row = {"name": "R", "method": "regressor", "synthetic": "vgg"}
    settings = experiment(rows=[row], others={"vgg": {"kind": "folder", "folder": "vgg"}})
    assert settings.needs("vgg")
    assert not settings.imitates


PUBLISHED = {
    ("fine_tuned", None): (27.74, 42.50),
    ("fine_tuned", "cell200"): (55.60, 73.10),
    ("fine_tuned", "drawings"): (41.20, 61.45),
    ("fine_tuned", "stylised"): (26.25, 42.12),
    ("dual", "cell200"): (54.40, 59.92),
    ("dual", "drawings"): (33.10, 52.78),
    ("dual", "stylised"): (27.70, 43.91),
    ("dacs", "cell200"): (53.70, 55.35),
    ("dacs", "drawings"): (29.85, 46.33),
    ("dacs", "stylised"): (25.95, 41.76),
}


@pytest.mark.parametrize(("name", "init"), [("table2", "nuclei"), ("table2_gpu", "imagenet")])
def test_every_row_of_table_2_stands_beside_its_published_figures(name: str, init: str) -> None:
    settings = load_experiment(SHIPPED / "cell_counting" / f"{name}.yaml")
    assert isinstance(settings, ExperimentSettings)
    found = {}
    for row in settings.rows:
        how = settings.training_of(row, 0)
        assert how.init == init
        assert (how.epochs, settings.total_steps) in ((50, None), (None, 2800))
        assert (how.learning_rate, how.weight_decay, how.batch, how.loss) == (1e-4, 1e-5, 16, "mse")
        small = row.synthetic in settings.others
        assert how.crop == (64 if small else 200)
        assert row.published is not None
        found[row.regime, "cell200" if small else row.synthetic] = (
            row.published.mae,
            row.published.rmse,
        )
    assert found == PUBLISHED
    assert [row.synthetic in settings.others for row in settings.rows].count(True) == 6


def test_the_label_curves_begin_without_labels_and_end_with_all() -> None:
    settings = load_experiment(SHIPPED / "cell_counting" / "few_labels.yaml")
    assert isinstance(settings, ExperimentSettings)
    curves: dict[str, list[int | None]] = {}
    for row in settings.rows:
        assert row.name.startswith(row.curve)
        curves.setdefault(row.curve, []).append(row.labelled)
    few = [2, 5, 10, 20, 61]
    for name, labels in curves.items():
        alone = name.endswith(("real only", "Gaussians"))
        assert labels == ([None] if name.startswith("nuclei") else few if alone else [0, *few])
    assert len(curves) == 8


# Section IV-A of paper 1 where it says so, else its published code.
PAPER_INST = {
    ("tokens", "token_mode"): "encoder_mean",
    ("tokens", "steps"): 1000,
    ("tokens", "learning_rate"): 5e-4,
    ("tokens", "batch"): 1,
    ("tokens", "fit"): "squash",
    ("tokens", "side"): 512,
    ("tokens", "intensities"): "stored",
    ("tokens", "use_layout"): False,
    ("density", "measure"): "count",
    ("density", "limits"): (100, 200),
    ("style", "limit"): 4,
    ("style", "backbone"): "experiments/backbones/stable_diffusion.yaml",
    ("stylisation", "strength"): 0.7,
    ("stylisation", "steps"): 50,
    ("stylisation", "guidance"): 10.0,
    ("stylisation", "guidance_interval"): (0.0, 1.0),
    ("stylisation", "inversion"): "stochastic",
    ("stylisation", "sampler"): "ddim",
    ("stylisation", "official_timing"): True,
    ("stylisation", "adain"): "whole",
    ("stylisation", "adain_after"): False,
    ("stylisation", "intensities"): "stored",
    ("stylisation", "working_side"): 512,
    ("stylisation", "posterior"): "sample",
    ("stylisation", "use_layout"): False,
    ("stylisation", "guard"): 0.0,
    ("stylisation", "glow"): False,
    ("stylisation", "residual"): False,
    ("stylisation", "best_of"): 1,
}
POINTING = ["cell_counting/table2_gpu.yaml", "style_transfer/stable_diffusion_figures.yaml"]


@pytest.mark.parametrize("name", POINTING)
def test_the_papers_style_transfer_stands_in_one_file(name: str) -> None:
    settings = load_experiment(SHIPPED / name)
    for (part, field), value in PAPER_INST.items():
        assert getattr(getattr(settings, part), field) == value, (part, field)
    written = yaml.safe_load((SHIPPED / name).read_text("utf-8"))
    assert not {"style", "tokens", "density", "stylisation"} & set(written)


def test_what_a_file_says_itself_stands_before_its_base(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("seeds: [3]\nstyle: {limit: 2}\n", "utf-8")
    own = {**MINIMAL, "base": "base.yaml", "seeds": [5]}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own), "utf-8")
    found = load_experiment(tmp_path / "own.yaml")
    assert isinstance(found, ExperimentSettings)
    assert (found.seeds, found.style.limit) == ((5,), 2)
    (tmp_path / "base.yaml").unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_experiment(tmp_path / "own.yaml")
