"""Conversion: from the released layout to a model folder, with peft's numbers. Bad input is refused by name."""

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from got.got_models.convert import checkpoint, writer
from got.got_models.convert.release import COMPONENTS, convert, main
from got.got_models.convert.summary import size_text
from got.got_models.errors import GoTError
from got.got_models.files.atomic import LOCK
from got.got_models.files.manifest import read_manifest
from got.got_models.files.weights import load_tensors, read_header
from got.got_models.reasoner.loading import load_reasoner
from got.tools.oracle.qwen import GOT_TOKENS, Sizes
from safetensors.torch import save_file
from transformers import Qwen2_5_VLForConditionalGeneration

INDEX = "pytorch_model.bin.index.json"
RUN = Path(__file__).parent.parent / "tools" / "run.py"
SIZES = Sizes(unet={"layers_per_block": 1}, vae={"layers_per_block": 1, "block_out_channels": (32, 32, 32, 32)})
IMAGE_PAD = 268  # its number in the test model's tokenizer
pytestmark = pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")  # that is the point


def run(release, out, dtype="fp32"):
    """Convert, and return the reported lines."""
    lines = []
    convert(release.got, release.mllm, release.sdxl, out, dtype, lines.append)
    return lines


@pytest.fixture(scope="module")
def make_release():
    from got.tools.oracle.released import make_release

    return make_release


@pytest.fixture(scope="module")
def release(make_release, tmp_path_factory):
    return make_release(tmp_path_factory.mktemp("release"), sizes=SIZES)


@pytest.fixture(scope="module")
def converted(release, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "Small"
    run(release, out)
    return out


@pytest.fixture
def broken(release, tmp_path):
    """A copy of the release for a test to damage."""
    for name in ("got", "mllm", "sdxl"):
        shutil.copytree(getattr(release, name), tmp_path / name)
    yield tmp_path
    shutil.rmtree(tmp_path)  # pytest would keep all of them for three runs


def refusal(folder, dtype="fp32", **places):
    """The message of a conversion that must fail and leave no file."""
    places = {name: folder / name for name in ("got", "mllm", "sdxl")} | places
    before = sorted(folder.iterdir())
    with pytest.raises(GoTError) as error:
        convert(**places, out=folder / "result", dtype=dtype)
    assert sorted(folder.iterdir()) == before
    return str(error.value)


def shard_with(folder, part):
    """A shard that holds a key with `part` in it, and that key."""
    table = json.loads((folder / "got" / INDEX).read_text())["weight_map"]
    key = next(key for key in table if part in key)
    return folder / "got" / table[key], key


def change(folder, edit):
    """Rewrite the checkpoint as one file, after `edit` has changed its tensors."""
    tensors = {}
    for shard in sorted((folder / "got").glob("*.bin")):
        tensors |= torch.load(shard, weights_only=True)
        shard.unlink()
    (folder / "got" / INDEX).unlink()
    edit(tensors)
    torch.save(tensors, folder / "got" / "pytorch_model.bin")


def put_merged(folder, converted, prefix, without=None):
    """Put the merged language model into the checkpoint in the adapter's place."""
    merged = load_tensors(converted / "reasoner")

    def replace(tensors):
        for key in [key for key in tensors if key.startswith("mllm.")]:
            del tensors[key]
        tensors.update({prefix + name: tensor.clone() for name, tensor in merged.items() if name != without})

    change(folder, replace)


def reasoner_inputs(image):
    """24 tokens of text, with an image of 8x4 patches (8 tokens) among them if `image`."""
    generator = torch.Generator().manual_seed(1)
    text = torch.randint(0, 250, (1, 24), generator=generator)
    if not image:
        return {"input_ids": text, "mm_token_type_ids": torch.zeros_like(text)}
    ids = torch.cat([text[:, :5], torch.full((1, 8), IMAGE_PAD), text[:, 5:]], 1)
    return {
        "input_ids": ids,
        "mm_token_type_ids": (ids == IMAGE_PAD).long(),
        "pixel_values": torch.randn(32, 1176, generator=generator),
        "image_grid_thw": torch.tensor([[1, 8, 4]]),
    }


@torch.no_grad()
def difference(peft_model, out, image):
    """Largest relative difference of logits and last hidden states between peft's model and the converted one."""
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(out / "reasoner", attn_implementation="eager")
    inputs = reasoner_inputs(image)
    expected, actual = (m.eval()(**inputs, output_hidden_states=True) for m in (peft_model, model))
    pairs = [(expected.logits, actual.logits), (expected.hidden_states[-1], actual.hidden_states[-1])]
    return max(float((a - b).abs().max() / a.abs().max()) for a, b in pairs)


# ------------------------------------------------------------------------------------------------ the same numbers


@pytest.mark.parametrize("image", [False, True])
def test_language_model_equals_peft(release, converted, image):
    assert difference(release.mllm_model, converted, image) <= 1e-5


def test_leaving_the_adapter_out_would_show(release, converted):
    with release.mllm_model.disable_adapter():
        assert difference(release.mllm_model, converted, True) > 0.1


@pytest.mark.slow  # it takes seconds
@pytest.mark.parametrize(
    "options",
    [
        {"names": "new"},
        {"saved_modules": False},
        {"names": "new", "saved_modules": False, "prefix": "module."},
        {"adapter": {"lora_alpha": 12}},
        {"adapter": {"use_rslora": True}},
    ],
    ids=str,
)
def test_other_ways_to_save_a_checkpoint(make_release, tmp_path, options):
    release = make_release(tmp_path, sizes=SIZES, seed=1, **options)
    run(release, tmp_path / "out")
    assert difference(release.mllm_model, tmp_path / "out", True) <= 1e-5


@pytest.mark.parametrize("dtype, stored", [("bf16", "BF16"), ("fp16", "F16")])
def test_half_precision_is_rounded_once(release, converted, tmp_path, dtype, stored):
    run(release, tmp_path / "out", dtype)
    exact, rounded = load_tensors(converted / "reasoner"), load_tensors(tmp_path / "out" / "reasoner")
    assert all(torch.equal(rounded[name], exact[name].to(rounded[name].dtype)) for name in exact)
    headers = [read_header(file) for file in (tmp_path / "out").rglob("*.safetensors")]
    assert {info.dtype for header in headers for info in header.values()} == {stored}


def test_checkpoint_in_bf16_is_merged_in_fp32(make_release, tmp_path):
    release = make_release(tmp_path, sizes=SIZES, seed=2, dtype=torch.bfloat16)
    run(release, tmp_path / "out")
    merged = load_tensors(tmp_path / "out" / "reasoner")["visual.blocks.0.mlp.up_proj.weight"]
    module = release.mllm_model.base_model.model.model.visual.blocks[0].mlp.up_proj
    a, b = module.lora_A["default"].weight.float(), module.lora_B["default"].weight.float()
    torch.testing.assert_close(merged, module.base_layer.weight.float() + 8 * b @ a)


def test_what_an_adapter_leaves_out_comes_from_the_base_model(broken, release):
    frozen = lambda key: key.startswith("mllm.") and "lora_" not in key and "modules_to_save" not in key
    change(broken, lambda t: [t.pop(key) for key in list(t) if frozen(key)])
    convert(broken / "got", broken / "mllm", broken / "sdxl", broken / "out", "fp32")
    assert difference(release.mllm_model, broken / "out", True) <= 1e-5


@pytest.mark.parametrize("prefix", ["mllm.", "mllm.base_model.model."])
def test_language_model_that_is_no_adapter_is_taken_as_it_is(broken, converted, prefix):
    put_merged(broken, converted, prefix)
    convert(broken / "got", broken / "mllm", broken / "sdxl", broken / "out", "fp32")
    assert_same(load_tensors(broken / "out" / "reasoner"), load_tensors(converted / "reasoner"))


def test_language_model_that_is_no_adapter_must_be_whole(broken, converted):
    put_merged(broken, converted, "mllm.", without="model.norm.weight")
    assert "model.norm.weight" in refusal(broken)


def test_unet_vae_and_projectors_are_taken_as_they_are(release, converted):
    assert_same(load_tensors(converted / "unet.safetensors"), release.unet.state_dict())
    assert_same(load_tensors(converted / "vae.safetensors"), release.vae.state_dict())
    projectors = {"context": release.context, "pooled": release.pooled}
    expected = {f"{name}.{part}": t for name, linear in projectors.items() for part, t in linear.state_dict().items()}
    assert_same(load_tensors(converted / "projectors.safetensors"), expected)


def assert_same(actual, expected):
    assert actual.keys() == expected.keys()
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


def test_vae_comes_from_the_base_folder_if_the_checkpoint_has_none(make_release, tmp_path):
    release = make_release(tmp_path, sizes=SIZES, components=[part for part in COMPONENTS if part != "vae"])
    run(release, tmp_path / "out")
    assert_same(load_tensors(tmp_path / "out" / "vae.safetensors"), release.vae.state_dict())


def test_safetensors_are_read_as_well(broken, converted):
    change(broken, lambda tensors: None)
    pickled = broken / "got" / "pytorch_model.bin"
    save_file(torch.load(pickled, weights_only=True), broken / "got" / "model.safetensors")
    pickled.unlink()
    convert(broken / "got", broken / "mllm", broken / "sdxl", broken / "out", "fp32")
    assert_same(load_tensors(broken / "out" / "reasoner"), load_tensors(converted / "reasoner"))


# -------------------------------------------------------------------------------------------------------- the folder


def test_folder_is_whole_and_says_what_it_is(converted):
    manifest = read_manifest(converted)
    assert (manifest.name, manifest.image_tokens, manifest.reasoner_image_size) == ("Small", 64, (448, 448))
    config = json.loads((converted / "reasoner" / "config.json").read_text())
    assert config["hidden_size"] == 64 and config["tie_word_embeddings"] is False and config["torch_dtype"] == "float32"


def test_got_tokens_come_after_the_others_in_the_order_of_training(release, converted):
    vocabulary = load_reasoner(converted, torch.float32).vocabulary
    assert [vocabulary.id_of(token) for token in GOT_TOKENS] == list(range(270, 336))
    assert vocabulary.tokenizer.get_vocab() == release.tokenizer.get_vocab()


def test_config_as_transformers_5_writes_it_is_made_the_published_one(release, converted, tmp_path):
    shutil.copytree(release.mllm, tmp_path / "mllm")
    Qwen2_5_VLForConditionalGeneration.from_pretrained(release.mllm).save_pretrained(tmp_path / "mllm")
    assert "text_config" in json.loads((tmp_path / "mllm" / "config.json").read_text())
    convert(release.got, tmp_path / "mllm", release.sdxl, tmp_path / "out", "fp32")
    made, published = (json.loads((f / "reasoner" / "config.json").read_text()) for f in (tmp_path / "out", converted))
    del published["sliding_window"]  # unused; transformers 5 forgets it
    assert made["vision_config"].pop("in_channels") == 3  # today's name of in_chans, which stays
    made["vision_config"].pop("initializer_range")
    assert {name: made.get(name) for name in published} == published
    assert difference(release.mllm_model, tmp_path / "out", True) <= 1e-5


@pytest.mark.slow  # it takes seconds
def test_large_models_are_written_in_shards(release, converted, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "LARGEST_SHARD", 200_000)
    monkeypatch.setattr(checkpoint, "MOST_MAPPED", 100_000)  # so that the source's files close and open again
    run(release, tmp_path / "out")
    files = sorted(file.name for file in (tmp_path / "out" / "reasoner").glob("*.safetensors"))
    assert len(files) > 3 and files[0] == f"model-00001-of-{len(files):05}.safetensors"
    assert_same(load_tensors(tmp_path / "out" / "reasoner"), load_tensors(converted / "reasoner"))
    assert difference(release.mllm_model, tmp_path / "out", True) <= 1e-5


def test_checksums_are_those_of_the_files(converted):
    lines = (converted / "checksums.sha256").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(sums) == {file.relative_to(converted).as_posix() for file in converted.rglob("*.safetensors")}
    assert all(hashlib.sha256((converted / name).read_bytes()).hexdigest() == digest for name, digest in sums.items())


def test_verifying_reads_every_file(converted, capsys):
    assert main([f"--verify={converted}"]) == 0
    assert "are as they were made" in capsys.readouterr().out


def test_verifying_names_what_is_damaged_and_what_is_gone(converted, tmp_path, capsys):
    copy = shutil.copytree(converted, tmp_path / "copy")
    data = bytearray((copy / "unet.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "unet.safetensors").write_bytes(data)
    (copy / "vae.safetensors").unlink()
    assert main([f"--verify={copy}"]) == 1
    assert "Missing: vae.safetensors. Damaged: unet.safetensors." in capsys.readouterr().err


@pytest.mark.parametrize("content, complaint", [(None, "has no checksums"), ("hello\n", "not a list of checksums")])
def test_verifying_a_folder_that_was_not_converted(tmp_path, capsys, content, complaint):
    if content:
        (tmp_path / "checksums.sha256").write_text(content)
    assert main([f"--verify={tmp_path}"]) == 1
    assert complaint in capsys.readouterr().err


def test_progress_and_what_was_merged_are_reported(release, tmp_path, capsys):
    lines = run(release, tmp_path / "out")
    assert any("14 language and 6 vision LoRAs" in line and "6 trained as a whole" in line for line in lines)
    assert "models/got" in lines[-1]
    progress = capsys.readouterr().out.splitlines()
    assert any(line.startswith("  0%") for line in progress) and any(line.startswith("100%") for line in progress)


def test_nothing_is_printed_unless_it_is_asked_for(release, tmp_path, capsys):
    convert(release.got, release.mllm, release.sdxl, tmp_path / "out")
    assert capsys.readouterr() == ("", "")


# -------------------------------------------------------------------------------------------------------- refusals


def test_pickle_with_code_in_it_is_refused_and_not_run(broken):
    class Code:
        def __reduce__(self):
            return os.mkdir, (str(broken / "ran"),)

    shard, key = shard_with(broken, "unet.")
    torch.save({key: torch.ones(1), "evil": Code()}, shard)
    message = refusal(broken)
    assert shard.name in message and "could run code" in message


@pytest.mark.parametrize("kept", [0, 2, 5000, -50])
def test_shard_cut_short(broken, kept):
    shard, _ = shard_with(broken, "unet.")
    shard.write_bytes(shard.read_bytes()[:kept])
    message = refusal(broken)
    assert shard.name in message and "Get the file again" in message


def test_missing_shards_are_named(broken):
    shard, _ = shard_with(broken, "unet.")
    shard.unlink()
    message = refusal(broken)
    assert shard.name in message and "1 of the 3 files" in message


def test_shard_that_lacks_what_the_index_promises(broken):
    shard, key = shard_with(broken, "output_projector.")
    tensors = torch.load(shard, weights_only=True)
    del tensors[key]
    torch.save(tensors, shard)
    assert key in refusal(broken)


def test_shard_that_holds_something_else(broken):
    shard, _ = shard_with(broken, "unet.")
    torch.save([1, 2, 3], shard)
    assert "does not hold tensors by name" in refusal(broken)


UNUSUAL = {
    "sparse": lambda: torch.eye(3).to_sparse(),
    "of the layout torch.sparse_csr": lambda: torch.eye(3).to_sparse_csr(),
    "on the device meta": lambda: torch.zeros(3, device="meta"),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", UNUSUAL)
def test_shard_with_a_tensor_of_an_unusual_kind(broken, kind):
    shard, key = shard_with(broken, "unet.")
    torch.save(torch.load(shard, weights_only=True) | {key: UNUSUAL[kind]()}, shard)
    message = refusal(broken)
    assert shard.name in message and kind in message


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": "64"},
        {"num_hidden_layers": 10_000_000},
        {"vision_config": None},
        {"vision_config": []},
        {"rope_scaling": None},
        {"text_config": 5},
        {"num_attention_heads": 0},
    ],
    ids=str,
)
def test_base_config_of_wrong_types(broken, change):
    path = broken / "mllm" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert "config.json does not describe a Qwen2.5-VL" in refusal(broken)


def test_base_config_that_is_too_deep(broken):
    (broken / "mllm" / "config.json").write_text("[" * 100_000)
    assert "config.json cannot be read" in refusal(broken)


@pytest.mark.parametrize("place", ["got", "mllm", "sdxl"])
def test_folder_that_does_not_exist(broken, place):
    assert "nowhere" in refusal(broken, **{place: broken / "nowhere"})


@pytest.mark.parametrize(
    "place, other, complaint",
    [
        ("got", "mllm", "not part of GoT"),
        ("got", "sdxl", "holds no weights"),
        ("got", "sdxl/unet", "not part of GoT"),
        ("mllm", "sdxl", "no config.json"),
        ("mllm", "sdxl/unet", "Give the folder of Qwen2.5-VL-3B-Instruct"),
        ("sdxl", "mllm", "no folder 'unet'"),
    ],
)
def test_folder_of_something_else(broken, place, other, complaint):
    assert complaint in refusal(broken, **{place: broken / other})


@pytest.mark.parametrize(
    "component, what",
    [("mllm", "language model"), ("output_projector", "context"), ("output_projector_add", "pooled"), ("unet", "UNet")],
)
def test_component_that_cannot_be_replaced_is_missing(broken, component, what):
    change(broken, lambda t: [t.pop(key) for key in list(t) if key.split(".")[0] == component])
    message = refusal(broken)
    assert "lacks" in message and what in message


@pytest.mark.parametrize(
    "part, named",
    [
        ("layers.0.self_attn.q_proj.lora_A", "model.layers.0.self_attn.q_proj.weight"),
        ("visual.blocks.1.mlp.up_proj.lora_B", "visual.blocks.1.mlp.up_proj.weight"),
        ("layers.1.input_layernorm.modules_to_save", "model.layers.1.input_layernorm.weight"),
        ("lm_head.modules_to_save", "lm_head.weight"),
        ("unet.mid_block.resnets.0.conv1.bias", "mid_block.resnets.0.conv1.bias"),
        ("vae.post_quant_conv.bias", "post_quant_conv.bias"),
        ("output_projector.projector.bias", "context.bias"),
    ],
)
def test_missing_tensor_is_named(broken, part, named):
    _, key = shard_with(broken, part)
    change(broken, lambda tensors: tensors.pop(key))
    message = refusal(broken)
    assert "is incomplete" in message and named in message


def test_training_of_a_whole_layer_is_missing(broken):
    change(broken, lambda t: [t.pop(key) for key in list(t) if "layers.1.self_attn.q_proj.lora_" in key])
    assert "model.layers.1.self_attn.q_proj.weight" in refusal(broken)


@pytest.mark.parametrize(
    "key, complaint",
    [
        ("mllm.base_model.model.model.layers.0.extra.weight", "model.layers.0.extra.weight"),
        ("unet.extra.weight", "extra.weight"),
        ("vae.extra.weight", "extra.weight"),
        ("output_projector.extra.weight", "context.extra.weight"),
        ("discriminator.weight", "discriminator.weight"),
        ("mllm.base_model.model.model.norm.lora_magnitude_vector.default.weight", "lora_magnitude_vector"),
    ],
)
def test_tensor_that_belongs_nowhere_is_named(broken, key, complaint):
    change(broken, lambda tensors: tensors.update({key: torch.ones(1)}))
    assert complaint in refusal(broken)


def test_tensor_of_another_size_is_named(broken):
    _, key = shard_with(broken, "unet.conv_out.weight")
    change(broken, lambda tensors: tensors.update({key: torch.ones(2, 2)}))
    message = refusal(broken)
    assert "'conv_out.weight' has the shape (2, 2)" in message


def test_lora_of_another_size_is_named(broken):
    _, key = shard_with(broken, "layers.0.self_attn.q_proj.lora_A")
    change(broken, lambda tensors: tensors.update({key: torch.ones(4, 2)}))
    assert "the LoRA of 'model.layers.0.self_attn.q_proj.weight'" in refusal(broken)


def test_projectors_in_each_others_place(broken):
    def swap(tensors):
        one, other = "output_projector.projector.weight", "output_projector_add.projector.weight"
        tensors[one], tensors[other] = tensors[other], tensors[one]

    change(broken, swap)
    assert "'context.weight' has the shape (80, 64)" in refusal(broken)


def test_plain_sdxl_unet_is_no_got_unet(broken):
    base = load_tensors(broken / "sdxl" / "unet" / "diffusion_pytorch_model.safetensors")
    change(broken, lambda tensors: tensors.update({f"unet.{name}": tensor.clone() for name, tensor in base.items()}))
    assert "4 input channels" in refusal(broken)


def test_two_adapters(broken):
    _, key = shard_with(broken, "q_proj.lora_A.default")
    change(broken, lambda t: t.update({key.replace("default", "other"): t[key].clone()}))
    assert "one adapter" in refusal(broken)


@pytest.mark.parametrize(
    "content, complaint",
    [
        ({"lora_alpha": 8, "use_dora": True}, "use_dora"),
        ({}, "lora_alpha"),
        ({"r": 4, "lora_alpha": float("inf")}, "lora_alpha is inf"),
        ({"r": 4, "lora_alpha": float("nan")}, "lora_alpha is nan"),
        ({"r": 4, "lora_alpha": 0}, "lora_alpha is 0"),
        ({"r": 0, "lora_alpha": 8}, "r is 0"),
        ({"r": 8, "lora_alpha": 8}, "says rank 8, but a LoRA has rank 4"),
    ],
    ids=str,
)
def test_adapter_config_that_cannot_be_followed(broken, content, complaint):
    (broken / "got" / "adapter_config.json").write_text(json.dumps(content))
    assert complaint in refusal(broken)


def test_rank_that_was_not_published_needs_its_configuration(broken):
    (broken / "got" / "adapter_config.json").unlink()
    message = refusal(broken)
    assert "has rank 4" in message and "adapter_config.json" in message


def test_adapter_config_in_a_subfolder_is_read(broken, release):
    (broken / "got" / "mllm").mkdir()
    (broken / "got" / "adapter_config.json").rename(broken / "got" / "mllm" / "adapter_config.json")
    convert(broken / "got", broken / "mllm", broken / "sdxl", broken / "out", "fp32")
    assert difference(release.mllm_model, broken / "out", True) <= 1e-5
    shutil.copy(broken / "got" / "mllm" / "adapter_config.json", broken / "got")
    assert "several LoRA configurations" in refusal(broken)


@pytest.mark.parametrize(
    "lost", ["visual", "visual.blocks.0"], ids=["the whole vision tower", "one vision layer and kind"]
)
def test_vision_tower_without_loras(broken, lost):
    change(broken, lambda t: [t.pop(key) for key in list(t) if lost in key and ".lora_" in key])
    message = refusal(broken)
    assert "visual.blocks.0.mlp" in message and "Get the whole checkpoint" in message


def test_vision_tower_without_loras_as_its_configuration_says(make_release, tmp_path):
    """A pattern as target_modules chooses layers, so the vision tower may have none."""
    release = make_release(tmp_path, sizes=SIZES, adapter={"target_modules": r".*layers.*\.(q_proj|up_proj)"})
    lines = run(release, tmp_path / "out")
    assert difference(release.mllm_model, tmp_path / "out", True) <= 1e-5
    assert any(" ".join(line.split()) == "LoRAs of the vision model 0 -" for line in lines)


@pytest.mark.parametrize(
    "part, name, value",
    [("vae", "norm_num_groups", 8), ("vae", "scaling_factor", 0.18215), ("unet", "norm_num_groups", 16)],
)
def test_base_config_of_another_network(broken, part, name, value):
    path = broken / "sdxl" / part / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    message = refusal(broken)
    assert f"{name} {value}" in message and str(path) in message


@pytest.mark.parametrize(
    "part, value, dtype",
    [
        ("layers.0.self_attn.q_proj.lora_A", float("nan"), "fp8"),
        ("unet.conv_in.weight", float("inf"), "bf16"),
        ("vae.decoder.conv_in", float("nan"), "bf16"),
    ],
)
def test_weights_that_are_not_finite(broken, part, value, dtype):
    _, key = shard_with(broken, part)
    change(broken, lambda tensors: tensors[key].view(-1)[:1].fill_(value))
    message = refusal(broken, dtype=dtype)
    assert "NaN or infinite" in message and str(broken / "got") in message


def test_weight_that_is_too_great_for_fp16(broken):
    change(broken, lambda tensors: tensors["unet.conv_in.weight"].view(-1)[:1].fill_(1e6))
    message = refusal(broken, dtype="fp16")
    assert "'conv_in.weight' has a weight of 1e+06" in message and "--dtype bf16" in message
    lines = run(SimpleNamespace(got=broken / "got", mllm=broken / "mllm", sdxl=broken / "sdxl"), broken / "out", "bf16")
    assert any(line.startswith("unet.safetensors") and "greatest 9.994e+05" in line for line in lines)


def test_everything_found_and_assumed_is_in_one_table(release, tmp_path):
    lines = run(release, tmp_path / "out", "bf16")
    table = {line.split("  ")[0]: line for line in lines[-13:-1]}
    expected = {
        "LoRAs of the language model": ["14, rank 4, alpha 32", "adapter_config.json"],
        "LoRAs of the vision model": ["6, rank 4, alpha 32"],
        "trained as a whole": ["6 tensors", "checkpoint"],
        "from the base model": ["0 tensors"],
        "unet norm_num_groups": ["32", "unet/config.json"],
        "vae norm_num_groups": ["32", "vae/config.json"],
        "vae scaling_factor": ["0.13025", "vae/config.json"],
        "reasoner": ["tensors", "numbers, BF16, greatest"],
        "projectors.safetensors": ["4 tensors, 8,320 numbers"],
        "unet.safetensors": ["checkpoint"],
        "vae.safetensors": ["checkpoint"],
    }
    assert set(expected) <= set(table)
    assert [(n, part) for n, parts in expected.items() for part in parts if part not in table[n]] == []


def test_what_no_configuration_says_is_called_assumed(make_release, tmp_path):
    release = make_release(tmp_path, sizes=replace(SIZES, rank=32))
    (release.sdxl / "vae" / "config.json").unlink()
    assert not (release.got / "adapter_config.json").exists()
    lines = run(release, tmp_path / "out")
    assert difference(release.mllm_model, tmp_path / "out", True) <= 1e-5
    assumed = [line.split("  ")[0] for line in lines if "assumed, as published" in line]
    assert assumed == [
        *("LoRAs of the language model", "LoRAs of the vision model"),
        *("vae norm_num_groups", "vae scaling_factor"),
    ]


def test_checksums_of_the_sources_are_kept(release, converted):
    sources = json.loads((converted / "got.json").read_text())["sources"]
    assert set(sources) == {f"got/{file.name}" for file in release.got.glob("*.bin")}
    assert all(hashlib.sha256((release.got / name[4:]).read_bytes()).hexdigest() == sources[name] for name in sources)


def flip_in_tensor(file):
    """Flip one bit in the middle of a file, which is inside a tensor."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_flipped_byte_in_a_pickled_shard(broken):
    shard, _ = shard_with(broken, "unet.")
    flip_in_tensor(shard)
    message = refusal(broken)
    assert shard.name in message and "is damaged" in message and "Get the file again" in message


@pytest.mark.parametrize("kind", ["cache", "folder"])
def test_flipped_byte_where_the_download_noted_the_checksum(broken, kind):
    """The hub's cache names a large file by its SHA-256; a download into a folder notes it."""
    change(broken, lambda tensors: None)
    pickled, file = broken / "got" / "pytorch_model.bin", broken / "got" / "model.safetensors"
    save_file(torch.load(pickled, weights_only=True), file)
    pickled.unlink()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if kind == "cache":
        (broken / "blobs").mkdir()
        file.rename(broken / "blobs" / digest)
        file.symlink_to(broken / "blobs" / digest)
    else:
        notes = broken / "got" / ".cache" / "huggingface" / "download"
        notes.mkdir(parents=True)
        (notes / f"{file.name}.metadata").write_text(f"{'0' * 40}\n{digest}\n1700000000.0\n")
    convert(broken / "got", broken / "mllm", broken / "sdxl", broken / "out", "fp32")
    shutil.rmtree(broken / "out")
    flip_in_tensor(file.resolve())
    message = refusal(broken)
    assert str(file) in message and digest[:12] in message


# -------------------------------------------------------------------------- messages that say what is really wrong


@pytest.mark.parametrize("tower, name", [("num_hidden_layers", "model.layers"), ("depth", "visual.blocks")])
def test_base_model_of_another_depth(broken, tower, name):
    path = broken / "mllm" / "config.json"
    config = json.loads(path.read_text())
    part = config["vision_config"] if tower == "depth" else config
    part[tower] += 1
    path.write_text(json.dumps(config))
    message = refusal(broken)
    assert f"has 2 layers ({name})" in message and "has 3" in message and "training" not in message


@pytest.mark.slow  # it takes seconds
@pytest.mark.parametrize("wrapper", ["state_dict", "module", "model"])
def test_checkpoint_inside_a_trainers_dictionary(broken, converted, wrapper):
    change(broken, lambda tensors: None)
    file = broken / "got" / "pytorch_model.bin"
    torch.save({wrapper: torch.load(file, weights_only=True), "step": 100, "optimizer": {"lr": 1e-5}}, file)
    convert(broken / "got", broken / "mllm", broken / "sdxl", broken / "out", "fp32")
    assert_same(load_tensors(broken / "out" / "reasoner"), load_tensors(converted / "reasoner"))


def test_git_lfs_pointer_as_a_shard(broken):
    shard, _ = shard_with(broken, "unet.")
    shard.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 9\n")
    message = refusal(broken)
    assert shard.name in message and "git lfs pull" in message


def test_weights_of_other_names_are_named(broken):
    vae = broken / "sdxl" / "vae"
    (vae / "diffusion_pytorch_model.safetensors").rename(vae / "diffusion_pytorch_model.non_ema.safetensors")
    assert "diffusion_pytorch_model.non_ema.safetensors" in refusal(broken)


def test_fp16_variant_as_a_pickle(broken, converted):
    unet = broken / "sdxl" / "unet"
    tensors = load_tensors(unet / "diffusion_pytorch_model.safetensors")
    torch.save({name: tensor.half() for name, tensor in tensors.items()}, unet / "diffusion_pytorch_model.fp16.bin")
    (unet / "diffusion_pytorch_model.safetensors").unlink()
    convert(broken / "got", broken / "mllm", broken / "sdxl", broken / "out", "fp32")
    assert_same(load_tensors(broken / "out" / "unet.safetensors"), load_tensors(converted / "unet.safetensors"))


@pytest.mark.parametrize("size, text", [(13.44e9, "13.4 GB"), (2.5e6, "2.5 MB"), (99, "0.1 kB"), (95e7, "0.9 GB")])
def test_sizes_have_a_unit_that_suits_them(size, text):
    assert size_text(size) == text


def test_small_results_do_not_take_nothing(release, tmp_path):
    assert not any("0.0 GB" in line or "0.00 GB" in line for line in run(release, tmp_path / "out"))


def test_tokens_that_do_not_fit_into_the_embeddings(broken):
    tokenizer = json.loads((broken / "mllm" / "tokenizer.json").read_text())
    tokenizer["added_tokens"] += [
        {**tokenizer["added_tokens"][0], "id": 270 + n, "content": f"<|filler_{n}|>"} for n in range(100)
    ]
    (broken / "mllm" / "tokenizer.json").write_text(json.dumps(tokenizer))
    message = refusal(broken)
    assert "435" in message and "384 tokens" in message


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "preprocessor_config.json", "config.json"])
@pytest.mark.parametrize("content", [None, "", "[]"])
def test_broken_file_of_the_base_model_is_named(broken, name, content):
    (broken / "mllm" / name).unlink()
    if content is not None:
        (broken / "mllm" / name).write_text(content)
    assert name in refusal(broken)


def test_existing_result_is_not_touched(broken):
    (broken / "result").mkdir()
    (broken / "result" / "mine.txt").write_text("mine")
    assert "exists already" in refusal(broken)
    assert (broken / "result" / "mine.txt").read_text() == "mine"


def test_disk_too_small(broken, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(2, 1, 1))
    assert "0.0 kB free" in refusal(broken)


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_is_left_when_writing_breaks_off(broken, monkeypatch, capsys, failure):
    def fail(*arguments):
        raise failure

    monkeypatch.setattr("got.got_models.convert.release.write_file", fail)
    before = sorted(broken.iterdir())
    places = [f"--{name}={broken / name}" for name in ("got", "mllm", "sdxl")]
    assert main([*places, f"--out={broken / 'models' / 'out'}"]) != 0
    (broken / "models").rmdir()
    assert sorted(broken.iterdir()) == before
    assert capsys.readouterr().err.startswith("convert: ")


@pytest.mark.slow  # it starts processes
@pytest.mark.parametrize("sent, left", [("SIGTERM", []), ("SIGKILL", ["out.unfinished"])])
def test_a_run_that_is_ended_from_outside(release, tmp_path, sent, left):
    """Ended while it writes. Only a killed run leaves a folder, which is not a model."""
    places = [f"--{name}={getattr(release, name)}" for name in ("got", "mllm", "sdxl")]
    command = [sys.executable, str(RUN), "tests.slow_convert", *places, f"--out={tmp_path / 'out'}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        while not process.stdout.readline().startswith("writing reasoner"):
            assert process.poll() is None
        process.send_signal(getattr(signal, sent))
        assert process.wait(30) != 0
    finally:
        process.kill()
    assert [entry.stem + entry.suffix.partition("-")[0] for entry in tmp_path.iterdir()] == left
    assert not list(tmp_path.rglob("got.json"))


def test_rest_of_a_killed_run_is_cleared_away_and_a_persons_folder_is_not(release, tmp_path):
    (tmp_path / "out.unfinished-a1b2" / "out" / "reasoner").mkdir(parents=True)
    (tmp_path / "out.unfinished-a1b2" / LOCK).touch()
    (tmp_path / "out.unfinished").mkdir()
    run(release, tmp_path / "out")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "out.unfinished"]


def test_two_runs_to_one_folder(release, tmp_path):
    """The second one is refused while the first one writes, and takes nothing from it."""
    refused = []

    def second(line):
        if line.startswith("writing unet"):
            with pytest.raises(GoTError) as error:
                run(release, tmp_path / "out")
            refused.append(str(error.value))

    convert(release.got, release.mllm, release.sdxl, tmp_path / "out", "bf16", second)
    assert len(refused) == 1 and "Another run is making" in refused[0]
    read_manifest(tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("kind", ["link to an empty folder", "dangling link", "parent of a missing folder"])
def test_output_that_is_another_place(release, tmp_path, kind):
    place, out = tmp_path / "real", tmp_path / "out"
    if kind == "parent of a missing folder":
        out = place / "x" / ".."
    else:
        out.symlink_to(place)
    if kind == "link to an empty folder":
        place.mkdir()
    run(release, out)
    assert read_manifest(place).name == "real"


@pytest.mark.parametrize("out", [".", "..", "link"])
def test_output_that_cannot_be_replaced(broken, monkeypatch, out):
    place = broken / "empty" / "inner"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    (broken / "empty" / "link").symlink_to(broken / "empty" / "link")  # to itself
    target = broken / "empty" / "link" if out == "link" else Path(out)
    with pytest.raises(GoTError) as error:
        convert(broken / "got", broken / "mllm", broken / "sdxl", target)
    assert any(part in str(error.value) for part in ("Give a new folder", "exists already", "Choose another folder"))
    assert place.is_dir()


@pytest.mark.parametrize(
    "number, remedy", [(errno.EROFS, "that you may write to"), (errno.ENOSPC, "Free some space"), (errno.EACCES, "may")]
)
def test_output_that_cannot_be_written(broken, monkeypatch, number, remedy):
    def fail(*arguments, **options):
        raise OSError(number, os.strerror(number), str(broken / "result"))

    monkeypatch.setattr("tempfile.mkdtemp", fail)
    message = refusal(broken)
    assert message.startswith(f"{broken / 'result'} cannot be written: {os.strerror(number)}.") and remedy in message


def test_command_prints_one_line_for_what_is_wrong(broken, capsys):
    places = [f"--{name}={broken / name}" for name in ("mllm", "sdxl", "out")]
    assert main([f"--got={broken / 'nowhere'}", *places]) == 1
    assert capsys.readouterr().err.count("\n") == 1
