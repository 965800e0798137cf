"""The node that turns a chain into guidance."""

from comfy_api.latest import io

from ..got_models.chain.grammar import guiding
from ..got_models.comfy.guidance import make_guidance
from ..got_models.comfy.guider import conditioning, empty_latent
from ..got_models.comfy.notes import show_note, unused
from ..got_models.guidance.canvas import paint_regions
from ..got_models.guidance.sizes import automatic_size
from .types import DRAW, GotChain, GotGuidance, GotReasoner

SIZE = io.DynamicCombo.Input(
    "size",
    tooltip="Automatic: the size chosen in GoT Chain Editor, else the model's own. For an edit it is the shape of "
    "the image with as many pixels. Custom: your own. Default automatic.",
    options=[
        io.DynamicCombo.Option("automatic", []),
        io.DynamicCombo.Option(
            "custom",
            [
                io.Int.Input(
                    "width",
                    default=1024,
                    min=64,
                    max=8192,
                    step=8,
                    tooltip="Width in pixels, 64 to 8192, a multiple of 8. Default 1024.",
                ),
                io.Int.Input(
                    "height",
                    default=1024,
                    min=64,
                    max=8192,
                    step=8,
                    tooltip="Height in pixels, 64 to 8192, a multiple of 8. Default 1024.",
                ),
            ],
        ),
    ],
)


class SemanticSpatialGuidance(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="SemanticSpatialGuidance",
            display_name="Semantic-Spatial Guidance",
            category=DRAW,
            description="Turns a chain into guidance for the diffusion model: its meaning, its painted boxes, and "
            "the image to edit.",
            search_aliases=["GoT", "region", "regional prompt", "box control", "inpaint", "encode chain"],
            inputs=[
                GotReasoner.Input("reasoner", tooltip="From GoT Loader. It encodes the chain's meaning."),
                GotChain.Input(
                    "chain", tooltip="Chain to draw, as the reasoner wrote it or as you changed it.", lazy=True
                ),
                io.Vae.Input("vae", tooltip="From GoT Loader. It encodes the painted boxes and the image to edit."),
                SIZE,
            ],
            outputs=[
                GotGuidance.Output(display_name="guidance"),
                io.Image.Output(display_name="regions", tooltip="The painted boxes on one canvas."),
                io.Latent.Output(display_name="latent", tooltip="Empty latent of the guidance's size."),
                io.Conditioning.Output(
                    display_name="conditioning",
                    tooltip="For nodes that add to a conditioning, such as ControlNet. Wire their output into GoT "
                    "Guider or GoT Sampler.",
                ),
            ],
        )

    @classmethod
    def check_lazy_status(cls, reasoner, **inputs) -> list[str]:
        """A reasoner that only plans is refused before a chain is written for it."""
        reasoner.check_guides()
        return ["chain"]

    @classmethod
    def execute(cls, reasoner, chain, vae, size) -> io.NodeOutput:
        width, height = automatic_size(chain, reasoner.manifest.defaults[chain.task])
        if size["size"] == "custom":
            width, height = size["width"], size["height"]
        guidance = make_guidance(reasoner, chain, vae, width, height)
        show_note(unused(chain.regions))
        regions = paint_regions(guiding(chain).regions, width, height)
        return io.NodeOutput(guidance, regions, empty_latent(guidance), conditioning(guidance))


NODES = [SemanticSpatialGuidance]
