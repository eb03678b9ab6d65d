"""What is wrong with paths and settings is said before anything heavy is loaded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "scipy", "skimage", "matplotlib", "pandas", "timm", "diffusers", "lightning"}
RUN = (
    "import json, sys\n"
    "from adaptoscope.cli import main\n"
    "code = 0\n"
    "try:\n    main(sys.argv[1:])\n"
    "except SystemExit as leaving:\n    code = leaving.code\n"
    "print(json.dumps([code, sorted({name.split('.')[0] for name in sys.modules})]))\n"
)
EXPERIMENT = "name: x\ntitle: y\nrows: [{name: a, method: dog}]\n"
FILES = {
    "field.yaml": EXPERIMENT + "real: {kind: simulated}\ncounting: {setps: 3}\n",
    "path.yaml": EXPERIMENT + "real: {kind: folder, folder: nowhere}\n",
    "style.yaml": EXPERIMENT + "real: {kind: simulated}\nstyle: {images: nowhere}\n",
    "kind.yaml": EXPERIMENT.replace("name: x", "name: x\nkind: conuting"),
    "other.yaml": "setps: 3\n",
}
WRONG = {
    "run field.yaml": "did you mean `counting.steps`? (line 5)",
    "run path.yaml": "`real.folder`",
    "run style.yaml": "`style.images`",
    "run kind.yaml": "of no known kind",
    "run none.yaml": "none.yaml cannot be read",
    "compare nowhere nowhere": "There is no folder nowhere",
    "compare nowhere nowhere --settings other.yaml": "`setps` is not a known field",
    "simulate out --count 1 --like nowhere": "There is no folder nowhere",
    "simulate out --count 1 --settings other.yaml": "`setps` is not a known field",
    "simulate out --count 1 --pairs --settings other.yaml": "`setps` is not a known field",
    "synthesise out --count 1 --like nowhere": "There is no folder nowhere",
    "synthesise out --count 1 --settings other.yaml": "`setps` is not a known field",
    "screen nowhere --drawings nowhere": "There is no folder nowhere",
    "stylise nowhere out --style s.safetensors": "There is no folder nowhere",
    "style learn s.safetensors --images nowhere": "There is no folder nowhere",
    "convert nowhere out --layout folder": "There is no folder nowhere",
}


@pytest.mark.parametrize(("typed", "said"), WRONG.items(), ids=WRONG.keys())
def test_a_wrong_path_or_setting_costs_no_heavy_library(
    tmp_path: Path, typed: str, said: str
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", RUN, *typed.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 1
    assert said in done.stderr
    assert HEAVY.isdisjoint(modules)
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)
