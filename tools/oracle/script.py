"""The plain reference script: GoT on diffusers and transformers, written from its paper. The pack is compared with it.

It imports nothing of the pack or of ComfyUI. It takes no short cuts: four predictions per step, one encoding per box,
no KV cache, one image at a time. `networks` is any object with the attributes mllm_model, tokenizer, image_processor,
context, pooled, unet and vae.

Source: arXiv 2503.10639 and the released inference code and configs.
"""

import re
from types import SimpleNamespace

import numpy
import torch
from diffusers import DDPMScheduler, EulerDiscreteScheduler
from PIL import Image, ImageColor, ImageDraw

PROMPTS = {
    "text-to-image": "Follow the caption to generate an image through a chain of thought process: ",
    "edit": "Follow the instruction to edit the given image through a chain of thought process: ",
}
STOPS = ["<|im_gen_start|>", "<|vision_start|>", "<|endoftext|>", "<|im_end|>"]
IMAGE_TOKENS = "<|im_gen_start|>" + "".join(f"<|im_gen_{number:04}|>" for number in range(64))
REGION = re.compile(r"<\|box_start\|>\((\d+),(\d+)\),\((\d+),(\d+)\)<\|box_end\|> \((\w+)\)")

SCHEDULE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
    "steps_offset": 1,
}


def scheduler(name):
    return DDPMScheduler(**SCHEDULE, clip_sample=False) if name == "ddpm" else EulerDiscreteScheduler(**SCHEDULE)


# --------------------------------------------------------------------------------------------- the language model


def sequence(networks, task, prompt, answer, source):
    """The input of the language model: one user turn with the source image first, and the answer so far."""
    content = [{"type": "text", "text": PROMPTS[task] + prompt}]
    inputs = {}
    if source is not None:
        content.insert(0, {"type": "image"})
        square = source.resize((448, 448), Image.Resampling.BICUBIC)
        inputs = dict(networks.image_processor(images=[square], return_tensors="pt"))
    text = networks.tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    if inputs:
        text = text.replace("<|image_pad|>", "<|image_pad|>" * int(inputs["image_grid_thw"].prod() // 4))
    ids = networks.tokenizer(text + answer, add_special_tokens=False, return_tensors="pt").input_ids
    types = (ids == networks.tokenizer.convert_tokens_to_ids("<|image_pad|>")).int()
    every = {"input_ids": ids, "mm_token_type_ids": types, **inputs}
    return {name: tensor.to(networks.context.weight.device) for name, tensor in every.items()}


def written_chain(networks, task, prompt, source=None, max_tokens=1024):
    """The chain that the model writes: greedy, with repetition penalty 1.05, without tokens for images."""
    tokenizer = networks.tokenizer
    stops = tokenizer.convert_tokens_to_ids(STOPS)
    visual = ("<|image_", "<|video_", "<|vision_", "<|im_gen_")
    never = [number for text, number in tokenizer.get_added_vocab().items() if text.startswith(visual)]
    inputs = sequence(networks, task, prompt, "", source)
    ids = networks.mllm_model.generate(
        **inputs,
        do_sample=False,
        repetition_penalty=1.05,
        max_new_tokens=max_tokens,
        eos_token_id=stops,
        bad_words_ids=[[number] for number in never if number not in stops],
    )
    return tokenizer.decode([number for number in ids[0, inputs["input_ids"].shape[1] :] if number not in stops])


def hidden_states(networks, task, prompt, chain, source):
    """(1, 64, D): the last hidden states at the image tokens after the chain."""
    inputs = sequence(networks, task, prompt, chain + IMAGE_TOKENS, source)
    return networks.mllm_model(**inputs, output_hidden_states=True).hidden_states[-1][:, -64:]


# ------------------------------------------------------------------------------------------------------- guidance


def encode(vae, image):
    """The mode of a Pillow image's latents, (1, 4, h, w), unscaled."""
    pixels = torch.from_numpy(numpy.array(image)).float() / 127.5 - 1  # (H, W, 3) in -1..1
    return vae.encode(pixels.permute(2, 0, 1)[None].to(vae.device, vae.dtype)).latent_dist.mode()


def painted(x0, y0, x1, y1, color, width, height):
    """A black canvas with one box filled. Pillow's rectangles include their last pixel."""
    canvas = Image.new("RGB", (width, height))
    corners = [int(x0 * width / 1000), int(y0 * height / 1000), int(x1 * width / 1000), int(y1 * height / 1000)]
    ImageDraw.Draw(canvas).rectangle(corners, fill=ImageColor.getrgb(color))
    return canvas


def spatial_latents(vae, chain, width, height):
    canvases = [painted(*map(int, corners), color, width, height) for *corners, color in REGION.findall(chain)] or [
        Image.new("RGB", (width, height))
    ]
    return torch.stack([encode(vae, canvas) for canvas in canvases]).mean(0)


def guidance(networks, task, prompt, chain, source, width, height):
    """Everything that guides the UNet, for a chain in GoT's form."""
    hidden = hidden_states(networks, task, prompt, chain, source)
    reference = Image.new("RGB", (width, height)) if source is None else source.resize((width, height), Image.BICUBIC)
    return SimpleNamespace(
        context=networks.context(hidden),
        null_context=networks.context(torch.zeros_like(hidden)),
        pooled=networks.pooled(hidden).mean(1),
        spatial=spatial_latents(networks.vae, chain, width, height),
        reference=encode(networks.vae, reference),
        width=width,
        height=height,
    )


# -------------------------------------------------------------------------------------------------------- drawing


def guided_noise(unet, latents, timestep, given, strengths):
    """The four predictions, combined.

    latents: (1, 4, h, w), scaled by the scheduler. strengths: text, spatial, reference. The other eight channels are
    never scaled.
    """
    none, full, null = torch.zeros_like(given.spatial), given.context, given.null_context
    references = torch.cat([given.reference, given.reference, given.reference, none])
    spatials = torch.cat([given.spatial, none, none, none])
    sizes = torch.tensor([[given.height, given.width, 0, 0, given.height, given.width]]).to(latents)
    cond, text, image, uncond = unet(
        torch.cat([latents.expand(4, -1, -1, -1), references, spatials], 1),
        timestep,
        encoder_hidden_states=torch.cat([full, full, null, null]),
        added_cond_kwargs={"text_embeds": given.pooled.expand(4, -1), "time_ids": sizes.expand(4, -1)},
    ).sample.chunk(4)
    a_text, a_spatial, a_reference = strengths
    return uncond + a_text * (text - image) + a_spatial * (cond - text) + a_reference * (image - uncond)


@torch.no_grad()
def denoise(unet, given, noise, steps, strengths, name, step_seed):
    """Latents (1, 4, h, w), scaled by the VAE's scaling factor.

    step_seed: of the noise that DDPM adds in each step; it is drawn on the device.
    """
    schedule, generator = scheduler(name), torch.Generator(noise.device).manual_seed(step_seed)
    schedule.set_timesteps(steps)
    latents = noise * schedule.init_noise_sigma
    for timestep in schedule.timesteps:
        scaled = schedule.scale_model_input(latents, timestep)
        guided = guided_noise(unet, scaled, timestep, given, strengths)
        latents = schedule.step(guided, timestep, latents, generator=generator).prev_sample
    return latents


@torch.no_grad()
def draw(networks, task, prompt, chain, source, size, noise, steps, strengths, name, step_seed):
    """The image (1, H, W, 3) in 0..1 for a chain in GoT's form. size: (width, height)."""
    given = guidance(networks, task, prompt, chain, source, *size)
    latents = denoise(networks.unet, given, noise, steps, strengths, name, step_seed)
    pixels = networks.vae.decode(latents / networks.vae.config.scaling_factor).sample
    return (pixels / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)
