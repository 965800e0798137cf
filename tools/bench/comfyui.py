"""ComfyUI's settings for a benchmark. They must be set before the modules that read them are imported.

ComfyUI's own main program, which sets them, does not run here. Written against ComfyUI 0.30.0: main.py.
"""

import logging


def start(device: str, threads: int | None, dynamic: bool) -> None:
    """Choose the device, "cpu" or "cuda", the number of CPU threads, and whether to use DynamicVRAM.

    DynamicVRAM is ComfyUI's default on NVIDIA cards: weights come to the card when a layer first needs them.
    RuntimeError where it does not work.
    """
    if dynamic:  # before the first import of torch, whose calls it intercepts
        import comfy_aimdo.control

        comfy_aimdo.control.init(nvml_pressure=True)
    import torch
    from comfy.cli_args import args

    args.cpu = args.use_pytorch_cross_attention = device == "cpu"  # ComfyUI's fastest attention on a CPU
    if threads:
        torch.set_num_threads(threads)
    logging.getLogger().setLevel(logging.ERROR)
    import comfy.utils

    comfy.utils.PROGRESS_BAR_ENABLED = False
    if dynamic:
        _use_dynamic_vram()


def _use_dynamic_vram() -> None:
    """Before any model is loaded."""
    import comfy.memory_management
    import comfy.model_management
    import comfy.model_patcher
    import comfy_aimdo.control

    devices = [(device.index, 0) for device in comfy.model_management.get_all_torch_devices()]
    if not comfy_aimdo.control.init_devices(devices):
        raise RuntimeError("DynamicVRAM does not work here: comfy-aimdo finds no device that it can use.")
    comfy_aimdo.control.set_log_error()
    comfy.model_patcher.CoreModelPatcher = comfy.model_patcher.ModelPatcherDynamic
    comfy.memory_management.aimdo_enabled = True
