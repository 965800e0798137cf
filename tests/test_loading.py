"""Model folders with wrong files: the error names what was found, and says what to do."""

import ast
import os
import shutil
from pathlib import Path

import pytest
import torch
from got.got_models.errors import GoTError
from got.got_models.files.manifest import REASONER, TINY
from got.got_models.reasoner.loading import load_reasoner
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
    with pytest.raises(GoTError, match=r"'Other/reasoner' is not a Qwen2\.5-VL folder"):
        load_reasoner(folder, torch.float32)


def test_weights_that_are_whole_numbers_are_refused(folder):
    path = folder / REASONER / "model.safetensors"
    numbers = {name: tensor.to(torch.int16) for name, tensor in load_file(path).items()}
    path.unlink()
    save_file(numbers, path)
    with pytest.raises(GoTError, match="do not make a language model"):
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
