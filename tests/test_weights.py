"""Weights: what is read, what is refused, and with which message."""

import json

import pytest
import torch
from got.got_models.files.fp8 import METADATA, quantized_layers
from got.got_models.files.weights import (
    TensorInfo,
    WeightsError,
    load_tensors,
    published_key,
    read_header,
    read_metadata,
)
from safetensors.torch import save_file


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.ones(2, 3), "b": torch.zeros(5, dtype=torch.bfloat16)}, path, metadata={"format": "pt"})
    return path


def refusal(path):
    with pytest.raises(WeightsError) as error:
        load_tensors(path)
    assert str(path) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "new, published",
    [
        ("model.language_model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"),
        ("model.language_model.embed_tokens.weight", "model.embed_tokens.weight"),
        ("model.visual.blocks.3.norm1.weight", "visual.blocks.3.norm1.weight"),
        ("lm_head.weight", "lm_head.weight"),
    ],
)
def test_names_of_today_become_the_published_ones_and_those_stay(new, published):
    assert published_key(new) == published
    assert published_key(published) == published


def test_the_header_lists_the_tensors(file):
    assert read_header(file) == {"a": TensorInfo("F32", (2, 3)), "b": TensorInfo("BF16", (5,))}


def test_tensors_come_from_a_file_and_from_a_folder(file):
    assert load_tensors(file)["a"].sum() == 6
    assert load_tensors(file.parent)["b"].dtype == torch.bfloat16


def test_tensors_come_from_shards(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "one.safetensors")
    save_file({"b": torch.ones(3)}, tmp_path / "two.safetensors")
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert {name: len(tensor) for name, tensor in load_tensors(tmp_path).items()} == {"a": 2, "b": 3}
    (tmp_path / "two.safetensors").unlink()
    assert "does not exist" in refusal(tmp_path / "two.safetensors")


@pytest.mark.parametrize(
    "index", ["", "[]", '{"weight_map": ["a"]}', "[" * 100_000, '{"weight_map": {"a": "../elsewhere.safetensors"}}']
)
def test_an_index_that_is_none_is_refused(tmp_path, index):
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(WeightsError, match="not an index of weights"):
        load_tensors(tmp_path)


def test_missing_file(tmp_path):
    assert "does not exist" in refusal(tmp_path / "none.safetensors")


def test_folder_without_weights(tmp_path):
    with pytest.raises(WeightsError, match=r"model\.safetensors does not exist"):
        load_tensors(tmp_path)


def test_folder_where_a_file_belongs(tmp_path):
    with pytest.raises(WeightsError, match="is a folder"):
        read_header(tmp_path)


@pytest.mark.parametrize(
    "content, complaint",
    [
        (b"", "is empty"),
        (b"hell", "not a safetensors file"),
        (b"<!DOCTYPE html><html>", "not a safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff{", "is damaged or cut short"),
        (b"\x02\0\0\0\0\0\0\0{]", "is damaged or cut short"),
        (b'\x08\0\0\0\0\0\0\0{"a": 1}', "is damaged or cut short"),
        (b"\x02\0\0\0\0\0\0\0{}more", "is damaged or cut short"),
    ],
)
def test_other_content_is_named_for_what_it_is(tmp_path, content, complaint):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert complaint in refusal(path)


def with_header(path, header, data=b"\0" * 4):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


ENTRY = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
BAD_ENTRIES = {
    "shape no list": {"dtype": "I64", "shape": 5},
    "a shape of another length": {"shape": [2]},
    "a shape above all numbers": {"shape": [2**40, 2**40]},
    "a negative shape": {"shape": [-1, -1]},
    "a shape of fractions": {"shape": [1.0]},
    "a shape of words": {"dtype": "I64", "shape": ["a"]},
    "no end of sides": {"shape": [1] * 100_000},
    "a type that is a number": {"dtype": 5},
    "a type that is a list": {"dtype": ["F32"]},
    "places that are words": {"dtype": "I64", "data_offsets": ["a", "b"]},
    "a place without end": {"dtype": "I64", "data_offsets": [0, float("inf")]},
}


@pytest.mark.parametrize("case", BAD_ENTRIES)
def test_an_entry_that_describes_no_tensor_is_refused(tmp_path, case):
    path = with_header(tmp_path / "model.safetensors", {"a": ENTRY | BAD_ENTRIES[case]})
    with pytest.raises(WeightsError, match="is damaged") as error:
        read_header(path)
    assert len(str(error.value)) < 400


def test_a_header_without_bottom_is_refused(tmp_path):
    path = with_header(tmp_path / "model.safetensors", b'{"a":' + b"[" * 100_000)
    assert "is damaged or cut short" in refusal(path)


def test_metadata_that_is_none_says_nothing(tmp_path):
    path = with_header(tmp_path / "model.safetensors", {"__metadata__": None, "a": ENTRY})
    assert read_metadata(path) == {} and quantized_layers(path) == {}


@pytest.mark.parametrize("said", [[], {"format": 5}])
def test_metadata_that_is_no_table_of_texts_is_refused(tmp_path, said):
    path = with_header(tmp_path / "model.safetensors", {"__metadata__": said, "a": ENTRY})
    with pytest.raises(WeightsError, match="is damaged or cut short"):
        read_metadata(path)


@pytest.mark.parametrize("said", ["[" * 100_000, "5", "[]", '{"layers": ["a"]}', '{"layers": {"a": {}}}'])
def test_a_list_of_quantized_layers_that_is_none_is_refused(tmp_path, said):
    header = {"__metadata__": {METADATA: said}, "a": ENTRY}
    with pytest.raises(WeightsError, match="list of quantized layers cannot be read"):
        quantized_layers(with_header(tmp_path / "model.safetensors", header))


def test_layers_that_are_quantized_in_no_known_way_are_refused(tmp_path):
    header = {"__metadata__": {METADATA: '{"layers": {"a": {"format": 5}}}'}, "a": ENTRY}
    with pytest.raises(WeightsError, match="is quantized as 5"):
        quantized_layers(with_header(tmp_path / "model.safetensors", header))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_never_opened(tmp_path, zipped):
    path = tmp_path / "model.safetensors"
    torch.save({"a": torch.ones(1)}, path, _use_new_zipfile_serialization=zipped)
    assert "can run code" in refusal(path)


@pytest.mark.parametrize("kept", [9, 50, -1])
def test_a_file_cut_short_is_refused_wherever_it_was_cut(file, kept):
    file.write_bytes(file.read_bytes()[:kept])
    assert "cut short" in refusal(file)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float8_e5m2])
def test_weights_that_are_no_numbers_are_refused(tmp_path, dtype, value):
    path = tmp_path / "model.safetensors"
    save_file({"good": torch.ones(3), "layer.weight": torch.full((64, 96), value).to(dtype)}, path)
    assert "'layer.weight' holds NaN or infinity" in refusal(path)
