"""The nodes that load models."""

from comfy_api.latest import io

from ..got_models.comfy.files import comfyui_tokenizer, model_folder, model_names, planner_names, planner_path
from ..got_models.comfy.reasoner import ManagedReasoner, managed_planner
from ..got_models.comfy.unet import load_unet
from ..got_models.comfy.vae import load_vae
from ..got_models.files.manifest import MANIFEST, UNET, VAE, read_manifest
from .types import CATEGORY, GotReasoner


class GoTLoader(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTLoader",
            display_name="GoT Loader",
            category=CATEGORY,
            description="Loads a GoT model: the reasoner that writes chains, the diffusion model and its VAE.",
            search_aliases=["GoT", "Generation Chain-of-Thought", "load checkpoint"],
            inputs=[
                io.Combo.Input(
                    "model_name",
                    options=model_names(),
                    tooltip="A folder in models/got, or the small bundled model (default). 'python dev.py convert' "
                    "makes a folder from a released checkpoint.",
                )
            ],
            outputs=[
                GotReasoner.Output(display_name="reasoner", tooltip="Writes chains and encodes their meaning."),
                io.Model.Output(
                    display_name="model", tooltip="The diffusion model. LoRAs and model patches can follow."
                ),
                io.Vae.Output(display_name="vae", tooltip="Converts between images and latents."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, model_name):
        return (model_folder(model_name) / MANIFEST).stat().st_mtime_ns

    @classmethod
    def execute(cls, model_name) -> io.NodeOutput:
        folder = model_folder(model_name)
        read_manifest(folder)
        return io.NodeOutput(ManagedReasoner(folder), load_unet(folder / UNET), load_vae(folder / VAE))


class GoTPlannerLoader(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTPlannerLoader",
            display_name="GoT Planner Loader",
            category=CATEGORY,
            description="Loads a plain Qwen2.5-VL as a reasoner that plans images and edits. Any model can draw its "
            "plans.",
            search_aliases=[
                "GoT",
                "qwen",
                "Qwen2.5-VL",
                "plan",
                "layout",
                "LLM",
                "VLM",
                "language model",
                "load reasoner",
            ],
            inputs=[
                io.Combo.Input(
                    "model_name",
                    options=planner_names(),
                    tooltip="Qwen2.5-VL in 3B or 7B: a folder in models/LLM, models/text_encoders or models/got as "
                    "Hugging Face has it, or a single file.",
                )
            ],
            outputs=[
                GotReasoner.Output(
                    display_name="reasoner",
                    tooltip="Writes chains, for Reasoning Chain, Edit Chain and GoT Several Chains.",
                ),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, model_name):
        return planner_path(model_name).stat().st_mtime_ns

    @classmethod
    def execute(cls, model_name) -> io.NodeOutput:
        path = planner_path(model_name)
        return io.NodeOutput(managed_planner(path, comfyui_tokenizer() if path.is_file() else None))


NODES = [GoTLoader, GoTPlannerLoader]
