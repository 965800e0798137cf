"""The templates in which other models draw a plan: where their nodes are, and which files they need.

The files and sampler settings are those of ComfyUI's own templates: image_sdxl_simple, image_qwen_image,
image_flux3_klein_distilled_t2i, image_moss_image_t2i and image_qwen_image_edit_2511.
"""

from .layout import Column, Group, Layout, column

HUB = "https://huggingface.co"


def _file(folder: str, path: str) -> dict[str, str]:
    """A file as ComfyUI offers to download it. folder: of models. path: on the hub, from the repository on."""
    repository, name = "/".join(path.split("/")[:2]), path.rpartition("/")[2]
    inside = path.removeprefix(f"{repository}/")
    return {"name": name, "url": f"{HUB}/{repository}/resolve/main/{inside}", "directory": folder}


FLUX3, MOSS = "black-forest-labs/flux-3-image-klein-comfy", "Comfy-Org/MOSS-Image"
QWEN, QWEN_EDIT = "Comfy-Org/Qwen-Image_ComfyUI/split_files", "Comfy-Org/Qwen-Image-Edit_ComfyUI/split_files"
QWEN3_VL = _file("text_encoders", "Comfy-Org/Qwen3-VL/text_encoders/qwen3vl_4b_fp8_scaled.safetensors")
SDXL = _file("checkpoints", "stabilityai/stable-diffusion-xl-base-1.0/sd_xl_base_1.0.safetensors")
QWEN_VL = _file("text_encoders", f"{QWEN}/text_encoders/qwen_2.5_vl_7b_fp8_scaled.safetensors")
QWEN_VAE = _file("vae", f"{QWEN}/vae/qwen_image_vae.safetensors")


def _needs(files: list[dict[str, str]], kind: str = "") -> str:
    """The part of a note that says what to download. kind: the type of Load CLIP that it needs, if 0.30 lacks it."""
    rows = "\n".join(f"- [{file['name']}]({file['url']}) into *models/{file['directory']}*" for file in files)
    newer = f"It needs a ComfyUI whose *Load CLIP* lists the type *{kind}*.\n\n" if kind else ""
    return f"{newer}**Files**, which ComfyUI offers to download if they are missing:\n\n{rows}\n"


def _plan_first(painter: str, how: str) -> str:
    return f"""
**1.** Press Run. A language model plans the image, and the run pauses at the plan.

**2.** Move boxes, change words, then press **Resume** in the editor. {painter} draws the plan.

{how}

"""


def _asked(painter: str, *columns: Column) -> tuple[Group, ...]:
    """The groups of a template in which Generate Text writes the plan: nodes 1 to 5, then the painter's own."""
    return (
        Group("1. Ask for a plan", (column(310, n1=430, n3=None, n4=None, n2=155),)),
        Group("2. Change it", (column(480, n5=860),)),
        Group(f"3. {painter} draws it", columns),
    )


def _planned(painter: str, *columns: Column) -> tuple[Group, ...]:
    """The groups of a template in which GoT Planner Loader's model writes the plan: nodes 1 to 3."""
    return (
        Group("1. Ask for a plan", (column(400, n1=225, n2=330, note=245),)),
        Group("2. Change it", (column(480, n3=885),)),
        Group(f"3. {painter} draws it", columns),
    )


def _edited(painter: str, *columns: Column) -> tuple[Group, ...]:
    """The groups of a template for edits: nodes 1 to 5, then the painter's own."""
    return (
        Group("1. The image, and what to change", (column(310, n2=360, n3=320, n1=None),)),
        Group("2. See where it will change", (column(480, n4=622, n5=228),)),
        Group(f"3. {painter} draws it", columns),
    )


SDXL_FILES = [QWEN3_VL, SDXL]
FLUX3_FILES = [
    QWEN3_VL,
    _file("diffusion_models", f"{FLUX3}/diffusion_models/flux3-image-klein-int8-convrot.safetensors"),
    _file("text_encoders", f"{FLUX3}/text_encoders/qwen3vl_4b_int8_convrot.safetensors"),
    _file("vae", f"{FLUX3}/vae/flux2-vae.safetensors"),
]
MOSS_FILES = [
    _file("diffusion_models", f"{MOSS}/diffusion_models/moss_image_sft_int8_convrot.safetensors"),
    _file("text_encoders", f"{MOSS}/text_encoders/qwen3.5_9b_w4a8_gptq.safetensors"),
    _file("vae", f"{MOSS}/vae/flux2-vae_small.safetensors"),
]
QWEN_FILES = [
    _file("diffusion_models", f"{QWEN}/diffusion_models/qwen_image_fp8_e4m3fn.safetensors"),
    *(QWEN_VL, QWEN_VAE),
]
EDIT_FILES = [QWEN_VL, SDXL]
QWEN_EDIT_FILES = [
    _file("diffusion_models", f"{QWEN_EDIT}/diffusion_models/qwen_image_edit_2511_fp8mixed.safetensors"),
    *(QWEN_VL, QWEN_VAE),
]

_SDXL = _plan_first(
    "SDXL",
    "*GoT Regional Attention* draws each phrase in its box, with one prediction per step. **strength** is the weight "
    "of the phrases, 0 to 1. You can use any SDXL or SD 1.5 checkpoint.",
)
_FLUX3 = _plan_first("FLUX 3 Image Klein", "The model reads boxes itself: *GoT Chain To Text* writes them in its form.")
_MOSS = _plan_first(
    "MOSS-Image",
    "The model reads boxes itself, in pixels. Set width and height in *GoT Chain To Text* to those of the latent. Its "
    "own text encoder writes the plan.",
)
_QWEN = _plan_first(
    "Qwen-Image",
    "*GoT Regional Attention* draws each phrase in its box, with one prediction per step. Qwen-Image's own text "
    "encoder writes the plan, so the plan needs no further file.",
)
_EDIT = """
**1.** Press Run. Qwen2.5-VL plans the edit of *Load Image*, and the run pauses: the editor shows where it will change.

**2.** Move the box, then press **Resume**. {}

Outside the mask the image stays, to the last bit. The instruction is in *Edit Chain*.

"""
_EDIT_SDXL = _EDIT.format("SDXL draws there what *New content* says. An inpainting checkpoint of SDXL works best.")
_EDIT_QWEN = _EDIT.format("Qwen-Image-Edit follows the instruction there.")

PAINTERS = {
    "plan_draws_with_sdxl": Layout(
        _asked(
            "SDXL",
            column(280, n9=None, n6=145, n7=260, n10=300),
            column(290, note=370, n8=110, n11=None, n12=230),
        ),
        _SDXL + _needs(SDXL_FILES),
        titles={"8": "Negative prompt"},
        files={"CLIPLoader": [QWEN3_VL], "CheckpointLoaderSimple": [SDXL]},
    ),
    "plan_draws_with_flux3": Layout(
        _asked(
            "FLUX 3",
            column(280, n7=130, n8=160, n9=105, n13=300),
            column(350, note=310, n6=140, n10=None, n11=None, n12=None, n14=None, n15=150),
        ),
        _FLUX3 + _needs(FLUX3_FILES, "flux3"),
        files={
            "CLIPLoader": [QWEN3_VL, FLUX3_FILES[2]],
            "UNETLoader": [FLUX3_FILES[1]],
            "VAELoader": [FLUX3_FILES[3]],
        },
    ),
    "plan_draws_with_moss": Layout(
        _asked(
            "MOSS-Image",
            column(280, n7=130, n9=105, n11=110, n13=300),
            column(350, note=310, n6=140, n8=None, n10=None, n12=None, n14=None, n15=150),
        ),
        _MOSS + _needs(MOSS_FILES, "moss_image"),
        titles={"11": "Negative prompt"},
        files={"UNETLoader": [MOSS_FILES[0]], "CLIPLoader": [MOSS_FILES[1]], "VAELoader": [MOSS_FILES[2]]},
    ),
    "plan_draws_with_qwen_image": Layout(
        _planned(
            "Qwen-Image",
            column(290, n4=130, n5=160, n6=105, n11=300),
            column(290, n8=260, n7=None, n9=None, n10=None, n12=None, n13=250),
        ),
        _QWEN + _needs(QWEN_FILES),
        files={
            "UNETLoader": [QWEN_FILES[0]],
            "CLIPLoader": [QWEN_VL],
            "VAELoader": [QWEN_VAE],
            "GoTPlannerLoader": [QWEN_VL],
        },
    ),
    "edit_where_you_say": Layout(
        _edited(
            "SDXL",
            column(290, n10=None, n6=145, n7=120, n8=110, n11=300),
            column(290, note=340, n9=None, n12=None, n13=None, n14=250),
        ),
        _EDIT_SDXL + _needs(EDIT_FILES),
        titles={"7": "New content", "8": "Negative prompt"},
        files={"GoTPlannerLoader": [QWEN_VL], "CheckpointLoaderSimple": [SDXL]},
    ),
    "edit_where_you_say_qwen": Layout(
        _edited(
            "Qwen-Image-Edit",
            column(290, n6=130, n7=160, n14=300, n9=None, n10=None),
            column(360, note=270, n8=105, n11=None, n12=None, n13=None, n15=None, n16=None, n17=150),
        ),
        _EDIT_QWEN + _needs(QWEN_EDIT_FILES),
        files={
            "GoTPlannerLoader": [QWEN_VL],
            "CLIPLoader": [QWEN_VL],
            "UNETLoader": [QWEN_EDIT_FILES[0]],
            "VAELoader": [QWEN_VAE],
        },
    ),
}
