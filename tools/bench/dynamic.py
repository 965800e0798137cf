"""ComfyUI's DynamicVRAM, its default on NVIDIA cards: weights come to the card when a layer first needs them.

ComfyUI turns it on in its main program, which is not run here. Written against ComfyUI 0.30.0: main.py.
"""


def load_library() -> None:
    """Before the first import of torch, whose calls it intercepts."""
    import comfy_aimdo.control

    comfy_aimdo.control.init(nvml_pressure=True)


def turn_on() -> None:
    """Before any model is loaded. RuntimeError where it does not work."""
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
