"""Stage 4: the newest checkpoints as a model folder in half precision, with the published layout and names."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors.torch import save_file
from torch import nn

from ...got_models.chain.grammar import EDIT, TEXT_TO_IMAGE
from ...got_models.files.manifest import (
    PROJECTORS,
    REASONER,
    TINY,
    UNET,
    VAE,
    Defaults,
    Manifest,
    World,
    write_manifest,
)
from ...got_models.files.weights import SINGLE, published_key
from ...world.scenes import SIZE
from ...world.wording.vocabulary import THINGS, known_words
from .latents import load_reasoner
from .reasoner import ROPE, TEXT, VISION
from .rendering import MEAN, STD, VISION_SIZE
from .run import arguments
from .tokenizer import IMAGE_TOKENS
from .unet import UNetWithProjectors

MANIFEST = Manifest(
    name="GoT-Tiny",
    image_tokens=IMAGE_TOKENS,
    reasoner_image_size=(VISION_SIZE, VISION_SIZE),
    defaults={
        TEXT_TO_IMAGE: Defaults(text=2.0, spatial=1.5, reference=1.0, steps=20, width=SIZE, height=SIZE),
        EDIT: Defaults(text=2.0, spatial=1.5, reference=1.0, steps=20, width=SIZE, height=SIZE),
    },
    world=World(THINGS, " ".join(known_words())),
)


def halves(tensors: dict) -> dict:
    return {name: tensor.detach().half().contiguous() for name, tensor in tensors.items()}


def write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def reasoner_config(tokenizer) -> dict:
    """The published, flat form of a Qwen2.5-VL config, which every transformers release reads."""
    ids = tokenizer.convert_tokens_to_ids
    vision = {name: value for name, value in VISION.items() if name != "initializer_range"}
    return {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "attention_dropout": 0.0,
        "bos_token_id": ids("<|endoftext|>"),
        "eos_token_id": ids("<|im_end|>"),
        "pad_token_id": ids("<|endoftext|>"),
        "vision_start_token_id": ids("<|vision_start|>"),
        "vision_end_token_id": ids("<|vision_end|>"),
        "vision_token_id": ids("<|vision_pad|>"),
        "image_token_id": ids("<|image_pad|>"),
        "video_token_id": ids("<|video_pad|>"),
        "hidden_act": "silu",
        **TEXT,
        "max_window_layers": TEXT["num_hidden_layers"],
        "model_type": "qwen2_5_vl",
        "rope_scaling": {"type": "mrope", "mrope_section": ROPE["mrope_section"]},
        "rope_theta": ROPE["rope_theta"],
        "sliding_window": TEXT["max_position_embeddings"],
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
        "use_cache": True,
        "use_sliding_window": False,
        "vision_config": {"model_type": "qwen2_5_vl", "hidden_act": "silu", "in_chans": 3, **vision},
        "vocab_size": len(tokenizer),
    }


def generation_config(tokenizer) -> dict:
    ids = tokenizer.convert_tokens_to_ids
    return {
        "bos_token_id": ids("<|endoftext|>"),
        "pad_token_id": ids("<|endoftext|>"),
        "eos_token_id": [ids("<|im_end|>"), ids("<|endoftext|>")],
        "do_sample": False,
        "repetition_penalty": 1.05,
    }


def image_processor_config() -> dict:
    return {
        "image_processor_type": "Qwen2VLImageProcessor",
        "min_pixels": 56 * 56,
        "max_pixels": 28 * 28 * 1280,
        "patch_size": VISION["patch_size"],
        "temporal_patch_size": VISION["temporal_patch_size"],
        "merge_size": VISION["spatial_merge_size"],
        "image_mean": [float(f"{value:.8f}") for value in MEAN],
        "image_std": [float(f"{value:.8f}") for value in STD],
    }


def export_reasoner(model: nn.Module, tokenizer, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {published_key(name): tensor for name, tensor in model.state_dict().items()}
    save_file(halves(tensors), folder / SINGLE, metadata={"format": "pt"})
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    content = json.loads((folder / "tokenizer_config.json").read_text())
    content = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "chat_template": tokenizer.chat_template,
        "clean_up_tokenization_spaces": False,
        "eos_token": content["eos_token"],
        "pad_token": content["pad_token"],
        "model_max_length": content["model_max_length"],
    }
    write_json(folder / "tokenizer_config.json", content)
    write_json(folder / "config.json", reasoner_config(tokenizer))
    write_json(folder / "generation_config.json", generation_config(tokenizer))
    write_json(folder / "preprocessor_config.json", image_processor_config())


def load_unet(folder: Path) -> UNetWithProjectors:
    """The averaged UNet and projectors of the newest checkpoint."""
    model = UNetWithProjectors()
    state = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    model.load_state_dict(state["ema"]["values"])
    return model.eval()


def export(work: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    network, tokenizer = load_reasoner(work / "reasoner")
    export_reasoner(network.model, tokenizer, folder / REASONER)
    model = load_unet(work / "unet")
    projectors = {f"context.{name}": value for name, value in model.context.state_dict().items()}
    projectors |= {f"pooled.{name}": value for name, value in model.pooled.state_dict().items()}
    save_file(halves(projectors), folder / PROJECTORS, metadata={"format": "pt"})
    save_file(halves(model.unet.state_dict()), folder / UNET, metadata={"format": "pt"})
    vae = AutoencoderKL.from_pretrained(work / "autoencoder" / "vae")
    save_file(halves(vae.state_dict()), folder / VAE, metadata={"format": "pt"})
    write_manifest(folder, MANIFEST)


def main(given: list[str] | None = None) -> None:
    args = arguments(__doc__, given, out=TINY)
    export(args.work, args.out)
    print(f"{args.out}: {sum(f.stat().st_size for f in args.out.rglob('*') if f.is_file()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
