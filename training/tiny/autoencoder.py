"""Stage 1: the autoencoder. Its encoder is set in closed form, its decoder is trained on images of the world.

In a world of flat colors, the latents of a cell of 8x8 pixels can be its mean color and its slope. So the encoder needs
no training, the latents are fixed from the start, and the UNet need not wait for a good decoder.
"""

from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from ...got_models.files.atomic import atomic_folder
from ...got_models.files.manifest import VAE
from ...world import scenes
from .run import Run, arguments, device, mixed_precision

CONFIG = dict(
    in_channels=3,
    out_channels=3,
    down_block_types=["DownEncoderBlock2D"] * 4,
    up_block_types=["UpDecoderBlock2D"] * 4,
    block_out_channels=[96] * 4,
    layers_per_block=0,
    latent_channels=4,
    norm_num_groups=32,
    sample_size=128,
    scaling_factor=0.13025,
)
# Three channels for each of ComfyUI's 32 norm groups: with fewer, the decoder's last norm removes the brightness of a
# flat surface.
WIDTH = CONFIG["block_out_channels"][0]
SIGNALS = list(range(2, WIDTH, 3))  # the channel of each group that carries a signal
CANVASES = 0.15  # share of rectangles on black among the images
# Shares of images of small stars, of objects with little contrast, and of objects that nearly touch.
STARS, FAINT, NEAR = 0.2, 0.1, 0.3
ALIKE = {"pink": ("white",), "brown": ("purple", "red"), "gray": ("purple",)}  # background -> colors of little contrast
LATENT_NOISE = 0.15  # most noise on the latents, in their standard deviations, as a UNet leaves it


def canvas(rng: Random) -> np.ndarray:
    """A black image with one filled rectangle, (128, 128, 3) uint8."""
    pixels = np.zeros((scenes.SIZE, scenes.SIZE, 3), dtype=np.uint8)
    color = rng.choice([*scenes.COLORS, *scenes.BACKGROUNDS])
    (x0, x1), (y0, y1) = (sorted(rng.sample(range(scenes.SIZE + 1), 2)) for _ in range(2))
    pixels[y0:y1, x0:x1] = scenes.ImageColor.getrgb(color)
    return pixels


def stars(rng: Random) -> np.ndarray:
    """An image of four small stars, which a decoder draws worst."""
    boxes = scenes.place(rng, 4, step=1)
    objects = tuple(scenes.Object("star", rng.choice(scenes.COLORS), box) for box in boxes)
    return scenes.render(scenes.Scene(rng.choice(scenes.BACKGROUNDS), objects))


def faint(rng: Random) -> np.ndarray:
    """An image of objects in the colors nearest to the background, which a plain error hardly counts."""
    background = rng.choice(list(ALIKE))
    boxes = scenes.place(rng, rng.choice((2, 3)), step=1)
    objects = (scenes.Object(rng.choice(scenes.SHAPES), rng.choice(ALIKE[background]), box) for box in boxes)
    return scenes.render(scenes.Scene(background, tuple(objects)))


def near(rng: Random) -> np.ndarray:
    """An image with two objects next to each other, with a gap of less than a cell."""
    return scenes.render(scenes.random_edit(rng, kind="add").target)


def image(rng: Random) -> np.ndarray:
    makers = (canvas, stars, faint, near, lambda rng: scenes.render(scenes.random_scene(rng)))
    shares = (CANVASES, STARS, FAINT, NEAR, 1 - CANVASES - STARS - FAINT - NEAR)
    return rng.choices(makers, shares)[0](rng)


def to_tensor(images) -> torch.Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) in -1..1."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_images(tensor: torch.Tensor) -> np.ndarray:
    """(B, 3, H, W) in -1..1 -> (B, H, W, 3) uint8."""
    return ((tensor.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def batch(seed: int, size: int) -> torch.Tensor:
    rng = Random(seed)
    return to_tensor([image(rng) for _ in range(size)])


LEVEL, GAIN, LIFT = 4.0, 4.0, 10.0  # of the constant channels of a norm group; of the norms; both keep SiLU linear


@torch.no_grad()
def construct(vae: AutoencoderKL) -> AutoencoderKL:
    """Set the weights of the encoder, which stay, and the initial weights of the decoder.

    A norm group has three channels: LEVEL, -LEVEL and a signal. The two constants fix the group's scale and show, after
    the norm, how far its mean has moved. So both halves can be linear from end to end. The encoder's signals are each
    cell's mean red, green and blue, and the difference of its top-left and bottom-right brightness. The decoder starts
    as a linear enlargement of the cells' mean colors.
    """
    encoder, decoder = vae.encoder, vae.decoder
    for half in (encoder, decoder):
        _lift_constants(half.conv_in)
        for resnet in half.mid_block.resnets:
            _zero(resnet.conv2)
        _zero(half.mid_block.attentions[0].to_out[0])
        half.conv_norm_out.weight.fill_(GAIN)
        half.conv_norm_out.bias.fill_(LIFT)
    encoder.conv_in.weight[SIGNALS] = 0
    for signal, colors in enumerate(([0], [1], [2], [0, 1, 2])):
        encoder.conv_in.weight[SIGNALS[signal], colors, 1, 1] = 1 / len(colors)
    for number, block in enumerate(encoder.down_blocks[:3]):
        conv = block.downsamplers[0].conv
        _zero(conv)
        each = torch.arange(WIDTH)
        conv.weight[each, each, :2, :2] = 0.25  # the mean of 2x2; the third row and column are zero
        if number == 2:
            conv.weight[SIGNALS[3], SIGNALS[3], :2, :2] = torch.tensor([[0.5, 0.0], [0.0, -0.5]])
    decoder.conv_in.weight[SIGNALS[:4]] = 0
    decoder.conv_in.weight[SIGNALS[:4], range(4), 1, 1] = 1
    smooth = torch.tensor([0.25, 0.5, 0.25])
    for block in decoder.up_blocks:
        _zero(block.resnets[0].conv2)
        for upsampler in block.upsamplers or []:
            nn.init.dirac_(_zero(upsampler.conv).weight)
            upsampler.conv.weight[SIGNALS, SIGNALS] = smooth[:, None] * smooth  # makes nearest-neighbor linear
    for resnet in [*decoder.mid_block.resnets, *(block.resnets[0] for block in decoder.up_blocks)]:
        resnet.norm1.weight.zero_()  # the residual blocks read the signals, not the constants
        resnet.norm1.weight[SIGNALS] = GAIN
    for half, count in ((encoder, 4), (decoder, 3)):
        _read_out(half.conv_out, count)
    for conv in (vae.quant_conv, vae.post_quant_conv):
        nn.init.dirac_(_zero(conv).weight)
    encoder.conv_out.bias[4:] = -20  # log-variance: nearly none
    return vae


def _zero(layer: nn.Module) -> nn.Module:
    layer.weight.zero_()
    layer.bias.zero_()
    return layer


def _lift_constants(conv: nn.Conv2d) -> None:
    """Make two channels of every group constant."""
    for channel, level in ((0, LEVEL), (1, -LEVEL)):
        conv.weight[channel::3] = 0
        conv.bias[channel::3] = level
    conv.bias[2::3] = 0


def _read_out(conv: nn.Conv2d, count: int) -> None:
    """Read the first signals from their normed groups: signal minus the mean of the constants, at its old scale."""
    _zero(conv)
    scale = LEVEL * (2 / 3) ** 0.5 / GAIN
    for out, signal in enumerate(SIGNALS[:count]):
        conv.weight[out, signal, 1, 1] = scale
        conv.weight[out, [signal - 2, signal - 1], 1, 1] = -scale / 2


def below(vae: AutoencoderKL, latents: torch.Tensor) -> torch.Tensor:
    """The decoder's features (B, C, H/2, W/2), before its last level."""
    decoder = vae.decoder
    x = decoder.mid_block(decoder.conv_in(vae.post_quant_conv(latents)))
    for block in decoder.up_blocks[:2]:
        x = block(x)
    return decoder.up_blocks[2].resnets[0](x, None)


def image_of(vae: AutoencoderKL, features: torch.Tensor) -> torch.Tensor:
    """The decoder's last norm and convolution on features of any size: (B, 3, H, W)."""
    return vae.decoder.conv_out(F.silu(vae.decoder.conv_norm_out(features)))


def coarse_error(vae: AutoencoderKL, latents: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """Error of the image at half its size. The last level starts as a linear enlargement of it."""
    return image_of(vae, below(vae, latents)) - F.avg_pool2d(pixels, 2)


def fine_error(vae: AutoencoderKL, latents: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """Error of the whole image; only the last level learns."""
    with torch.no_grad():
        features = vae.decoder.up_blocks[2].upsamplers[0](below(vae, latents))
    return image_of(vae, vae.decoder.up_blocks[3].resnets[0](features, None)) - pixels


def trained(vae: AutoencoderKL, last: bool) -> list[nn.Parameter]:
    """The decoder's residual blocks: their last convolutions, or all else of them.

    The direct path through the decoder stays as constructed: it carries the colors. The last convolutions start at
    zero and add to it, so they have a twentieth of the others' learning rate.
    """
    named = vae.decoder.named_parameters()
    return [parameter for name, parameter in named if ".resnets." in name and (".conv2." in name) == last]


@torch.no_grad()
def noisy_latents(vae: AutoencoderKL, pixels: torch.Tensor) -> torch.Tensor:
    """The images' latents with noise, a random amount up to LATENT_NOISE for each."""
    latents = vae.encode(pixels).latent_dist.mode()
    amounts = LATENT_NOISE / vae.config.scaling_factor * torch.rand(len(latents), 1, 1, 1, device=latents.device)
    return latents + amounts * torch.randn_like(latents)


def psnr(vae: AutoencoderKL, seed: int = 10**9, count: int = 32) -> tuple[float, np.ndarray]:
    """Mean PSNR in dB over images of the world, and a sheet of some: the image, below it its copy."""
    pixels = to_tensor([scenes.render(scenes.random_scene(Random(seed + i))) for i in range(count)]).to(vae.device)
    with torch.no_grad():
        copies = vae.decode(vae.encode(pixels).latent_dist.mode()).sample.clamp(-1, 1)
    error = ((copies - pixels) / 2).square().mean((1, 2, 3))
    sheet = torch.cat([torch.cat(list(x[:8]), 2) for x in (pixels, copies)], 1)
    return float((-10 * error.log10()).mean()), to_images(sheet[None])[0]


@torch.no_grad()
def normalized(vae: AutoencoderKL, count: int = 256) -> AutoencoderKL:
    """Shift and scale the latents to mean 0 and standard deviation 1 / scaling_factor over images of the world.

    quant_conv makes the change and post_quant_conv undoes it, so the images stay the same.
    """
    pixels = to_tensor([scenes.render(scenes.random_scene(Random(2 * 10**9 + i))) for i in range(count)]).to(vae.device)
    latents = torch.cat([vae.encode(part).latent_dist.mode() for part in pixels.split(16)])  # (N, 4, h, w)
    mean = latents.mean((0, 2, 3))
    gain = 1 / (vae.config.scaling_factor * latents.std((0, 2, 3)))  # new = gain * (old - mean)
    quant, post = vae.quant_conv, vae.post_quant_conv
    post.bias += (post.weight[..., 0, 0] * mean).sum(1)
    post.weight /= gain[None, :, None, None]
    quant.weight[:4] *= gain[:, None, None, None]
    quant.bias[:4] = gain * (quant.bias[:4] - mean)
    quant.bias[4:] += 2 * gain.log()
    return vae


def save(vae: AutoencoderKL, folder: Path) -> None:
    """Write it as a diffusers folder, complete or not at all."""
    with atomic_folder(folder / "vae", replace=True) as part:
        vae.save_pretrained(part)


def main(given: list[str] | None = None) -> None:
    sizes = dict(steps=3000, minutes=0.0, batch=6)
    args = arguments(__doc__, given, **sizes, rate=2e-3, fine=0.25, seed=0, compile=1, start="")
    torch.manual_seed(args.seed)
    vae = AutoencoderKL(**CONFIG)
    if args.start:
        vae.load_state_dict(load_file(Path(args.start) / VAE))
    else:
        vae = normalized(construct(vae))
    vae.to(device(), memory_format=torch.channels_last)
    vae.requires_grad_(False)
    for parameter in [*trained(vae, last=True), *trained(vae, last=False)]:
        parameter.requires_grad_(True)
    groups = [{"params": trained(vae, last=True), "factor": 0.05}, {"params": trained(vae, last=False)}]
    optimizer = torch.optim.AdamW(groups, weight_decay=1e-4, betas=(0.9, 0.99), fused=True)
    run = Run(args.work / "autoencoder", {"vae": vae}, optimizer, args.steps, args.rate, args.minutes)
    run.note(f"{sum(p.numel() for group in groups for p in group['params']) / 1e6:.2f} M parameters to train")
    save(vae, run.folder)
    errors = {name: torch.compile(name, dynamic=False) if args.compile else name for name in (coarse_error, fine_error)}
    while not run.over:
        run.begin_step()
        coarse = run.progress < 1 - args.fine
        pixels = batch(args.seed * 10**8 + run.step * 1000, args.batch if coarse else args.batch // 3)
        pixels = pixels.to(vae.device, memory_format=torch.channels_last)
        with mixed_precision():
            error = errors[coarse_error if coarse else fine_error](vae, noisy_latents(vae, pixels), pixels).float()
        parts = {"l1": error.abs().mean(), "mse": error.square().mean()}
        optimizer.zero_grad(set_to_none=True)
        (parts["l1"] + 2 * parts["mse"]).backward()
        nn.utils.clip_grad_norm_(vae.decoder.parameters(), 1.0)
        optimizer.step()
        if run.end_step(**{name: value.detach() for name, value in parts.items()}) and run.step % 200 == 0:
            quality, sheet = psnr(vae)
            run.note(f"PSNR {quality:.2f} dB")
            Image.fromarray(sheet).save(run.folder / "sample.png")
            save(vae, run.folder)
    run.save()
    save(vae, run.folder)


if __name__ == "__main__":
    main()
