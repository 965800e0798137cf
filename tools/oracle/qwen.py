"""A random Qwen2.5-VL folder of any size, in the layout of the published one.

Needs only transformers, the oldest that ComfyUI accepts or any newer.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from got.got_models.files.fp8 import describe, has_fp8, quantize
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import nn
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

QWEN_TOKENS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>"),
    *("<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"),
    *("<|image_pad|>", "<|video_pad|>"),
)
GOT_TOKENS = ("<|im_gen_start|>", "<|im_gen_end|>", *(f"<|im_gen_{number:04}|>" for number in range(64)))

# Qwen2.5-VL's template, for text and images.
CHAT_TEMPLATE = """{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system
You are a helpful assistant.<|im_end|>
{% endif %}<|im_start|>{{ message['role'] }}
{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}\
{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}\
{% endfor %}{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


@dataclass(frozen=True)
class Sizes:
    """The sizes that differ from the published ones; the rest follows from them. All three widths differ on purpose."""

    hidden: int = 64  # of the language model
    context: int = 48  # the UNet's context width
    pooled: int = 80  # the UNet's pooled width
    language: dict = field(default_factory=dict)  # overrides of the language model's config
    vision: dict = field(default_factory=dict)  # overrides of the vision tower's config
    unet: dict = field(default_factory=dict)  # overrides of the UNet's config
    vae: dict = field(default_factory=dict)  # overrides of the autoencoder's config
    rank: int = 4  # of the LoRA; alpha is 32 as in the released one
    vocabulary: int = 384  # rows of the embeddings: more than there are tokens


def make_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer with one token per byte, and Qwen's special tokens."""
    bytes_ = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=bytes_, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in QWEN_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=CHAT_TEMPLATE
    )


def flat_config(sizes: Sizes, tokenizer: PreTrainedTokenizerFast) -> dict:
    """The config.json, in the form of the published Qwen2.5-VL."""
    ids = {
        name: tokenizer.convert_tokens_to_ids(f"<|{token}|>")
        for name, token in [
            ("bos_token_id", "endoftext"),
            ("eos_token_id", "im_end"),
            ("vision_start_token_id", "vision_start"),
            ("vision_end_token_id", "vision_end"),
            ("vision_token_id", "vision_pad"),
            ("image_token_id", "image_pad"),
            ("video_token_id", "video_pad"),
        ]
    }
    language = {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "model_type": "qwen2_5_vl",
        "hidden_act": "silu",
        "hidden_size": sizes.hidden,
        "intermediate_size": 112,
        "initializer_range": 0.02,
        "max_position_embeddings": 4096,
        "max_window_layers": 70,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
        "rope_theta": 1000000.0,
        "sliding_window": 4096,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": sizes.vocabulary,
    }
    return {
        **ids,
        **language,
        **sizes.language,
        "vision_config": {**_VISION, "out_hidden_size": sizes.hidden, **sizes.vision},
    }


_VISION = {
    "depth": 2,
    "fullatt_block_indexes": [1],
    "hidden_act": "silu",
    "hidden_size": 32,
    "in_chans": 3,
    "intermediate_size": 56,
    "num_heads": 2,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "spatial_patch_size": 14,
    "temporal_patch_size": 2,
    "tokens_per_second": 2,
    "window_size": 112,
}


def write_mllm_folder(folder: Path, sizes: Sizes, dtype: torch.dtype) -> PreTrainedTokenizerFast:
    """Write a random model in the layout of the published Qwen2.5-VL-3B-Instruct. Returns its tokenizer."""
    tokenizer = write_mllm_files(folder, sizes)
    model = lively(Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig.from_pretrained(folder)), scale=4).to(dtype)
    tensors = {old_name(key): tensor for key, tensor in model.state_dict().items() if key != "lm_head.weight"}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return tokenizer


def write_mllm_files(folder: Path, sizes: Sizes) -> PreTrainedTokenizerFast:
    """Write such a folder without the weights. Returns its tokenizer."""
    folder.mkdir(parents=True)
    tokenizer = make_tokenizer()
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    config = flat_config(sizes, tokenizer)
    stops = [config["eos_token_id"], config["bos_token_id"]]
    contents = {
        "config.json": config,
        "generation_config.json": {
            "do_sample": True,
            "eos_token_id": stops,
            "repetition_penalty": 1.05,
            "temperature": 1e-06,
        },
        "preprocessor_config.json": {
            "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_processor_type": "Qwen2VLImageProcessor",
            "image_std": [0.26862954, 0.26130258, 0.27577711],
            "max_pixels": 12845056,
            "merge_size": 2,
            "min_pixels": 3136,
            "patch_size": 14,
            "processor_class": "Qwen2_5_VLProcessor",
            "temporal_patch_size": 2,
        },
        "tokenizer_config.json": {
            "added_tokens_decoder": {
                str(number): {"content": token.content, "normalized": False, "special": True}
                for number, token in tokenizer.added_tokens_decoder.items()
            },
            "chat_template": CHAT_TEMPLATE,
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "tokenizer_class": "PreTrainedTokenizerFast",
        },
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content, indent=2))
    return tokenizer


def store_in_fp8(file: Path) -> None:
    """Store a file's matrices in fp8, as `convert --dtype fp8` does."""
    tensors, layers = {}, []
    for name, tensor in load_file(file).items():
        if has_fp8(name):
            layers.append(name.removesuffix(".weight"))
            tensors[name], tensors[f"{name}_scale"] = quantize(tensor)
        else:
            tensors[name] = tensor
    save_file(tensors, file, describe(layers))


def lively(model: nn.Module, scale: float = 1) -> nn.Module:
    """Move norms and biases away from 1 and 0, and scale the weights, so that a test notices if one is lost."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter += torch.randn_like(parameter) * 0.1
            else:
                parameter *= scale
    return model


def old_name(key: str) -> str:
    """The name in transformers 4.49 of a tensor of today's Qwen2.5-VL, after any prefix."""
    return key.replace("model.language_model.", "model.").replace("model.visual.", "visual.")
