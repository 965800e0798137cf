"""Measure the loading of a model folder: python dev.py run tools.memory FOLDER [--size 512]

Loads the folder as GoT Loader does, writes two tokens, computes the guidance of a chain, takes one UNet step and
decodes in tiles. After each step it prints the seconds, the process's own memory, and the mapped memory of files. Linux
only. ComfyUI's own options can follow after `--`.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(
        "tools.memory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=512, help="the image's side in pixels (default: 512)")
    parser.add_argument("--only-load", action="store_true", help="only load, without running a network")
    arguments, flags = _split(sys.argv[1:])
    options = parser.parse_args(arguments)
    sys.argv = [sys.argv[0], *flags]  # comfy.cli_args reads them on import
    measure(options.folder, options.size, options.only_load)


def measure(folder: Path, size: int, only_load: bool) -> None:
    """Print one line for each step."""
    import comfy.options
    import torch

    comfy.options.enable_args_parsing()
    from comfy.cli_args import args

    args.cpu = args.cpu or not torch.cuda.is_available()
    from got.got_models.chain.grammar import TEXT_TO_IMAGE, read_chain
    from got.got_models.chain.request import Request
    from got.got_models.comfy.guidance import make_guidance
    from got.got_models.comfy.guider import GoTGuider, empty_latent, sample
    from got.got_models.comfy.reasoner import ManagedReasoner
    from got.got_models.comfy.unet import load_unet
    from got.got_models.comfy.vae import load_vae
    from got.got_models.files.manifest import UNET, VAE
    from got.got_models.guidance.formula import Strengths
    from got.got_models.reasoner.sampling import Sampling

    print(f"{'step':26} {'seconds':>8} {'own GB':>8} {'mapped GB':>10} {'most GB':>8}")
    _measured("start", lambda: None)
    with torch.inference_mode():
        reasoner = _measured("load the reasoner", lambda: ManagedReasoner(folder))
        unet = _measured("load the UNet", lambda: load_unet(folder / UNET))
        vae = _measured("load the VAE", lambda: load_vae(folder / VAE))
        if only_load:
            return
        request = Request(TEXT_TO_IMAGE, "a red cup")
        _measured("write two tokens", lambda: reasoner.write(request, Sampling(), 2, False, None))
        chain = read_chain("A cup (120,300),(480,760) (red) stands on a table.", TEXT_TO_IMAGE, "a red cup", None)
        guidance = _measured(f"guidance, {size}x{size}", lambda: make_guidance(reasoner, chain, vae, size, size))
        guider = GoTGuider(unet, guidance, Strengths(7.5, 4, 1), None)
        latent = _measured("one step", lambda: sample(guider, empty_latent(guidance), 0, 1, "euler", "got"))
        _measured("decode in tiles", lambda: vae.decode_tiled(latent["samples"], tile_x=64, tile_y=64, overlap=16))


def _measured(what: str, work: Callable[[], Any]) -> Any:
    start = time.monotonic()
    result = work()
    seconds, memory = time.monotonic() - start, _memory()
    print(
        f"{what:26} {seconds:8.1f} {memory['RssAnon']:8.2f} {memory['RssFile']:10.2f} {memory['VmHWM']:8.2f}",
        flush=True,
    )
    return result


def _memory() -> dict[str, float]:
    """Lines of /proc/self/status in GB: RssAnon own memory, RssFile mapped files, VmHWM the peak of both."""
    lines = (line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(value.split()[0]) * 1024 / 1e9 for name, value in lines if value.strip().endswith("kB")}


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:end], arguments[end + 1 :]


if __name__ == "__main__":
    main()
