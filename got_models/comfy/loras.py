"""LoRAs of regions: names looked up in ComfyUI's list, files loaded as hooks.

Written against ComfyUI 0.30.0: comfy_extras/nodes_hooks.py, Create Hook LoRA and Set CLIP Hooks, and comfy/hooks.py. A
hook in a CONDITIONING changes the weights only while that entry is predicted.
"""

from collections.abc import Sequence

import comfy.hooks
import comfy.utils
import folder_paths
from comfy.hooks import HookGroup
from comfy.sd import CLIP

from ..chain.edits import Edits
from ..chain.grammar import Lora, Region, parse_regions
from ..errors import GoTError

_FOLDER = "loras"


def check_edits(edits: Edits | None) -> None:
    """GoTError names a LoRA of the edits that ComfyUI does not list. None: there are no edits."""
    if edits is not None and any("lora" in fields for fields in edits.guides):
        pairs = zip(parse_regions(edits.text), edits.guides, strict=True)
        check_loras([region._replace(**fields) for region, fields in pairs])


def check_loras(regions: Sequence[Region]) -> None:
    """GoTError names a LoRA that ComfyUI does not list. Those of regions that are switched off are not needed."""
    for number, region in enumerate(regions, 1):
        if region.lora and not region.off and region.lora.strength:
            _file_name(region.lora.name, f"Region {number} '{region.phrase[:40]}'")


def load_hooks(loras: Sequence[Lora]) -> dict[Lora, HookGroup]:
    """Each LoRA as a hook for a CONDITIONING, loaded once. One of strength 0 changes nothing and is left out.

    GoTError names one that ComfyUI does not list.
    """
    files, hooks = {}, {}
    for lora in dict.fromkeys(lora for lora in loras if lora.strength):
        name = _file_name(lora.name, "A region")
        if name not in files:
            path = folder_paths.get_full_path_or_raise(_FOLDER, name)
            files[name] = comfy.utils.load_torch_file(path, safe_load=True)
        hooks[lora] = comfy.hooks.create_hook_lora(files[name], lora.strength, lora.strength)
    return hooks


def hooked(clip: CLIP, hooks: HookGroup) -> CLIP:
    """A text encoder with hooks, as Set CLIP Hooks makes it. What it encodes carries them, for the model that draws.

    Hooks that the text encoder has already stay.
    """
    conds, forced = clip.apply_hooks_to_conds, clip.patcher.forced_hooks
    clip = clip.clone(disable_dynamic=True)
    clip.apply_hooks_to_conds = conds.clone_and_combine(hooks) if conds else hooks
    clip.patcher.forced_hooks = forced.clone_and_combine(hooks) if forced else hooks.clone()
    if not clip.use_clip_schedule:
        clip.patcher.forced_hooks.set_keyframes_on_hooks(None)
    target = comfy.hooks.create_target_dict(comfy.hooks.EnumWeightTarget.Clip)
    clip.patcher.register_all_hook_patches(clip.patcher.forced_hooks, target)
    return clip


def _file_name(name: str, who: str) -> str:
    """The name in ComfyUI's list. A workflow from another system may separate folders by the other slash."""
    known = {listed.replace("\\", "/"): listed for listed in folder_paths.get_filename_list(_FOLDER)}
    found = known.get(name.replace("\\", "/"))
    if found is None:
        raise GoTError(
            f"{who} uses the LoRA '{name[:100]}', which ComfyUI does not find. Put the file into models/loras, or "
            f"choose another LoRA or none in the GoT Chain Editor."
        )
    return found
