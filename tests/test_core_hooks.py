"""ComfyUI's own nodes on the model's wire: each changes GoT's image, says why it cannot, or has its reason here."""

import inspect

import pytest
import torch
from comfy_extras.nodes_custom_sampler import CFGOverride
from got.got_models.errors import GoTError
from got.got_models.guidance.formula import Strengths, as_plain_guidance, at_scale, branch_weights
from got.tests import test_guider
from got.tests.coroutines import result_of
from got.tests.test_guider import STRENGTHS, drawn, guidance_of, network_of, relative_error

import nodes as comfy_nodes

inference, model = test_guider.inference, test_guider.model  # fixtures
UNET = {  # three levels, as SDXL: FreeU and others know them by their widths
    "block_out_channels": (64, 128, 256),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 1, 1),
    "attention_head_dim": (1, 2, 4),
    "layers_per_block": 1,
}
ROWS, COLUMNS, STEPS = 8, 12, 8  # Self-Attention Guidance leaves images of 4 latent cells alone
# Values in place of defaults that change nothing in any model, or that name a part which the small UNet lacks.
VALUES = {
    "UNetSelfAttentionMultiply": {"q": 2.0},
    "UNetCrossAttentionMultiply": {"q": 2.0},
    "PatchModelAddDownscale": {"block_number": 1, "end_percent": 1.0},
    "FreSca": {"freq_cutoff": 2},
    "CFGNorm": {"strength": 0.9},
    "EasyCache": {"reuse_threshold": 3.0},
    "LazyCache": {"reuse_threshold": 3.0},
    "ModelSamplingDiscrete": {"sampling": "v_prediction"},
    "ModelComputeDtype": {"dtype": "bf16"},
}
NO_EFFECT = {
    "DifferentialDiffusion": "it acts on a latent with a mask",
    "UNetTemporalAttentionMultiply": "for video UNets with temporal attention",
    "SkipLayerGuidanceSD3": "for Stable Diffusion 3: it skips transformer blocks that a UNet lacks",
    "SkipLayerGuidanceDiT": "for diffusion transformers, as above",
    "SkipLayerGuidanceDiTSimple": "for diffusion transformers, as above",
    "TomePatchModel": "for UNets with attention at full size; SDXL's kind has none",
    "HyperTile": "for images larger than a tile, and for levels with attention",
    "MultiGPU_WorkUnits": "it distributes work over several GPUs",
    "SelectModelDevice": "it chooses the device",
    "ContextWindowsManual": "for latents longer than the window",
    "WanContextWindowsManual": "for videos longer than the window",
    "LTXVContextWindows": "for videos longer than the window",
    "ChromaRadianceOptions": "for Chroma Radiance",
    "ScaleROPE": "for models with rotary positions",
    "wanBlockSwap": "ComfyUI's own empty node: it does nothing in any model",
}
FLOW_ONLY = {"ModelNoiseScale", "HiDreamO1PatchSeamSmoothing"}
FAILS = {"FluxKVCache": "for Flux: with SDXL it fails in the same way"}
COMPILES = {"TorchCompileModel"}  # test_a_compiled_model_draws_the_same


@pytest.fixture(scope="module")
def network():
    return network_of(UNET)


@pytest.fixture(scope="module")
def guidance():
    return guidance_of(ROWS, COLUMNS)


def given_to(name, node, model):
    """A node's required inputs: its defaults and the model. None if it needs more than one model and plain values."""
    given = {}
    for key, (kind, *more) in node.INPUT_TYPES().get("required", {}).items():
        options = more[0] if more else {}
        choices = kind if isinstance(kind, list) else options.get("options")
        if kind == "MODEL" and model not in given.values():
            given[key] = model
        elif "default" in options:
            given[key] = options["default"]
        elif choices:
            given[key] = choices[0]
        elif kind == "LATENT_OPERATION":
            given[key] = lambda latent: latent * 0.5
        else:
            return None
    return given | VALUES.get(name, {}) if model in given.values() else None


def patched(node, given):
    """The MODEL that a node makes."""
    if not hasattr(node, "define_schema"):
        return getattr(node(), node.FUNCTION)(**given)[0]
    output = node.execute(**given)
    output = result_of(output) if inspect.isawaitable(output) else output
    return output[0]


@pytest.mark.slow  # it takes seconds
def test_each_node_of_comfyui_works_or_says_why_not(model, guidance):
    result_of(comfy_nodes.init_builtin_extra_nodes())
    known = dict.fromkeys(NO_EFFECT, "same") | dict.fromkeys(FLOW_ONLY, "refused") | dict.fromkeys(FAILS, "fails")
    expected, found, changes = {}, {}, {}
    plain = drawn(model, guidance, steps=STEPS)
    for name, node in comfy_nodes.NODE_CLASS_MAPPINGS.items():
        given = given_to(name, node, model) if "MODEL" in node.RETURN_TYPES else None
        if given is None or name in COMPILES:
            continue
        expected[name] = known.get(name, "changed")
        try:
            changes[name] = relative_error(drawn(patched(node, given), guidance, steps=STEPS), plain)
            found[name] = "changed" if changes[name] > 1e-4 else "same"
        except GoTError as error:
            assert "for flow-matching models" in str(error)
            found[name] = "refused"
        except Exception as error:
            found[name], changes[name] = "fails", repr(error)
    wrong = {name: (found[name], expected[name], changes.get(name)) for name in found if found[name] != expected[name]}
    assert not wrong, str(wrong)
    assert len(found) > 40
    assert not (NO_EFFECT.keys() | FLOW_ONLY | FAILS.keys()) - found.keys()
    torch.testing.assert_close(drawn(model, guidance, steps=STEPS), plain, atol=0, rtol=0)


def overridden(model, cfg, start=0.0, end=1.0):
    return CFGOverride.execute(model, cfg, start, end).result[0]


@pytest.mark.parametrize("strengths", STRENGTHS)
def test_cfg_override_of_one_is_no_guidance(model, guidance, strengths):
    given = drawn(overridden(model, 1.0), guidance, strengths, steps=3)
    assert relative_error(given, drawn(model, guidance, (1, 1, 1), steps=3)) <= 1e-6


def test_cfg_override_in_a_part_changes_that_part(model, guidance):
    whole, part = (drawn(overridden(model, 2.0, 0, end), guidance, steps=6) for end in (1.0, 0.4))
    plain = drawn(model, guidance, steps=6)
    assert relative_error(whole, plain) > 1e-2 and relative_error(part, plain) > 1e-2
    assert relative_error(part, whole) > 1e-2


def test_cfg_override_of_the_own_strength_changes_nothing(model, guidance):
    given = drawn(overridden(model, 4.0), guidance, (7.5, 4, 1.5), steps=3)
    assert relative_error(given, drawn(model, guidance, (7.5, 4, 1.5), steps=3)) <= 1e-6


@pytest.mark.parametrize("strengths", [(7.5, 4, 1), (4, 3, 1.5), (7.5, 1, 1), (1, 1, 1)])
@pytest.mark.parametrize("scale", [0.0, 2.0, 6.0])
def test_at_another_scale_the_pair_is_the_same(strengths, scale):
    strengths = Strengths(*strengths)
    changed = at_scale(strengths, scale)
    assert sum(branch_weights(changed).values()) == pytest.approx(1)
    assert branch_weights(changed)["cond"] == pytest.approx(scale)
    if strengths.spatial != 1:
        branches = {name: torch.randn(2, 2) for name in branch_weights(strengths)}
        before, after = as_plain_guidance(branches, strengths), as_plain_guidance(branches, changed)
        for one, other in zip(before[:2], after[:2], strict=True):
            torch.testing.assert_close(one, other)
