"""The layout of a template: titled groups of columns of nodes, and a note."""

from typing import NamedTuple

NOTE = "note"  # the place of the note in a column
TITLE = 30  # units above a node that its title takes
BETWEEN_NODES, BETWEEN_COLUMNS, BETWEEN_GROUPS = 20, 20, 60
MARGIN, HEADING = 20, 50  # of a group around its nodes, and above them for its own title


class Column(NamedTuple):
    """nodes: id and height of each from the top. The height has no title; None: collapsed to its title."""

    width: int
    nodes: tuple[tuple[str, int | None], ...]


class Group(NamedTuple):
    """Columns under one title, from left to right."""

    title: str
    columns: tuple[Column, ...]


class Layout(NamedTuple):
    """titles: of nodes, by id. files: which ComfyUI offers to download, by the type of the node that loads them."""

    groups: tuple[Group, ...]
    note: str
    titles: dict[str, str] = {}
    files: dict[str, list[dict]] = {}

    def places(self) -> dict[str, tuple[int, int, int, int]]:
        """Left, top, width and height of each node by id, and of the note."""
        found, left = {}, 0
        for group in self.groups:
            for column in group.columns:
                top = 0
                for key, height in column.nodes:
                    found[key] = (left, top, column.width, height or 0)
                    top += (height or 0) + BETWEEN_NODES + TITLE
                left += column.width + BETWEEN_COLUMNS
            left += BETWEEN_GROUPS - BETWEEN_COLUMNS
        return found

    def bounds(self) -> list[tuple[str, int, int, int, int]]:
        """Title, left, top, width and height of each group. All are as tall as the tallest."""
        places, result = self.places(), []
        bottom = max(top + height for _, top, _, height in places.values())
        for title, columns in self.groups:
            inside = [places[key] for column in columns for key, _ in column.nodes]
            left = min(place[0] for place in inside) - MARGIN
            right = max(place[0] + place[2] for place in inside) + MARGIN
            top = -TITLE - HEADING
            result.append((title, left, top, right - left, bottom + MARGIN - top))
        return result

    def collapsed(self) -> list[str]:
        """The ids of the nodes that show their title alone."""
        nodes = [node for group in self.groups for column in group.columns for node in column.nodes]
        return [key for key, height in nodes if height is None]


def column(width: int, **nodes: int | None) -> Column:
    """A column of nodes from the top: column(300, n1=190, note=200). A node's name is its id after n."""
    return Column(width, tuple((key.removeprefix("n") if key != NOTE else key, nodes[key]) for key in nodes))
