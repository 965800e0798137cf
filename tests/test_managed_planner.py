"""A plain Qwen2.5-VL under ComfyUI's memory management: found, estimated, loaded in part; a single file; the nodes."""

from types import SimpleNamespace

import comfy.model_management
import folder_paths
import pytest
import torch
from got.got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, read_chain
from got.got_models.chain.request import Request
from got.got_models.comfy.files import PLANNER_FOLDERS, comfyui_tokenizer, planner_names, planner_path, register_folder
from got.got_models.comfy.memory_estimate import planner_estimate
from got.got_models.comfy.reasoner import managed_planner
from got.got_models.errors import GoTError
from got.got_models.files.fp8 import LAYER, as_bytes, dequantize, quantize
from got.got_models.files.memory_estimate import PARTS, TOGETHER, planner_need
from got.got_models.files.planner import read_planner
from got.got_models.reasoner.loading import load_planner
from got.got_models.reasoner.sampling import Sampling
from got.nodes.guidance import SemanticSpatialGuidance
from got.nodes.loader import GoTPlannerLoader
from got.nodes.reasoning import EditChain, GoTSeveralChains, ReasoningChain
from got.tools.oracle.qwen import Sizes, flat_config, make_tokenizer, store_in_fp8, write_mllm_folder
from safetensors.torch import load_file, save_file
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

pytestmark = [
    pytest.mark.transformers_oldest,
    pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`"),
]

NAME = "Qwen2.5-VL-tiny"
DRAWN = Sampling(temperature=1.0, seed=1)  # the likeliest tokens of this model are bytes of no character
OFF = {"sampling_mode": "off", "repetition_penalty": 1.05}


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """models/LLM, models/text_encoders and models/got with a planner in the first."""
    base = tmp_path_factory.mktemp("models")
    for name in PLANNER_FOLDERS:
        (base / name).mkdir()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        write_mllm_folder(base / "LLM" / NAME, Sizes(), torch.float32)
    return base


@pytest.fixture
def models(base, monkeypatch):
    known = {name: ([str(base / name)], set()) for name in PLANNER_FOLDERS}
    monkeypatch.setattr(folder_paths, "folder_names_and_paths", known)
    return base


@pytest.fixture(scope="module")
def pair(base):
    with torch.inference_mode():
        folder = base / "LLM" / NAME
        return SimpleNamespace(managed=managed_planner(folder), plain=load_planner(folder, torch.float32))


def image():
    return torch.rand(1, 42, 60, 3, generator=torch.Generator().manual_seed(0))


def request_of(task):
    return Request(task, "a red cup", image() if task == EDIT else None)


# ------------------------------------------------------------------------------------------ memory


@pytest.mark.parametrize("task", [TEXT_TO_IMAGE, EDIT])
def test_the_same_chain_is_written(pair, task):
    ours = pair.managed.write(request_of(task), DRAWN, 16, True, "1")
    assert ours.text and ours.text == pair.plain.write(request_of(task), DRAWN, 16).text


@pytest.mark.parametrize("share", [0, 0.5])
def test_loaded_in_part_it_writes_the_same(pair, share, monkeypatch):
    patcher = pair.managed.patcher
    comfy.model_management.load_models_gpu([patcher])
    patcher.unpatch_model(patcher.offload_device)
    patcher.load(patcher.load_device, lowvram_model_memory=max(1, int(patcher.model_size() * share)))
    monkeypatch.setattr(comfy.model_management, "load_models_gpu", lambda *models, **options: None)  # room for no more
    ours = pair.managed.write(request_of(EDIT), DRAWN, 16, True, "1")
    assert patcher.model.model_lowvram and patcher.loaded_size() < patcher.model_size()
    assert ours.text == pair.plain.write(request_of(EDIT), DRAWN, 16).text


def test_every_weight_is_in_a_layer_that_comfyui_can_leave_out(pair):
    holders = [module for module in pair.managed.patcher.model.modules() if [*module.parameters(recurse=False)]]
    assert [type(module).__name__ for module in holders if not hasattr(module, "comfy_cast_weights")] == []


def test_the_estimate_is_what_comfyui_counts(pair, base):
    need = planner_need(base / "LLM" / NAME, torch.float32, False)
    assert need.weights == pytest.approx(pair.managed.patcher.model_size(), rel=0.01)


def test_the_estimate_is_shown_before_a_run(models, monkeypatch):
    estimate = planner_estimate(NAME)
    assert estimate["fits"] == TOGETHER and estimate["chain"] > 100_000
    monkeypatch.setattr(comfy.model_management, "get_free_memory", lambda device: 1000)
    monkeypatch.setattr(comfy.model_management, "current_loaded_models", [])
    assert planner_estimate(NAME)["fits"] == PARTS


def test_matrices_in_comfyuis_fp8_are_read(base, tmp_path):
    copy = tmp_path / "fp8"
    copy.mkdir()
    for file in (base / "LLM" / NAME).iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    store_in_fp8(copy / "model.safetensors")
    chain = managed_planner(copy).write(request_of(TEXT_TO_IMAGE), DRAWN, 16, True, "1")
    assert chain.text == load_planner(copy, torch.float32).write(request_of(TEXT_TO_IMAGE), DRAWN, 16).text


# ------------------------------------------------------------------------------------------ found in ComfyUI's folders


def test_a_planner_is_found_in_each_folder_and_a_gots_own_reasoner_is_not(models):
    (models / "text_encoders" / "deep" / "Other").mkdir(parents=True)
    (models / "text_encoders" / "deep" / "Other" / "config.json").write_text('{"model_type": "qwen3_vl"}')
    (models / "text_encoders" / "t5" / "x").mkdir(parents=True)
    (models / "text_encoders" / "t5" / "x" / "config.json").write_text('{"model_type": "t5"}')
    (models / "text_encoders" / "qwen_2.5_vl_7b_bf16.safetensors").touch()
    (models / "text_encoders" / "clip_l.safetensors").touch()
    (models / "got" / "GoT-6B" / "reasoner").mkdir(parents=True)
    (models / "got" / "GoT-6B" / "got.json").write_text("{}")
    (models / "got" / "GoT-6B" / "reasoner" / "config.json").write_text('{"model_type": "qwen2_5_vl"}')
    assert planner_names() == [NAME, "deep/Other", "qwen_2.5_vl_7b_bf16.safetensors"]
    with pytest.raises(GoTError, match=r"of type 'qwen3_vl', but Qwen2\.5-VL is needed"):
        GoTPlannerLoader.execute("deep/Other")
    with pytest.raises(GoTError, match="is empty"):
        GoTPlannerLoader.execute("qwen_2.5_vl_7b_bf16.safetensors")


@pytest.mark.parametrize("name", ["../LLM", "none", "", "/etc"])
def test_only_listed_names_are_used(models, name):
    with pytest.raises(GoTError, match="There is no language model"):
        planner_path(name)


def test_models_llm_is_registered():
    register_folder()
    assert any(path.endswith("LLM") for path in folder_paths.get_folder_paths("LLM"))


# ------------------------------------------------------------------------------------------ a single file


WIDE = Sizes(
    hidden=128,
    vocabulary=151_936,
    language={
        **{"num_attention_heads": 1, "num_key_value_heads": 1, "rope_scaling": {"mrope_section": [16, 24, 24]}},
        "tie_word_embeddings": False,
    },
    vision={"hidden_size": 64, "num_heads": 16, "fullatt_block_indexes": [7, 15, 23, 31]},
)  # with heads of the published size, for it is not in the shapes


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A single file in the published names, as ComfyUI's text encoders are."""
    path = tmp_path_factory.mktemp("single") / "qwen_2.5_vl_tiny.safetensors"
    config = flat_config(WIDE, make_tokenizer()) | {"rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig.from_dict(config))
    names = {"model.language_model.": "model.", "model.visual.": "visual."}
    tensors = {}
    for key, tensor in model.state_dict().items():
        for new, published in names.items():
            key = key.replace(new, published)
        tensors[key] = tensor.to(torch.bfloat16).contiguous()
    save_file(tensors, path)
    return path


def test_the_sizes_of_a_single_file_follow_from_its_shapes(file):
    found, expected = read_planner(file), flat_config(WIDE, make_tokenizer())
    sizes = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    assert {name: found[name] for name in sizes} == {name: expected[name] for name in sizes}
    eyes = {name: value for name, value in expected["vision_config"].items() if name in found["vision_config"]}
    assert found["vision_config"] == eyes and found["vocab_size"] == 151_936 and not found["tie_word_embeddings"]


def test_a_single_file_plans_with_comfyuis_tokenizer(file):
    planner = managed_planner(file, comfyui_tokenizer())
    assert planner.reasoner.vocabulary.special["<|box_start|>"] == 151_648
    for task in (TEXT_TO_IMAGE, EDIT):
        chain = planner.write(request_of(task), Sampling(temperature=1.0), 12, True, "1")
        assert chain.cut and chain.task == task


@pytest.mark.parametrize("missing", ["lm_head.weight", "visual.patch_embed.proj.weight", "model.embed_tokens.weight"])
def test_a_text_encoder_without_a_part_is_refused(file, tmp_path, missing):
    path = tmp_path / "qwen_2.5_vl_7b.safetensors"
    save_file({name: tensor for name, tensor in load_file(file).items() if name != missing}, path)
    with pytest.raises(GoTError, match=f"has no tensor '{missing}'"):
        managed_planner(path, comfyui_tokenizer())


def in_fp8(tensors, layout):
    """Every linear layer but the embeddings in ComfyUI's fp8, and the same weights in float32."""
    stored, plain = {}, {}
    for name, tensor in tensors.items():
        plain[name] = stored[name] = tensor
        if tensor.ndim == 2 and "embed_tokens" not in name:
            weight, scale = quantize(tensor)
            scale = scale if layout != "no scale" else torch.ones(())
            plain[name], stored[name] = dequantize(weight, scale, torch.float32), weight
            layer = name.removesuffix(".weight")
            stored |= {
                "scaled": {f"{layer}.scale_weight": scale.reshape(1), f"{layer}.scale_input": torch.ones(1)},
                "today": {f"{layer}.weight_scale": scale, f"{layer}.comfy_quant": as_bytes(LAYER)},
                "no scale": {},
            }[layout]
    return stored | ({"scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn)} if layout == "scaled" else {}), plain


@pytest.mark.slow  # it takes seconds
@pytest.mark.parametrize("layout", ["scaled", "today", "no scale"])
def test_a_single_file_in_any_fp8_of_comfyui_plans_as_its_weights_do(file, tmp_path, layout):
    texts = []
    for name, tensors in zip(("fp8", "plain"), in_fp8(load_file(file), layout), strict=True):
        save_file(tensors, tmp_path / f"qwen_2.5_vl_{name}.safetensors")
        planner = managed_planner(tmp_path / f"qwen_2.5_vl_{name}.safetensors", comfyui_tokenizer())
        texts.append([planner.write(request_of(task), DRAWN, 12, True, "1").text for task in (TEXT_TO_IMAGE, EDIT)])
    assert texts[0] == texts[1] and all(texts[0])


@pytest.mark.parametrize(
    "change",
    [
        {"model.layers.0.mlp.up_proj.weight": torch.zeros(112, 16, dtype=torch.uint8)},
        {"model.layers.0.mlp.up_proj.weight_scale": torch.zeros(112)},
        {"model.layers.0.mlp.up_proj.weight": torch.zeros(112, 128, dtype=torch.float8_e5m2)},
    ],
    ids=["4 bit", "scale per row", "e5m2"],
)
def test_a_file_that_is_quantized_in_another_way_is_refused(file, tmp_path, change):
    path = tmp_path / "qwen_2.5_vl_7b_nf4.safetensors"
    save_file(load_file(file) | change, path)
    with pytest.raises(GoTError, match="quantized in a way that is not read"):
        managed_planner(path, comfyui_tokenizer())


# ------------------------------------------------------------------------------------------ the nodes


@pytest.fixture
def node(monkeypatch):
    """A node with its id, as ComfyUI calls it."""

    def with_id(kind):
        monkeypatch.setattr(kind, "hidden", SimpleNamespace(unique_id="1"), raising=False)
        return kind

    return with_id


def test_the_nodes_write_with_it(models, node):
    [reasoner] = GoTPlannerLoader.execute(NAME).args
    chain, text, _ = node(ReasoningChain).execute(reasoner, "a red cup", OFF, 16, True).args
    assert chain.text == text and chain.size == (1024, 1024)
    edit = node(EditChain).execute(reasoner, image(), "make it blue", OFF, 16, True).args[0]
    second = node(EditChain).execute(reasoner, image(), "and green", OFF, 16, True, edit).args[0]
    assert second.earlier.text == edit.text
    locked = read_chain("A cup (1,2),(30,40) (red). A hat (5,6),(70,80) (blue).", locked=(0,))
    assert node(ReasoningChain).execute(reasoner, "a cup", OFF, 8, True, locked).args[1].startswith("A cup <|box")
    chains = node(GoTSeveralChains).execute([reasoner], ["a cup\na hat"], {"sampling_mode": ["off"]}, [8], [True]).args
    assert len(chains[0]) == 2


def test_guidance_refuses_it_before_a_chain_is_asked_for(pair):
    with pytest.raises(GoTError, match=r"only plans.*GoT Loader.*GoT Regional Conditioning or GoT Chain To Boxes"):
        SemanticSpatialGuidance.check_lazy_status(pair.managed, chain=None, vae=None, size=None)
    with pytest.raises(GoTError, match="only plans"):
        pair.managed.semantics(read_chain("a cup (1,2),(3,4)"))
