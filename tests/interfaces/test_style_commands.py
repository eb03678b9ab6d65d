"""Commands around a look: train its tokens, imitate it simply, measure it."""

import json
from pathlib import Path

import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.style_transfer.style_file import load_style
from tests.interfaces.conftest import SIMULATION, Chain, refuse, succeed, write_yaml


def test_tokens_are_trained_on_request(chain: Chain, tmp_path: Path) -> None:
    out = tmp_path / "look.safetensors"
    tokens = write_yaml(tmp_path / "tokens.yaml", {"batch": 1, "side": 64})
    options = ("--images", chain.real, "--backbone", chain.backbone, "--steps", 2)
    said = succeed("style", "learn", out, *options, "--tokens", tokens, "--seed", 3)
    assert said == f"{out}: the style of 4 images\n"
    facts = load_style(out).facts
    assert (facts.token_mode, facts.steps, facts.seed) == ("direct", 2, 3)
    assert (tmp_path / "look" / "all" / "tokens.safetensors").is_file()


def test_density_classes_get_their_own_tokens(chain: Chain, tmp_path: Path) -> None:
    out = tmp_path / "look.safetensors"
    options = ("--images", chain.real, "--backbone", chain.backbone, "--steps", 1)
    succeed("style", "learn", out, *options, "--classes", "count")
    assert [path.name for path in (tmp_path / "look").iterdir()] == ["low"]


def test_classes_without_training_are_refused(chain: Chain, tmp_path: Path) -> None:
    out = tmp_path / "look.safetensors"
    options = ("--images", chain.real, "--backbone", chain.backbone)
    assert "--steps" in refuse("style", "learn", out, *options, "--classes", "count")
    rule = write_yaml(tmp_path / "rule.yaml", {"per_class": 1})
    assert "--steps" in refuse("style", "learn", out, *options, "--class-rule", rule)
    assert not out.exists()


def test_a_rule_says_limits_and_images_of_a_class(chain: Chain, tmp_path: Path) -> None:
    out = tmp_path / "look.safetensors"
    counts = sorted(record.count for record in open_counted_images(chain.real).split("train"))
    limits = [counts[2] - 0.5, counts[-1] + 1]
    rule = write_yaml(
        tmp_path / "rule.yaml", {"limits": limits, "per_class": 1, "source": "labels"}
    )
    options = ("--images", chain.real, "--backbone", chain.backbone, "--steps", 1)
    said = succeed("style", "learn", out, *options, "--class-rule", rule, "--seed", 3)
    assert said == f"{out}: the style of 2 images\n"
    assert load_style(out).facts.density_class == "low, medium"


def test_the_seed_of_the_classes_is_the_one_given(chain: Chain, tmp_path: Path) -> None:
    rule = write_yaml(tmp_path / "rule.yaml", {"per_class": 1, "limits": [1000, 2000]})
    options = ("--images", chain.real, "--backbone", chain.backbone, "--steps", 1)
    chosen = set()
    for seed in range(4):
        out = tmp_path / f"{seed}.safetensors"
        succeed("style", "learn", out, *options, "--class-rule", rule, "--seed", seed)
        (image,) = load_style(out).facts.images
        chosen.add(image.name)
    assert len(chosen) > 1


def test_a_limit_beside_classes_is_refused(chain: Chain, tmp_path: Path) -> None:
    out = tmp_path / "look.safetensors"
    options = ("--images", chain.real, "--backbone", chain.backbone, "--steps", 1, "--limit", 2)
    assert "per_class" in refuse("style", "learn", out, *options, "--classes", "count")
    assert not out.exists()


def test_another_style_is_replaced_on_request_alone(chain: Chain, tmp_path: Path) -> None:
    out = tmp_path / "look.safetensors"
    options = ("--images", chain.real, "--backbone", chain.backbone, "--limit", 2)
    for _ in range(2):
        succeed("style", "learn", out, *options, "--seed", 1)
    assert "seed" in refuse("style", "learn", out, *options, "--seed", 2)
    succeed("style", "learn", out, *options, "--seed", 2, "--overwrite")
    assert load_style(out).facts.seed == 2


def test_a_style_is_learnt_as_drawings_will_be_shown(chain: Chain, tmp_path: Path) -> None:
    file = write_yaml(tmp_path / "way.yaml", {"working_side": 96, "strength": 0.2, "steps": 10})
    look, backbone = tmp_path / "look.safetensors", ("--backbone", chain.backbone)
    succeed("style", "learn", look, "--images", chain.real, *backbone, "--settings", file)
    assert load_style(look).facts.working_side == 96
    command = ("stylise", chain.drawings, tmp_path / "out", "--style", look, *backbone)
    assert "working_side" in refuse(*command, "--strength", 0.2, "--steps", 10)
    succeed(*command, "--settings", file)
    stored = write_yaml(tmp_path / "stored.yaml", {"intensities": "stored"})
    assert "intensities" in refuse(*command, "--settings", stored, "--overwrite")


def test_stylise_takes_a_settings_file_and_options(chain: Chain, tmp_path: Path) -> None:
    file = write_yaml(tmp_path / "way.yaml", {"strength": 0.2, "steps": 50, "residual": False})
    out = tmp_path / "out"
    options = ("--style", chain.style, "--backbone", chain.backbone, "--settings", file)
    succeed("stylise", chain.drawings, out, *options, "--steps", 10)
    kept = json.loads((out / "settings.json").read_text())["stylisation"]
    assert (kept["strength"], kept["steps"], kept["residual"]) == (0.2, 10, False)
    unknown = write_yaml(tmp_path / "unknown.yaml", {"colour": 1})
    options = ("--style", chain.style, "--backbone", chain.backbone, "--settings", unknown)
    assert "colour" in refuse("stylise", chain.drawings, tmp_path / "none", *options)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("method", ["percentiles", "histogram", "blur_noise"])
def test_controls_are_made_like_stylised_images(chain: Chain, tmp_path: Path, method: str) -> None:
    out = tmp_path / "matched"
    options = ("--images", chain.real, "--method", method)
    assert succeed("style", "match", chain.drawings, out, *options) == (
        f"{out}: 3 drawings matched by {method}\n"
    )
    made, drawings = open_counted_images(out), open_counted_images(chain.drawings)
    assert [record.count for record in made] == [record.count for record in drawings]
    train = {record.name for record in open_counted_images(chain.real).split("train")}
    assert {record.style for record in made} <= train


def test_an_unknown_control_is_refused(chain: Chain, tmp_path: Path) -> None:
    options = ("--images", chain.real, "--method", "magic")
    assert "magic" in refuse("style", "match", chain.drawings, tmp_path / "out", *options)


def test_realism_prints_one_object_with_a_floor(chain: Chain, tmp_path: Path) -> None:
    settings = write_yaml(tmp_path / "realism.yaml", {"resamples": 5, "halvings": 1, "tile": 64})
    options = ("--settings", settings, "--style-images", chain.real)
    found = json.loads(
        succeed("style", "realism", chain.real, chain.drawings, chain.stylised, *options, "--json")
    )
    assert [entry["name"] for entry in found["sets"]] == ["drawings", "stylised"]
    assert found["floor"]["name"] == "Real against real"
    assert found["real_images"] == 8
    assert found["sets"][1]["copies"]["pictures"] == found["sets"][1]["tiles"]
    test_only = succeed(
        "style", "realism", chain.real, chain.drawings, "--split", "test", "--settings", settings
    )
    assert "2 real images" in test_only


def test_sets_of_one_name_are_refused(chain: Chain) -> None:
    assert "drawings" in refuse("style", "realism", chain.real, chain.drawings, chain.drawings)


def test_what_is_no_published_token_is_not_imported(tmp_path: Path) -> None:
    source = tmp_path / "embeddings.pt"
    source.write_bytes(b"not a pickle")
    refuse("style", "import-tokens", source, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_the_simulation_follows_real_images(chain: Chain, tmp_path: Path) -> None:
    settings = write_yaml(tmp_path / "simulation.yaml", SIMULATION)
    out = tmp_path / "alike"
    options = ("--count", 2, "--settings", settings, "--cultures", 2)
    said = succeed("simulate", out, *options, "--like", chain.real, "--held-out", chain.real)
    assert said == f"{out}: 2 simulated images\n"
    kept = json.loads((out / "settings.json").read_text())
    assert kept["cultures"] == 2
    assert kept["settings"]["counts_per_electron"] != 1.0
    assert kept["settings"]["cells_per_mpx"] != SIMULATION["cells_per_mpx"]
