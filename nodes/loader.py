"""The node that loads a model."""

from comfy_api.latest import io

from ..got_models.comfy.files import model_folder, model_names
from ..got_models.comfy.reasoner import ManagedReasoner
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


NODES = [GoTLoader]
