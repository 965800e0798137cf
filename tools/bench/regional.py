"""Section `regional`: what boxes cost a step of other models, by regional attention and by ComfyUI's masks.

Small random models with the proportions of the real ones, because a CPU runs the real ones for minutes. And the real
SDXL's operations, counted without weights.
"""

import time

import comfy.conds
import comfy.samplers
import comfy.supported_models
import torch
from comfy.ldm.modules.attention import attention_pytorch
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.model_patcher import ModelPatcher
from torch.utils.flop_counter import FlopCounterMode

from ...got_models.comfy.regional_attention import regional_attention
from ...got_models.comfy.regional_cross import OVERRIDE, attend_across
from ...got_models.comfy.regional_plan import Plan
from ...got_models.guidance.regional import SIDE, Part
from ..small_models import small_model
from .bench import Bench
from .report import print_pairs

REGIONS = (1, 4, 8, 16)
STRENGTH = 0.7
MASKED = 8  # with more regions, masks are not measured but known: a step a text

# SDXL at 1024 x 1024 with a tenth of its width: all layers, and as many tokens.
SDXL_LAYERS = dict(in_channels=4, out_channels=4, image_size=32, num_res_blocks=[2, 2, 2], channel_mult=[1, 2, 4])
SDXL_LAYERS |= dict(transformer_depth=[0, 0, 2, 2, 10, 10], transformer_depth_middle=10, use_spatial_transformer=True)
SDXL_LAYERS |= dict(transformer_depth_output=[0, 0, 0, 2, 2, 2, 10, 10, 10], use_linear_in_transformer=True)
SDXL_LAYERS |= dict(num_classes="sequential", adm_in_channels=2816)
SMALL_SDXL = SDXL_LAYERS | dict(model_channels=32, context_dim=208)
REAL_SDXL = SDXL_LAYERS | dict(model_channels=320, context_dim=2048, num_head_channels=64)
# Flux with a twelfth of its width and of its tokens, so that attention has the same part of a step. Then 25 tokens of
# text are as 256 of the real one (T5's padded texts), and 4 as 40 (Qwen-Image's, which are not padded).
SMALL_FLUX = dict(image_model="flux", in_channels=16, out_channels=16, vec_in_dim=768, context_in_dim=344)
SMALL_FLUX |= dict(hidden_size=256, mlp_ratio=4.0, num_heads=2, depth=2, depth_single_blocks=4, axes_dim=[16, 56, 56])
SMALL_FLUX |= dict(theta=10000, patch_size=2, qkv_bias=True, guidance_embed=True, txt_ids_dims=[])

CASES = {  # the model, height and width of the latent, tokens of a text, width of a token, pooled vector
    "SDXL, 77 tokens": ("sdxl", 128, 77, 208, 1280),
    "Flux, 4 tokens (40)": ("flux", 40, 4, 344, 768),
    "Flux, 25 tokens (256)": ("flux", 40, 25, 344, 768),
}


def regional(bench: Bench) -> dict[str, float]:
    """Times of a plain step's: regional attention and masks at each number of regions, and counted operations.

    One image without guidance. The fastest of `runs` steps of each kind, in turn.
    """
    ratios = {}
    models = {
        "sdxl": small_model(comfy.supported_models.SDXL, SMALL_SDXL, 64, bench.device),
        "flux": small_model(comfy.supported_models.Flux, SMALL_FLUX, None, bench.device),
    }
    for case, (name, *sizes) in CASES.items():
        ratios |= {f"{case}, {kind}": ratio for kind, ratio in _ratios(models[name], bench, *sizes).items()}
    ratios |= {f"real SDXL at 1024, operations, {kind}": ratio for kind, ratio in counted().items()}
    ratios |= {f"mask, MB, {name}": size for name, size in mask_megabytes().items()}
    return print_pairs(ratios)


def parts_of(regions: int) -> list[Part]:
    """A text for the whole image, and one for each of `regions` equal boxes that cover three quarters of it."""
    across = int(regions**0.5)
    weights = torch.zeros(regions, SIDE, SIDE)
    for number, weight in enumerate(weights):
        row, column = divmod(number, across)
        top, left = SIDE * row * across // regions, SIDE * column // across
        weight[top : SIDE * (row + 1) * across // regions, left : left + SIDE * 3 // (4 * across)] = STRENGTH
    texts = [f"text {number}" for number in range(regions + 1)]
    shares = [1 - weights.sum(0, keepdim=True), *weights[:, None]]
    return [Part(text, share) for text, share in zip(texts, shares, strict=True)]


class _Texts:
    """A text encoder of random embeddings of one length."""

    def __init__(self, tokens: int, width: int, pooled: int) -> None:
        self.shape, self.pooled = (1, tokens, width), pooled

    def tokenize(self, text: str) -> str:
        return text

    def encode_from_tokens_scheduled(self, text: str) -> list:
        random = torch.Generator().manual_seed(len(text) * 100 + sum(map(ord, text)))
        return [[torch.randn(self.shape, generator=random), {"pooled_output": torch.zeros(1, self.pooled)}]]


def _ratios(model: ModelPatcher, bench: Bench, side: int, tokens: int, width: int, pooled: int) -> dict[str, float]:
    clip = _Texts(tokens, width, pooled)
    plain = clip.encode_from_tokens_scheduled("text 0")
    cases = {"plain": (model, plain)}
    for regions in REGIONS:
        parts = parts_of(regions)
        cases[f"{regions} regions"] = regional_attention(model, clip, parts)
        if regions <= MASKED:
            entries = [[*clip.encode_from_tokens_scheduled(part.text)[0], part.weight] for part in parts]
            masked = [[text, extra | {"mask": mask, "mask_strength": 1.0}] for text, extra, mask in entries]
            cases[f"{regions} regions, masks"] = (model, masked)
    seconds = {kind: [] for kind in cases}
    for run in range(bench.runs + 1):
        for kind, given in cases.items():
            if (run == 0 and kind != "plain") or ("masks" in kind and run > 1):
                continue  # the first run warms up; masks take long, and their ratio is far from the others'
            seconds[kind].append(_step(*given, side, bench))
    plain_seconds = min(seconds.pop("plain")[1:])
    return {"plain, s": plain_seconds} | {kind: min(times) / plain_seconds for kind, times in seconds.items()}


def _step(model: ModelPatcher, positive: list, side: int, bench: Bench) -> float:
    """Seconds of one prediction of the sampler. On a CPU the process's own, so that other programs count little."""
    sampled = model.model.latent_format.latent_channels
    noise = torch.randn(1, sampled, side, side, generator=torch.Generator().manual_seed(1))
    taken = []

    def timed(executor, *args):
        if bench.device.type == "cuda":
            torch.cuda.synchronize()
        clock = time.perf_counter if bench.device.type == "cuda" else time.process_time
        start = clock()
        result = executor(*args)
        if bench.device.type == "cuda":
            torch.cuda.synchronize()
        taken.append(clock() - start)
        return result

    model = model.clone()
    model.add_wrapper_with_key("calc_cond_batch", "got_bench", timed)
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(positive, positive)
    sigmas = torch.tensor([1.0, 0.0]).to(bench.device)
    guider.sample(noise, noise * 0, comfy.samplers.sampler_object("euler"), sigmas, disable_pbar=True, seed=0)
    return taken[0]


def counted() -> dict[str, float]:
    """Operations of the real SDXL at 1024 x 1024 with regional attention, relative to a plain step. Nothing is run."""
    with torch.device("meta"):
        network = UNetModel(**REAL_SDXL, dtype=torch.float32).eval()
        x, t, y = torch.empty(1, 4, 128, 128), torch.empty(1), torch.empty(1, 2816)
        context = torch.empty(1, 77, 2048)

    def operations(context: torch.Tensor, options: dict) -> int:
        with FlopCounterMode(display=False) as counter:
            network(x, t, context=context, y=y, transformer_options=options)
        return counter.get_total_flops()

    options = {OVERRIDE: lambda _, *args, **kwargs: attention_pytorch(*args, **kwargs)}
    plain, ratios = operations(context, dict(options)), {}
    for regions in REGIONS:
        weights = torch.cat([part.weight for part in parts_of(regions)])
        plan = Plan([context] * (regions + 1), weights, 0.0, 1.0)
        ratios[f"{regions} regions"] = operations(*attend_across(plan, context, x, dict(options), None)) / plain
    return ratios


def mask_megabytes() -> dict[str, float]:
    """MB of the bias of joint attention in bf16, for a sequence of image and nine texts. In UNets there is none."""
    lengths = {"8 regions of 40 tokens": 9 * 40, "8 regions of 256 tokens": 9 * 256}
    sides = (1024, 2048)
    return {f"{side}, {name}": 2 * ((side // 16) ** 2 + n) ** 2 / 1e6 for side in sides for name, n in lengths.items()}
