"""From a released checkpoint to an image by our nodes, against the reference script; and ComfyUI's memory and Stop."""

import gc
import weakref
from dataclasses import replace
from types import SimpleNamespace

import comfy.cli_args
import comfy.model_management
import comfy.utils
import folder_paths
import numpy
import pytest
import torch
from got.got_models.chain.grammar import plain_text
from got.got_models.convert.release import convert
from got.got_models.errors import GoTError
from got.nodes.chain import GoTChainFromText
from got.nodes.guidance import SemanticSpatialGuidance
from got.nodes.loader import GoTLoader
from got.nodes.reasoning import EditChain, ReasoningChain
from got.nodes.sampling import GoTSampler
from got.tools.oracle import script
from got.tools.oracle.qwen import Sizes
from got.tools.oracle.released import make_release
from PIL import Image

import nodes as comfy_nodes

SIZES = Sizes(
    unet={
        "block_out_channels": (64,),
        "down_block_types": ("CrossAttnDownBlock2D",),
        "up_block_types": ("CrossAttnUpBlock2D",),
        "transformer_layers_per_block": (1,),
        "attention_head_dim": (1,),
        "layers_per_block": 1,
    },
    # One channel a group: the norms magnify the last bit of a canvas of one color as much as norms can.
    vae={"block_out_channels": (32, 32, 32, 32), "layers_per_block": 1},
)
SEED, STEPS = 11, 5
PROMPT = "a red cup on a table"
CHAIN = (
    "A cup <|box_start|>(120,300),(480,760)<|box_end|> (red) stands on a table "
    "<|box_start|>(0,600),(998,998)<|box_end|> (saddlebrown), beside 猫."
)
NO_BOXES = "Nothing in particular."
SMALL = {"size": "custom", "width": 64, "height": 64}
OFF = {"sampling_mode": "off", "repetition_penalty": 1.05}
CASES = {
    "text-to-image": ("text-to-image", CHAIN, (64, 64)),
    "edit": ("edit", CHAIN, (72, 64)),
    "no boxes": ("text-to-image", NO_BOXES, (64, 64)),
    "not square": ("text-to-image", CHAIN, (64, 96)),
}


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """A small checkpoint in the released layout, and its networks as diffusers, transformers and peft have them."""
    return make_release(tmp_path_factory.mktemp("release"), sizes=SIZES)


@pytest.fixture(scope="module")
def models_folder(release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    convert(release.got, release.mllm, release.sdxl, folder / "small", dtype="fp32")
    return folder


@pytest.fixture
def load(models_folder, monkeypatch):
    """Runs the loader node on the converted checkpoint."""
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "got", ([str(models_folder)], set()))
    return lambda: GoTLoader.execute("small").result


@pytest.fixture
def loaded(load):
    reasoner, model, vae = load()
    return SimpleNamespace(reasoner=reasoner, model=model, vae=vae)


def source_image(task):
    """A source image for an edit: Pillow's, and ComfyUI's IMAGE."""
    if task != "edit":
        return None, None
    pixels = numpy.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=numpy.uint8)
    return Image.fromarray(pixels), torch.from_numpy(pixels)[None] / 255


def drawn(loaded, task, text, size, name):
    """The image by our nodes and ComfyUI's VAE Decode."""
    chain, _ = GoTChainFromText.execute(text, PROMPT, source_image(task)[1]).result
    choice = {"size": "custom", "width": size[0], "height": size[1]}
    guidance, _, _, _ = SemanticSpatialGuidance.execute(loaded.reasoner, chain, loaded.vae, choice).result
    automatic = {"strengths": "automatic"}
    (latent,) = GoTSampler.execute(loaded.model, guidance, SEED, STEPS, name, "got", automatic, 1.0, 1).result
    return comfy_nodes.VAEDecode().decode(loaded.vae, latent)[0]


@pytest.mark.parametrize("name", ["euler", "ddpm"])
@pytest.mark.parametrize("case", CASES)
def test_the_image_is_the_reference_scripts(release, loaded, case, name):
    task, text, (width, height) = CASES[case]
    strengths = (4, 3, 1.5) if task == "edit" else (7.5, 4, 1)
    noise = torch.randn(1, 4, height // 8, width // 8, generator=torch.Generator().manual_seed(SEED))
    expected = script.draw(
        release, task, PROMPT, text, source_image(task)[0], (width, height), noise, STEPS, strengths, name, SEED + 1
    )
    assert ((expected > 0) & (expected < 1)).float().mean() > 0.5, "a saturated image proves nothing"
    ours = drawn(loaded, task, text, (width, height), name)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)  # measured: 2e-6


def test_a_size_that_cannot_be_drawn_is_refused_before_any_network_runs(loaded, monkeypatch):
    ran = lambda *models, **options: pytest.fail("a network was loaded")
    monkeypatch.setattr(comfy.model_management, "load_models_gpu", ran)
    with pytest.raises(GoTError, match="The width 100 is not a multiple of 8"):
        drawn(loaded, "text-to-image", CHAIN, (100, 64), "euler")


# ------------------------------------------------------------------------------------------------- the reasoner


def chain_for(task, text=CHAIN):
    return GoTChainFromText.execute(text, PROMPT, source_image(task)[1]).result[0]


def hidden_by_transformers(release, task, text=CHAIN):
    return script.hidden_states(release, task, PROMPT, text, source_image(task)[0])


@pytest.mark.parametrize("task", ["text-to-image", "edit"])
def test_hidden_states_under_comfyui_are_those_of_plain_transformers(release, loaded, task):
    ours = loaded.reasoner.semantics(chain_for(task)).hidden
    torch.testing.assert_close(ours, hidden_by_transformers(release, task), atol=1e-5, rtol=0)


def write(loaded, task, max_length=24):
    image = source_image(task)[1]
    if task == "edit":
        node = EditChain.PREPARE_CLASS_CLONE(None)
        return node.execute(loaded.reasoner, image, PROMPT, OFF, max_length, False).result[0]
    return ReasoningChain.PREPARE_CLASS_CLONE(None).execute(loaded.reasoner, PROMPT, OFF, max_length, False).result[0]


@pytest.mark.parametrize("task", ["text-to-image", "edit"])
def test_the_chain_is_what_plain_transformers_writes(release, loaded, task):
    expected = script.written_chain(release, task, PROMPT, source_image(task)[0], max_tokens=24)
    chain = write(loaded, task)
    assert expected and chain.text == expected.strip().rstrip("\ufffd")


def counted(module):
    """Notes each forward of a module."""
    forwards = []
    module.register_forward_hook(lambda *_: forwards.append(1))
    return forwards


@pytest.mark.parametrize("task", ["text-to-image", "edit"])
def test_after_a_box_is_moved_no_token_is_written_and_no_image_encoded_again(release, loaded, task):
    chain = write(loaded, task)
    written = replace(chain, text="", regions=()).edited(CHAIN)
    moved = written.edited(CHAIN.replace("(120,300),(480,760)", "(320,300),(680,760)"))
    qwen = loaded.reasoner.reasoner.qwen
    tokens, images = counted(qwen.lm_head), counted(qwen.vision_tower)
    guidance = SemanticSpatialGuidance.execute(loaded.reasoner, moved, loaded.vae, SMALL).result[0]
    assert not tokens and not images
    expected = script.guidance(
        release, task, PROMPT, moved.text, source_image(task)[0], guidance.width, guidance.height
    )
    torch.testing.assert_close(guidance.context, expected.context, atol=1e-5, rtol=0)
    torch.testing.assert_close(guidance.spatial, expected.spatial, atol=1e-5, rtol=0)


def test_a_vae_that_computes_no_numbers_is_named(loaded, monkeypatch):
    encode = loaded.vae.encode
    monkeypatch.setattr(loaded.vae, "encode", lambda images: encode(images) * float("nan"))
    with pytest.raises(GoTError, match="The VAE computes NaN or infinity"):
        SemanticSpatialGuidance.execute(loaded.reasoner, chain_for("edit"), loaded.vae, SMALL)


def test_the_black_image_is_encoded_once(loaded, monkeypatch):
    encoded, encode = [], loaded.vae.encode
    monkeypatch.setattr(loaded.vae, "encode", lambda images: encoded.append(len(images)) or encode(images))
    chain = chain_for("text-to-image", NO_BOXES)
    SemanticSpatialGuidance.execute(loaded.reasoner, chain, loaded.vae, SMALL)
    assert encoded == [1]


# --------------------------------------------------------------------------------------------- ComfyUI's memory, Stop


class Shown:
    """In place of ComfyUI's progress display: notes each step, and presses Stop at one of them."""

    def __init__(self, stop_at):
        self.stop_at, self.values = stop_at, []

    def __call__(self, value, total, *more, **named):
        self.values.append(value)
        if value == self.stop_at:
            comfy.model_management.interrupt_current_processing()


def test_stop_ends_the_chain_within_one_token_and_the_next_one_works(loaded, monkeypatch):
    shown = Shown(stop_at=1)
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", shown)
    qwen, forwards = loaded.reasoner.reasoner.qwen, []
    forward = qwen.forward
    monkeypatch.setattr(qwen, "forward", lambda *inputs: forwards.append(1) or forward(*inputs))
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        write(loaded, "text-to-image")
    assert shown.values == [1] and len(forwards) <= 2, "the prompt and one token"
    monkeypatch.undo()
    assert not comfy.model_management.processing_interrupted()


def test_stop_ends_the_sampling_within_one_step(loaded, monkeypatch):
    shown = Shown(stop_at=2)
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", shown)
    monkeypatch.setattr(comfy.utils, "PROGRESS_THROTTLE_MIN_INTERVAL", 0)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        drawn(loaded, "text-to-image", NO_BOXES, (64, 64), "euler")
    assert max(shown.values) == 2


def networks_of(loaded):
    return [loaded.reasoner.patcher.model, loaded.model.model, loaded.vae.patcher.model]


def test_unloading_all_leaves_none_of_our_networks_loaded(loaded):
    drawn(loaded, "text-to-image", NO_BOXES, (64, 64), "euler")
    ours = networks_of(loaded)
    assert {id(entry.real_model()) for entry in comfy.model_management.current_loaded_models} >= set(map(id, ours))
    comfy.model_management.unload_all_models()
    assert comfy.model_management.current_loaded_models == []
    again = drawn(loaded, "text-to-image", NO_BOXES, (64, 64), "euler")
    assert again.isfinite().all()


def test_what_is_no_longer_used_is_freed(load):
    def run():
        reasoner, model, vae = load()
        both = SimpleNamespace(reasoner=reasoner, model=model, vae=vae)
        drawn(both, "edit", CHAIN, (64, 64), "euler")
        return [weakref.ref(network) for network in networks_of(both)]

    alive = run()
    comfy.model_management.unload_all_models()
    gc.collect()
    assert [reference() for reference in alive] == [None] * 3


def test_the_text_under_the_node_has_no_markers():
    assert plain_text(CHAIN).startswith("A cup (120,300),(480,760) (red)")
