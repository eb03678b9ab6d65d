import json

import pytest

from adaptoscope.bulk.tasks import usable_cpus
from adaptoscope.cli import doctor as doctor_module
from adaptoscope.cli.doctor import advise, doctor, examine, missing_parts

MACHINE: dict[str, object] = {"accelerator": "cuda: some card", "disk_free_gib": 100.0}
COMPLETE: dict[str, object] = {"ADAPTOSCOPE_DATA": "data", "imagenet_weights_cached": True}
WEIGHTS = {
    "nuclei": "0123",
    "nuclei_encoder": "89ab",
    "nuclei_features": "cdef",
    "compact": "4567",
}


def test_the_findings_are_complete() -> None:
    findings = examine()
    assert list(findings) == [
        "adaptoscope", "machine", "use", "train", "formats", "web", "weights", "data", "advice",
    ]  # fmt: skip
    machine = findings["machine"]
    assert isinstance(machine, dict)
    assert machine["cpus"] == usable_cpus() >= 1
    use, train = findings["use"], findings["train"]
    assert isinstance(use, dict)
    assert isinstance(train, dict)
    assert use["onnxruntime"] is not None
    assert train["torch"] is not None


@pytest.mark.parametrize("gpu", [None, "/usr/bin/nvidia-smi"])
def test_a_part_that_is_missing_is_named_with_the_line_to_type(
    gpu: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_module.shutil, "which", lambda _: gpu)
    parts = {"use": {"numpy": "2"}, "train": {"torch": None, "timm": "1"}}
    (line,) = missing_parts(parts)
    assert "torch missing" in line
    assert line.endswith('in a clone: pip install ".[train]"')
    assert ("first pip install torch --index-url" in line) is (gpu is None)
    (formats,) = missing_parts({"formats": {"zarr": None}})
    assert formats.endswith('zarr missing; in a clone: pip install ".[formats]"')


def test_a_complete_machine_needs_no_advice() -> None:
    assert advise(MACHINE, WEIGHTS, COMPLETE) == []


def test_each_lack_is_named_with_its_remedy() -> None:
    machine = {"accelerator": "none", "disk_free_gib": 1.5}
    weights = {**WEIGHTS, "nuclei": None, "nuclei_encoder": None}
    data = {"ADAPTOSCOPE_DATA": None, "imagenet_weights_cached": False}
    advice = advise(machine, weights, data)
    assert len(advice) == 6
    assert "`nuclei`" in advice[0]
    assert "--model dog" in advice[0]
    assert "--init random" in advice[1]
    assert "1.5 GiB" in advice[4]


def test_json_and_text_tell_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = {
        "adaptoscope": "0",
        "machine": MACHINE,
        "use": {"numpy": "2"},
        "train": {"torch": "2.9", "timm": None},
        "formats": {},
        "web": {},
        "weights": {"nuclei": None},
        "data": COMPLETE,
        "advice": ["do this"],
    }
    monkeypatch.setattr(doctor_module, "examine", lambda: findings)
    doctor(as_json=True)
    assert json.loads(capsys.readouterr().out) == findings
    doctor()
    text = capsys.readouterr().out
    assert "nuclei  absent" in text
    assert "timm   absent" in text
    assert text.endswith("advice\n  - do this\n")
