"""Words that every text of the world uses: articles, numbers, lists."""

from ..scenes import Object

NUMBERS = ("zero", "one", "two", "three", "four")
DIRECTIONS = {"left of": "to the left", "right of": "to the right", "above": "up", "below": "down"}


def a(name: str) -> str:
    """A name with its article: a star, an orange star."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def capital(text: str) -> str:
    """A text with a capital letter at its beginning."""
    return text[0].upper() + text[1:]


def listing(items: list[str]) -> str:
    """a, b and c"""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def groups(objects) -> list[list[Object]]:
    """Neighboring objects of one color and shape together."""
    found: list[list[Object]] = []
    for obj in objects:
        if found and found[-1][0].name == obj.name:
            found[-1].append(obj)
        else:
            found.append([obj])
    return found


def counted(group: list[Object]) -> str:
    """Objects of one name with their number: a red star, two red stars."""
    return a(group[0].name) if len(group) == 1 else f"{NUMBERS[len(group)]} {group[0].name}s"
