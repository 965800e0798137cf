"""Model folders with wrong files: the error names what was found, and says what to do."""

import ast
import json
import os
import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from got.got_models.chain.grammar import TEXT_TO_IMAGE
from got.got_models.chain.request import Request
from got.got_models.errors import GoTError
from got.got_models.files.manifest import MANIFEST, PROJECTORS, REASONER, TINY
from got.got_models.reasoner.loading import load_reasoner
from got.got_models.reasoner.sampling import Sampling
from got.got_models.reasoner.tokenizer import GuardedTokenizer
from got.tests.integration.models import PANICS
from safetensors.torch import load_file, save_file


@pytest.fixture
def folder(tmp_path):
    """A copy of GoT-Tiny with hard links to its files, which may be replaced but not written to."""
    return shutil.copytree(TINY, tmp_path / "Other", copy_function=os.link)


def replace_file(path, content):
    path.unlink()
    path.write_text(content)


@pytest.mark.parametrize("content", ["[]", "[" * 100_000])
@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "preprocessor_config.json", "config.json"])
def test_a_file_that_holds_something_else_is_refused_or_not_needed(folder, name, content):
    replace_file(folder / REASONER / name, content)
    try:
        load_reasoner(folder, torch.float32)
    except GoTError as error:
        assert "onvert" in str(error) and len(str(error)) < 800


def test_a_tokenizer_that_is_none_is_refused(folder):
    replace_file(folder / REASONER / "tokenizer.json", '{"version": "1.0", "model": {"type": "none"}}')
    with pytest.raises(GoTError, match=r"The tokenizer in 'Other/reasoner' cannot be (used|read)"):
        load_reasoner(folder, torch.float32)


def change_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    replace_file(path, json.dumps(content))


def refusal(folder):
    with pytest.raises(GoTError) as error:
        load_reasoner(folder, torch.float32)
    assert len(str(error.value)) < 800
    return str(error.value)


def test_a_tokenizer_that_panics_at_load_is_refused(folder):
    """PyO3's PanicException is no Exception: it would end ComfyUI's worker thread."""
    change_json(folder / REASONER / "tokenizer.json", lambda tokenizer: tokenizer.update(normalizer=PANICS[0]))
    assert "The tokenizer in 'Other/reasoner' cannot be read" in refusal(folder)


def test_a_tokenizer_that_panics_while_text_is_read_is_refused(folder):
    change_json(folder / REASONER / "tokenizer.json", lambda tokenizer: tokenizer.update(normalizer=PANICS[1]))
    reasoner = load_reasoner(folder, torch.float32)
    with pytest.raises(GoTError, match="The tokenizer in 'Other/reasoner' cannot be used"), torch.inference_mode():
        reasoner.write(Request(TEXT_TO_IMAGE, "a red circle"), Sampling(), 4)


@pytest.mark.parametrize("part", ["pre_tokenizer", "normalizer"])
def test_a_pattern_that_can_run_without_end_is_refused(folder, part):
    pattern = {"Regex": "(a+)+$"}
    parts = {
        "pre_tokenizer": {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False},
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Replace", "pattern": pattern, "content": "x"}]},
    }
    change_json(folder / REASONER / "tokenizer.json", lambda tokenizer: tokenizer.update({part: parts[part]}))
    assert "splits text by the pattern '(a+)+$', not by Qwen2.5-VL's" in refusal(folder)


def test_what_a_person_stops_is_no_fault_of_the_tokenizer():
    with pytest.raises(KeyboardInterrupt):
        GuardedTokenizer(Mock(side_effect=KeyboardInterrupt), "Other", "Get it again.")


CONFIGS = {
    "ten million layers": (lambda config: config.update(num_hidden_layers=10_000_000), "10000000 is not a number"),
    "as many blocks": (lambda config: config["vision_config"].update(depth=10_000_000), "10000000 is not a number"),
    "more layers than weights": (lambda config: config.update(num_hidden_layers=128), "has no tensor"),
    "fewer blocks than weights": (lambda config: config["vision_config"].update(depth=1), "depth is 1"),
    "another width": (lambda config: config.update(hidden_size=384, num_attention_heads=6), "vision_config"),
    "other key heads": (lambda config: config.update(num_key_value_heads=3), "key_rows is 192"),
    "quantized": (lambda config: config.update(quantization_config={"quant_method": "gptq", "bits": 4}), "by 'gptq'"),
    "quantized somehow": (lambda config: config.update(quantization_config=7), "by '7'"),
    "no rope": (lambda config: config.update(rope_scaling=None), "rope_parameters"),
    "a wrong sum": (lambda config: config["rope_scaling"].update(mrope_section=[2, 4, 25]), "heads"),
    "a section of words": (lambda config: config["rope_scaling"].update(mrope_section="abc"), "not a number"),
    "windows of one pixel": (lambda config: config["vision_config"].update(window_size=1), "1 is not a number"),
    "patches of nothing": (lambda config: config["vision_config"].update(patch_size=0), "0 is not a number"),
    "another model": (lambda config: config.update(model_type="llama"), "of type 'llama'"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_config_that_does_not_fit_the_weights_is_refused(folder, case):
    change, words = CONFIGS[case]
    change_json(folder / REASONER / "config.json", change)
    said = refusal(folder)
    assert words in said and "Other/reasoner" in said and said.endswith("Convert the model again.")


TEMPLATES = {
    "endless": "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}"
    "{% endfor %}{% endfor %}",
    "large": "{{ 'a' * 3000000000 }}",
    "none": None,
    "broken": "{% for",
}


@pytest.mark.parametrize("case", TEMPLATES)
def test_a_chat_template_is_never_run(folder, case):
    template = TEMPLATES[case]
    change_json(folder / REASONER / "tokenizer_config.json", lambda config: config.update(chat_template=template))
    expected = load_reasoner(TINY, torch.float32).vocabulary.prompt_ids(Request(TEXT_TO_IMAGE, "a circle"), [])
    assert (
        load_reasoner(folder, torch.float32).vocabulary.prompt_ids(Request(TEXT_TO_IMAGE, "a circle"), []) == expected
    )


@pytest.mark.parametrize(
    "change",
    [
        {"patch_size": 0},
        {"merge_size": 0},
        {"image_mean": 5},
        {"image_std": [0, 1, 1]},
        {"image_mean": [0.5, 0.5]},
        {"image_std": ["a", 1, 1]},
        {"image_mean": [float("nan"), 0.5, 0.5]},
    ],
    ids=str,
)
def test_an_image_processor_that_does_not_fit_is_refused(folder, change):
    change_json(folder / REASONER / "preprocessor_config.json", lambda config: config.update(change))
    assert "preprocessor_config.json' does not fit Qwen2.5-VL" in refusal(folder)


@pytest.mark.parametrize("size", [[112, 100], [20, 112]], ids=str)
def test_an_image_size_that_is_not_in_whole_patches_is_refused(folder, size):
    change_json(folder / MANIFEST, lambda manifest: manifest.update(reasoner_image_size=size))
    assert "multiples of 28" in refusal(folder)


PROJECTIONS = {
    "a vector": lambda tensor: tensor.flatten(),
    "three dimensions": lambda tensor: tensor[None],
    "of another width": lambda tensor: tensor[:, 1:].contiguous(),
    "a number": lambda tensor: tensor.sum(),
}


@pytest.mark.parametrize("name", ["context.weight", "pooled.weight"])
@pytest.mark.parametrize("case", PROJECTIONS)
def test_projectors_of_another_shape_are_refused(folder, case, name):
    path = folder / PROJECTORS
    tensors = load_file(path)
    path.unlink()
    save_file(tensors | {name: PROJECTIONS[case](tensors[name])}, path)
    assert "projectors.safetensors' does not fit the reasoner" in refusal(folder)


def test_weights_that_are_whole_numbers_are_refused(folder):
    path = folder / REASONER / "model.safetensors"
    numbers = {name: tensor.to(torch.int16) for name, tensor in load_file(path).items()}
    path.unlink()
    save_file(numbers, path)
    with pytest.raises(GoTError, match=r"read here .*of type I16"):
        load_reasoner(folder, torch.float32)


PACK = Path(__file__).parent.parent
LOADED_AT_START = sorted(path for room in ("reasoner", "comfy") for path in (PACK / "got_models" / room).glob("*.py"))


@pytest.mark.parametrize("path", LOADED_AT_START, ids=lambda path: path.stem)
def test_transformers_is_imported_on_use_and_not_at_comfyuis_start(path):
    body = ast.parse(path.read_text(encoding="utf-8")).body
    names = [node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in body if _imports(node)]
    assert not [name for name in names if name.split(".")[0] == "transformers"]


def _imports(node):
    return isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.level == 0)
