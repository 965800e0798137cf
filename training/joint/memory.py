"""The memory of a run of the real size, Qwen2.5-VL-3B with SDXL: counted on fake tensors, or measured.

    python dev.py run training.joint.memory --rows 1
    python dev.py run training.joint.memory --rows 1 --device cuda    # steps with random weights: seconds, peak memory

Weights, gradients, Adam's moments and the EMA follow from the shapes and are exact. Activations are what autograd keeps
for the backward pass of language model, projectors and UNet. Hooks count them during a step under bf16 autocast by the
CPU's rules: a GPU keeps the norms' inputs in float32, the CPU in bf16. Not counted: the largest layer's temporaries,
the autoencoder's forward, the vision tower's activations (edits only), and the allocator's waste.
"""

import argparse
import time
from contextlib import contextmanager

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from ..ema import EMA
from .config import Config, changed, read_config
from .networks import add_lora

GIB = 2**30
HIDDEN = 2048  # hidden size of the language model
TOKENS = 640  # of a row: prompt, a chain of average length with its boxes, image tokens
# Sources: the published config.json of Qwen2.5-VL-3B-Instruct and of stable-diffusion-xl-base-1.0.
LANGUAGE = {
    "text_config": {
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "vocab_size": 151936,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
    },
    "vision_config": {
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": 2048,
        "fullatt_block_indexes": [7, 15, 23, 31],
        "window_size": 112,
    },
    "tie_word_embeddings": False,
}
UNET_SIZES = {
    "in_channels": 12,
    "out_channels": 4,
    "block_out_channels": (320, 640, 1280),
    "layers_per_block": 2,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
VAE_SIZES = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
}


def real_networks(config: Config) -> nn.ModuleDict:
    """The networks at their real size, with random weights on the current device."""
    parts = nn.ModuleDict(
        {
            "language": Qwen2_5_VLForConditionalGeneration._from_config(Qwen2_5_VLConfig(**LANGUAGE)),
            "context": nn.Linear(HIDDEN, 2048),
            "pooled": nn.Linear(HIDDEN, 1280),
            "unet": UNet2DConditionModel(**UNET_SIZES),
            "vae": AutoencoderKL(**VAE_SIZES),
        }
    )
    parts.requires_grad_(False)
    if config.language == "lora":
        parts["language"].to(torch.bfloat16)
        add_lora(parts["language"], config)
    else:
        parts["language"].requires_grad_(True)
    for name in ("context", "pooled", "unet"):
        parts[name].requires_grad_(True)
    for parameter in parts.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    if config.gradient_checkpointing:
        parts["language"].gradient_checkpointing_enable({"use_reentrant": False})
        parts["unet"].enable_gradient_checkpointing()
    return parts.train()


def weight_table(parts: nn.ModuleDict) -> dict[str, dict[str, int]]:
    """Bytes by network and use."""
    table = {}
    for name, part in parts.items():
        trained = [p for p in part.parameters() if p.requires_grad]
        count = sum(p.numel() for p in trained)
        frozen = sum(p.numel() * p.element_size() for p in part.parameters() if not p.requires_grad)
        table[name] = {
            "trained parameters": count,
            "frozen weights": frozen,
            "trained weights": 4 * count,
            "gradients": 4 * count,
            "Adam": 8 * count,
            "EMA": 4 * count,
        }
    return table


@contextmanager
def kept_bytes(parts: nn.ModuleDict):
    """Yield a list of one number: the bytes that autograd keeps within the block, without weights."""
    weights = {p.untyped_storage()._cdata for p in parts.parameters()}
    seen, total = set(), [0]

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights and storage._cdata not in seen:
            seen.add(storage._cdata)
            held.append(tensor)
            total[0] += storage.nbytes()
        return tensor

    held: list[Tensor] = []  # so that no address is used twice
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield total


def one_step(parts: nn.ModuleDict, config: Config, rows: int, tokens: int = TOKENS) -> dict[str, int]:
    """Bytes that a forward and backward pass of text-to-image rows keeps.

    language, unet: what autograd keeps of each, with bf16 copies of trained weights. gradients: at the end, of
    everything but the vision tower.
    """
    found = {}
    with torch.autocast("cpu", torch.bfloat16):
        with kept_bytes(parts) as total:
            states, chain = read(parts["language"], rows, tokens)
        found["language"] = total[0]
        with kept_bytes(parts) as total:
            noise = predict(parts, states[:, -64:], config.height // 8, config.width // 8)
        found["unet"] = total[0]
    (chain + noise.float().square().mean()).backward()
    found["gradients"] = sum(p.grad.nbytes for p in parts.parameters() if p.grad is not None)
    return found


def read(language: nn.Module, rows: int, tokens: int) -> tuple[Tensor, Tensor]:
    """Last hidden states (rows, tokens, D) and the cross-entropy of every token."""
    ids = torch.zeros(rows, tokens, dtype=torch.long, device=language.device)
    states = language.model.language_model(
        inputs_embeds=language.get_input_embeddings()(ids),
        position_ids=torch.zeros(3, rows, tokens, dtype=torch.long, device=language.device),
        attention_mask=None,
        use_cache=False,
    ).last_hidden_state
    logits = language.lm_head(states).float()
    return states, torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids.flatten())


def predict(parts: nn.ModuleDict, hidden: Tensor, height: int, width: int) -> Tensor:
    """The UNet's prediction (rows, 4, height, width) from the image tokens' states."""
    rows, device = len(hidden), hidden.device
    conditions = {"text_embeds": parts["pooled"](hidden).mean(1), "time_ids": torch.zeros(rows, 6, device=device)}
    steps = torch.zeros(rows, dtype=torch.long, device=device)
    inputs = torch.zeros(rows, 12, height, width, device=device)
    return parts["unet"](inputs, steps, parts["context"](hidden), added_cond_kwargs=conditions).sample


def whole_steps(config: Config, rows: int, device: torch.device, steps: int = 4, tokens: int = TOKENS) -> list[float]:
    """Seconds of whole training steps with random weights, including the optimizer and the EMA."""
    with torch.device(device):
        parts = real_networks(config)
    trained = [parameter for parameter in parts.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=config.learning_rate, betas=(config.adam_beta1, config.adam_beta2), fused=True
    )
    ema, seconds = EMA({str(number): p for number, p in enumerate(trained)}, config.ema_decay), []
    for _ in range(steps):
        started = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16):
            states, chain = read(parts["language"], rows, tokens)
            noise = predict(parts, states[:, -64:], config.height // 8, config.width // 8)
        (chain + noise.float().square().mean()).backward()
        nn.utils.clip_grad_norm_(trained, config.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ema.update()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return seconds


def measure(config: Config, rows: int) -> dict[str, int]:
    """`one_step` at the real size, on fake tensors."""
    with torch.device("meta"):
        parts = real_networks(config)
    with FakeTensorMode():
        as_if_on_cpu(parts)
        return one_step(parts, config, rows)


def as_if_on_cpu(parts: nn.Module) -> None:
    """Replace meta tensors by fake CPU tensors, which know their device and take no memory either."""
    for module in parts.modules():
        for name, old in module._parameters.items():
            if old is not None:
                new = torch.empty(old.shape, dtype=old.dtype)
                module._parameters[name] = nn.Parameter(new, requires_grad=old.requires_grad)
        for name, old in module._buffers.items():
            if old is not None:
                module._buffers[name] = torch.empty(old.shape, dtype=old.dtype)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="pretrain", help="a training configuration (default: pretrain)")
    parser.add_argument("--rows", type=int, default=1, help="rows computed at a time, micro_batch (default: 1)")
    parser.add_argument("--device", help="device to measure steps on instead of counting, e.g. cuda")
    options = parser.parse_args()
    config = read_config(options.config)
    if options.device:
        seconds = whole_steps(config, options.rows, torch.device(options.device))
        print(f"steps of {options.rows} rows, s: {', '.join(f'{each:.2f}' for each in seconds)}", flush=True)
        if torch.cuda.is_available():
            print(f"{torch.cuda.get_device_name()}: peak {torch.cuda.max_memory_allocated() / GIB:.1f} GiB allocated")
        return
    with torch.device("meta"):
        table = weight_table(real_networks(config))
    for name, row in table.items():
        numbers = ", ".join(f"{use} {size / GIB:.2f}" for use, size in list(row.items())[1:])
        print(f"{name}: {row['trained parameters'] / 1e6:.1f} M trained parameters; GiB: {numbers}")
    whole = {use: sum(row[use] for row in table.values()) for use in next(iter(table.values()))}
    print("all, GiB: " + ", ".join(f"{use} {size / GIB:.2f}" for use, size in list(whole.items())[1:]))
    for checkpointing in (True, False):
        kept = measure(changed(config, {"gradient_checkpointing": checkpointing}), options.rows)
        shown = ", ".join(f"{name} {size / GIB:.2f}" for name, size in kept.items())
        print(f"a step of {options.rows} rows, checkpointing {checkpointing}, kept for the backward pass, GiB: {shown}")


if __name__ == "__main__":
    main()
