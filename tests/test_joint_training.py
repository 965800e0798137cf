"""Whole runs: they learn, resume exactly, run in any number of processes, and leave a model that the pack loads.

Run: python dev.py test tests/test_joint_training.py
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from got import dev
from got.got_models.chain.grammar import TEXT_TO_IMAGE
from got.got_models.chain.request import Request
from got.got_models.files.manifest import read_manifest
from got.got_models.reasoner.loading import load_reasoner
from got.got_models.reasoner.sampling import Sampling
from got.tests import joint
from got.training.ema import EMA
from got.training.joint import samples
from got.training.joint.__main__ import main
from got.training.joint.checkpoints import checkpoints
from got.training.joint.config import ConfigError, as_json
from got.training.joint.journal import POINTS, Journal, loss_curves, smoothed
from got.training.joint.loop import train
from got.training.joint.networks import load_unet
from PIL import Image

ROOT = Path(__file__).parent.parent
SMOKE_LOSS = 5.5  # mean of the last five steps of the smoke run, which starts at 8, as training/README.md says

pytestmark = pytest.mark.slow  # it trains


@pytest.fixture(autouse=True)
def one_run_a_process():
    """accelerate keeps the precision of a process's first run."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="module", autouse=True)
def short_samples():
    """Samples write chains of 24 tokens at most; a random model never ends one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "MOST_TOKENS", 24)
        yield


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return joint.start_folder(tmp_path_factory.mktemp("start"))


def records(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def losses(out):
    return [
        (record["step"], record["loss"], record["chain"], record["noise"], record["grad_norm"])
        for record in records(out)
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Eleven rows, the third broken."""
    folder = tmp_path_factory.mktemp("data")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 60, 3), dtype=np.uint8)).save(folder / "a.png")
    good = {"chain": "A cup (100,200),(500,900) (red).", "picture": "a.png"}
    rows = [{"prompt": f"cup {number}", **good, **({"source": "a.png"} if number % 2 else {})} for number in range(11)]
    rows[2]["picture"] = "none.png"
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder / "rows.jsonl"


@pytest.fixture(scope="module")
def whole(start, data, tmp_path_factory):
    """A run of four steps over two sources, with LoRA's dropout, a checkpoint before the last step, and samples."""
    out = tmp_path_factory.mktemp("run")
    sources = [{"files": str(data), "share": 2}, {"kind": "world"}]
    sizes = {"batch": 4, "micro_batch": 2, "shuffle_buffer": 3, "steps": 4}
    sizes |= {"save": 3, "report": 2, "sample": 4, "samples": 1}
    config = joint.config_of(start, sources=sources, lora_dropout=0.2, name="Small", **sizes)
    train(config, out)
    return config, out


def test_a_stopped_run_resumes_exactly(whole, tmp_path):
    config, out = whole
    again = tmp_path / "again"
    shutil.copytree(out, again)
    shutil.rmtree(again / "checkpoints" / "step-000004")  # stopped after the third step
    train(config, again)
    assert losses(again) == losses(out) and [record["step"] for record in records(out)] == [1, 2, 3, 4]
    assert (again / "rows.json").read_text() == (out / "rows.json").read_text()
    for name in ("unet.safetensors", "reasoner/model.safetensors"):
        assert (again / "model" / name).read_bytes() == (out / "model" / name).read_bytes()


def test_a_run_leaves_its_log(whole):
    _, out = whole
    assert Image.open(out / "loss.png").size == (960, 540)
    assert Image.open(out / "samples" / "step-000004.png").size == (3 * joint.SIDE, joint.SIDE)
    report = json.loads((out / "rows.json").read_text())
    assert report["seen"] == 16 and report["counts"]["missing picture"] >= 1
    assert "rows.jsonl, row 3: there is no file" in report["named"]["missing picture"][0]
    rates = [record["learning_rate"] for record in records(out)]
    assert rates[0] == pytest.approx(5e-5) and max(rates) == rates[1] and rates[-1] < rates[2]


def test_the_exported_model_is_the_packs(whole, start):
    _, out = whole
    assert read_manifest(out / "model").name == "Small"
    trained, before = (load_reasoner(folder, torch.float32) for folder in (out / "model", start))
    chain = trained.write(Request(TEXT_TO_IMAGE, "a cup"), Sampling(), max_tokens=8)
    context, null, pooled = trained.conditions(trained.semantics(chain))
    assert context.shape == null.shape == (1, 64, 48) and pooled.shape == (1, 80)
    for name, tensor in before.network.language_model.state_dict().items():
        moved = not torch.equal(tensor, trained.network.language_model.state_dict()[name])
        assert moved == (
            "_proj.weight" in name or "layernorm" in name or "embed_tokens" in name or "lm_head" in name
        ), name
    unets = [load_unet(folder / "unet.safetensors") for folder in (out / "model", start)]
    assert unets[0].conv_in.weight[:, 4:].any() and not unets[1].conv_in.weight[:, 4:].any()


def test_half_precision_with_activations_computed_twice(start, tmp_path):
    """The way of the real size: bf16 with LoRA's frozen weights in bf16 too, and gradient checkpointing."""
    sizes = {"batch": 1, "micro_batch": 1, "steps": 1, "sample": 0, "save": 0}
    values = []
    for name, settings in (("full", {}), ("half", {"precision": "bf16", "gradient_checkpointing": True})):
        AcceleratorState._reset_state(reset_partial_state=True)
        train(joint.config_of(start, lora_dropout=0.0, **sizes, **settings), tmp_path / name)
        values.append(records(tmp_path / name)[0])
    for name in ("chain", "noise", "grad_norm"):
        assert values[1][name] == pytest.approx(values[0][name], rel=0.05) and values[1][name] != values[0][name]


def test_another_configuration_does_not_go_on(whole, tmp_path):
    config, out = whole
    again = tmp_path / "again"
    shutil.copytree(out, again)
    with pytest.raises(ConfigError, match=r"another 'learning_rate': 0\.0001, not 0\.1"):
        train(joint.config_of(**{**as_json(config), "learning_rate": 0.1}), again)
    train(joint.config_of(**{**as_json(config), "report": 2}), again)  # nothing is left to do
    assert losses(again) == losses(out)


def command(config, out, *arguments):
    file = out.with_suffix(".json")
    file.write_text(json.dumps(as_json(config)))
    return [sys.executable, ROOT / "tools" / "run.py", "training.joint", "--config", file, "--out", out, *arguments]


def test_two_processes_give_the_losses_of_one(start, tmp_path):
    """Also where only one of a process's two parts of a step has an image to encode."""
    sizes = {"batch": 4, "micro_batch": 1, "steps": 2, "sample": 0, "lora_dropout": 0.2, "save": 0}
    config = joint.config_of(start, **sizes)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    train(config, tmp_path / "one")
    subprocess.run(list(map(str, command(config, tmp_path / "two", "--processes", 2))), check=True, env=environment)
    one, two = np.array(losses(tmp_path / "one")), np.array(losses(tmp_path / "two"))
    np.testing.assert_allclose(two, one, rtol=1e-4)
    unets = [load_unet(tmp_path / name / "model" / "unet.safetensors").state_dict() for name in ("one", "two")]
    for name, tensor in unets[0].items():
        torch.testing.assert_close(unets[1][name], tensor, rtol=1e-3, atol=2e-5)


def test_the_recipe_of_got_tiny_learns(tmp_path):
    """A short run of the bundled configuration, from random weights."""
    assert main(["--config", "smoke", "--out", str(tmp_path / "run")]) == 0
    values = [record["loss"] for record in records(tmp_path / "run")]
    assert values[0] > 7.5 and np.mean(values[-5:]) < SMOKE_LOSS


def test_base_folders_that_are_not_there_are_named(tmp_path, capsys):
    arguments = [
        "--config",
        "pretrain",
        "--out",
        str(tmp_path / "run"),
        "--set",
        f"mllm={tmp_path}",
        f"sdxl={tmp_path}",
    ]
    assert main(arguments) == 1
    assert "config.json" in capsys.readouterr().err


def test_a_model_of_a_persons_is_not_replaced(tmp_path, capsys):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.txt").touch()
    assert main(["--config", "smoke", "--out", str(tmp_path), "--set", "steps=1", "batch=1", "micro_batch=1"]) == 1
    assert "another --out" in capsys.readouterr().err and (tmp_path / "model" / "mine.txt").exists()


def test_the_newest_checkpoint_is_the_last_however_many_digits_it_has(tmp_path):
    for name in ("step-999999", "step-1000000", "step-1000001.unfinished-a1b2"):
        (tmp_path / name).mkdir()
    assert [path.name for path in checkpoints(tmp_path)] == ["step-999999", "step-1000000"]


def test_a_log_whose_last_line_is_cut_off_is_continued(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"st')
    Journal(tmp_path, 2).write({"step": 3})
    assert records(tmp_path) == [{"step": 1}, {"step": 2}, {"step": 3}]


def test_a_mistake_is_one_sentence(tmp_path, capsys):
    assert main(["--config", "none", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("train: There is no training configuration 'none'.")


def test_data_without_a_usable_row_ends_before_the_first_step(tmp_path, capsys):
    (tmp_path / "rows.jsonl").write_text("{}\n" * 3)
    command = ["--config", "finetune", "--data", str(tmp_path / "rows.jsonl"), "--out", str(tmp_path / "out")]
    assert main([*command, "--set", "start=tiny", "steps=1"]) == 1
    assert "none of the 3 rows read can be used" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_dev_py_passes_the_command_on(monkeypatch):
    seen = []
    monkeypatch.setattr(dev, "run_module", lambda *arguments: seen.append(arguments) or 0)
    monkeypatch.setattr(sys, "argv", ["dev.py", "train", "--config", "tiny", "--out", "x"])
    assert dev.main() == 0 and seen == [("training.joint", ["--config", "tiny", "--out", "x"], "train")]


def test_the_ema_follows_and_steps_back():
    parameter = torch.nn.Parameter(torch.zeros(2))
    ema = EMA({"a": parameter}, decay=0.5)
    parameter.data += 1
    ema.update()  # the first ones weigh more: 2 / 11 is what is kept
    with ema.applied():
        assert parameter.tolist() == pytest.approx([9 / 11] * 2)
    assert parameter.tolist() == [1, 1]


def test_an_ema_takes_its_own_warmup_and_resumes():
    parameter = torch.nn.Parameter(torch.zeros(2))
    ema, resumed = (EMA({"a": parameter}, decay=0.999, warmup=(0, 20)) for _ in range(2))
    parameter.data += 1
    ema.update()
    resumed.load_state_dict(ema.state_dict())
    assert resumed.count == 1 and resumed.values["a"].tolist() == pytest.approx([20 / 21] * 2)


def test_the_curve_of_a_long_run_is_means():
    values = [float(number) for number in range(10 * POINTS)]
    assert len(smoothed(values)) == POINTS and smoothed(values)[0] == 4.5 and smoothed([3.0]) == [3.0]
    line = {"step": 1, "loss": 1.0, "chain": 0.5, "noise": 0.5}
    assert loss_curves([line]).size == (960, 540)
