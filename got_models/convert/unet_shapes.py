"""The shapes of a UNet's tensors by its diffusers config, so that a conversion needs no weights of SDXL's UNet.

Covers the options of Stable Diffusion XL. Source: diffusers 0.29, UNet2DConditionModel.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Shape = tuple[int, ...]
REQUIRED = {"addition_embed_type": "text_time", "use_linear_projection": True}


def unet_shapes(config: Mapping[str, Any]) -> dict[str, Shape]:
    """Name -> shape of all tensors. ValueError, KeyError or TypeError for a config of another kind of UNet."""
    for name, value in REQUIRED.items():
        if config[name] != value:
            raise ValueError(f"{name} is {config[name]!r:.40}, not {value!r}")
    return dict(_tensors(config))


def _tensors(config: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
    widths, emb = config["block_out_channels"], 4 * config["block_out_channels"][0]
    count, context = len(widths), config["cross_attention_dim"]
    depths = config["transformer_layers_per_block"]
    depths = [depths] * count if isinstance(depths, int) else depths
    yield from _conv("conv_in", config["in_channels"], widths[0])
    for name, width in (
        ("time_embedding", widths[0]),
        ("add_embedding", config["projection_class_embeddings_input_dim"]),
    ):
        yield from _linear(f"{name}.linear_1", width, emb)
        yield from _linear(f"{name}.linear_2", emb, emb)
    for block, out in enumerate(widths):
        name, layers = f"down_blocks.{block}", config["layers_per_block"]
        depth = depths[block] if "CrossAttn" in config["down_block_types"][block] else 0
        ins = [widths[max(block - 1, 0)], *[out] * (layers - 1)]
        yield from _layers(name, [(width, out) for width in ins], emb, depth, context)
        if block < count - 1:
            yield from _conv(f"{name}.downsamplers.0.conv", out, out)
    yield from _layers("mid_block", [(widths[-1], widths[-1])] * 2, emb, depths[-1], context, attentions=1)
    for block, out in enumerate(reversed(widths)):
        name, layers = f"up_blocks.{block}", config["layers_per_block"] + 1
        depth = depths[-1 - block] if "CrossAttn" in config["up_block_types"][block] else 0
        before, skipped = widths[min(count - block, count - 1)], widths[max(count - block - 2, 0)]
        ins = [a + b for a, b in zip([before, *[out] * (layers - 1)], [*[out] * (layers - 1), skipped])]
        yield from _layers(name, [(width, out) for width in ins], emb, depth, context)
        if block < count - 1:
            yield from _conv(f"{name}.upsamplers.0.conv", out, out)
    yield from _norm("conv_norm_out", widths[0])
    yield from _conv("conv_out", widths[0], config["out_channels"])


def _layers(
    name: str, sides: list[tuple[int, int]], emb: int, depth: int, context: int, attentions: int | None = None
) -> Iterator[tuple[str, Shape]]:
    """A block's residual layers with (channels in, channels out), and its transformers of `depth` blocks each."""
    for number, (width, out) in enumerate(sides):
        yield from _resnet(f"{name}.resnets.{number}", width, out, emb)
    if depth:
        for number in range(len(sides) if attentions is None else attentions):
            yield from _transformer(f"{name}.attentions.{number}", sides[number][1], depth, context)


def _resnet(name: str, width: int, out: int, emb: int) -> Iterator[tuple[str, Shape]]:
    yield from _norm(f"{name}.norm1", width)
    yield from _conv(f"{name}.conv1", width, out)
    yield from _linear(f"{name}.time_emb_proj", emb, out)
    yield from _norm(f"{name}.norm2", out)
    yield from _conv(f"{name}.conv2", out, out)
    if width != out:
        yield from _conv(f"{name}.conv_shortcut", width, out, kernel=1)


def _transformer(name: str, width: int, depth: int, context: int) -> Iterator[tuple[str, Shape]]:
    yield from _norm(f"{name}.norm", width)
    yield from _linear(f"{name}.proj_in", width, width)
    yield from _linear(f"{name}.proj_out", width, width)
    for block in (f"{name}.transformer_blocks.{number}" for number in range(depth)):
        for number in (1, 2, 3):
            yield from _norm(f"{block}.norm{number}", width)
        for attention, keys in (("attn1", width), ("attn2", context)):
            yield f"{block}.{attention}.to_q.weight", (width, width)
            yield f"{block}.{attention}.to_k.weight", (width, keys)
            yield f"{block}.{attention}.to_v.weight", (width, keys)
            yield from _linear(f"{block}.{attention}.to_out.0", width, width)
        yield from _linear(f"{block}.ff.net.0.proj", width, 8 * width)  # GEGLU: values and gates
        yield from _linear(f"{block}.ff.net.2", 4 * width, width)


def _linear(name: str, width: int, out: int) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", (out, width)
    yield f"{name}.bias", (out,)


def _conv(name: str, width: int, out: int, kernel: int = 3) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", (out, width, kernel, kernel)
    yield f"{name}.bias", (out,)


def _norm(name: str, width: int) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)
