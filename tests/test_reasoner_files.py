"""The files beside the language model's weights: the oldest transformers and the newest read them."""

import json

import pytest
import torch
from got.got_models.convert.reasoner_files import published_config, reasoner_files
from got.got_models.convert.release import reasoner_shapes
from got.got_models.files.weights import WeightsError, read_header
from got.tools.oracle.qwen import CHAT_TEMPLATE, GOT_TOKENS, Sizes, write_mllm_folder
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen2VLImageProcessor

pytestmark = pytest.mark.transformers_oldest


@pytest.fixture
def mllm(tmp_path):
    write_mllm_folder(tmp_path / "mllm", Sizes(), torch.float32)
    return tmp_path / "mllm"


def config_of(folder):
    return json.loads((folder / "config.json").read_text())


def written(mllm, folder):
    folder.mkdir()
    for name, text in reasoner_files(mllm, mllm, config_of(mllm), 384).items():
        (folder / name).write_text(text)
    return folder


def as_transformers_5_writes_it(flat):
    """The nested form of a flat config."""
    outer = ("architectures", "model_type", "tie_word_embeddings", "vision_config")
    text = {name: value for name, value in flat.items() if name not in outer and not name.startswith("rope")}
    rope = {"mrope_section": flat["rope_scaling"]["mrope_section"], "rope_theta": flat["rope_theta"], "type": "mrope"}
    text |= {"rope_parameters": {**rope, "rope_type": "default"}, "model_type": "qwen2_5_vl_text", "dtype": "bfloat16"}
    return {**{name: flat[name] for name in outer}, "dtype": "bfloat16", "text_config": text}


def test_shapes_follow_from_the_config(mllm):
    shapes = reasoner_shapes(config_of(mllm))
    header = {name: info.shape for name, info in read_header(mllm / "model.safetensors").items()}
    assert shapes == {**header, "lm_head.weight": header["model.embed_tokens.weight"]}


def test_nested_config_becomes_the_published_one(mllm):
    flat = config_of(mllm)
    made = published_config(as_transformers_5_writes_it(flat))
    assert made == {name: value for name, value in flat.items() if name != "torch_dtype"}
    assert reasoner_shapes(made) == reasoner_shapes(flat)


def test_published_config_stays_as_it_is(mllm):
    assert published_config(config_of(mllm)) == config_of(mllm)


def test_files_are_read_by_this_transformers(mllm, tmp_path):
    folder = written(mllm, tmp_path / "reasoner")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    assert tokenizer.convert_tokens_to_ids(list(GOT_TOKENS)) == list(range(270, 336))
    assert set(GOT_TOKENS) <= {token.content for token in tokenizer.added_tokens_decoder.values()}
    assert tokenizer.chat_template == CHAT_TEMPLATE
    assert Qwen2VLImageProcessor.from_pretrained(folder).merge_size == 2
    assert GenerationConfig.from_pretrained(folder).repetition_penalty == 1.05


def test_tokens_that_are_there_already_keep_their_numbers(mllm, tmp_path):
    """A checkpoint's own tokenizer is used."""
    got = written(mllm, tmp_path / "got")
    tokens = json.loads((got / "tokenizer.json").read_text())
    tokens["added_tokens"][-1]["content"], tokens["added_tokens"][-2]["content"] = GOT_TOKENS[-2:]
    (got / "tokenizer.json").write_text(json.dumps(tokens))
    made = json.loads(reasoner_files(got, mllm, config_of(mllm), 384)["tokenizer.json"])
    assert [token["content"] for token in made["added_tokens"][-2:]] == [GOT_TOKENS[-1], GOT_TOKENS[-2]]


@pytest.mark.parametrize("name, text", [("chat_template.jinja", "T"), ("chat_template.json", '{"chat_template": "T"}')])
def test_chat_template_is_found_where_other_releases_keep_it(mllm, tmp_path, name, text):
    config = json.loads((mllm / "tokenizer_config.json").read_text())
    del config["chat_template"]
    config["tokenizer_class"] = "TokenizersBackend"
    (mllm / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="no chat template"):
        reasoner_files(mllm, mllm, config_of(mllm), 384)
    (mllm / name).write_text(text)
    made = json.loads(reasoner_files(mllm, mllm, config_of(mllm), 384)["tokenizer_config.json"])
    assert (made["chat_template"], made["tokenizer_class"]) == ("T", "PreTrainedTokenizerFast")


def test_generation_is_greedy_with_a_penalty_if_nothing_is_said(mllm):
    (mllm / "generation_config.json").unlink()
    made = json.loads(reasoner_files(mllm, mllm, config_of(mllm), 384)["generation_config.json"])
    assert made == {"do_sample": False, "eos_token_id": [258, 256], "repetition_penalty": 1.05}
