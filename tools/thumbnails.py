"""Write example_workflows/*.jpg, what each example plans and draws with GoT-Tiny: python dev.py run tools.thumbnails"""

import io
import tempfile
from pathlib import Path

from PIL import Image

from .client import Client, Run
from .demo import example, node_of
from .server import PACK, Server, ServerError

SIDE = 512  # pixels of each of the two pictures
EXAMPLES = ("text_to_image", "change_the_plan", "edit", "edit_your_picture")


def main():
    base = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with base, Server(Path(base.name)) as server, Client(server.url) as client:
        drawn = Path(base.name, "drawn.png")
        for name in EXAMPLES:
            graph, _ = example(name)
            if name == "edit_your_picture":  # its own is a photograph, and GoT-Tiny knows only coloured shapes
                graph[node_of(graph, "LoadImage")]["inputs"]["image"] = client.upload(drawn)
            run = client.run(graph)
            if run.status != "success":
                raise ServerError(run.message)
            plan, picture = (shown(client, run, graph, kind) for kind in ("GoTChainPreview", "SaveImage"))
            side_by_side(plan, picture).save(PACK / "example_workflows" / f"{name}.jpg", quality=88)
            if name == "text_to_image":
                picture.save(drawn)
            print(name)


def shown(client: Client, run: Run, graph: dict, kind: str) -> Image.Image:
    """The first picture that the node of a kind shows."""
    return Image.open(io.BytesIO(client.picture(run.images(node_of(graph, kind))[0]))).convert("RGB")


def side_by_side(*pictures: Image.Image) -> Image.Image:
    strip = Image.new("RGB", (SIDE * len(pictures), SIDE))
    for number, picture in enumerate(pictures):
        strip.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (SIDE * number, 0))
    return strip


if __name__ == "__main__":
    main()
