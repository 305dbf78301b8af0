"""Elements of HTML and SVG: the only place where text becomes markup, and where everything that is no markup yet is escaped."""

from collections.abc import Iterable
from html import escape
from typing import Final, TypeAlias, Union

_VOID: Final = frozenset({"meta", "link", "input", "br", "hr", "img"})
_CLOSED: Final = frozenset({"path", "circle", "line", "rect", "polyline", "polygon", "use"})  # of SVG, without content
_INLINE: Final = ("on", "style")  # what the content security policy would not let a browser follow
_ADDRESSES: Final = frozenset({"href", "src", "action"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Child: TypeAlias = Union[str, float, Iterable["Child"], None]  # noqa: UP007 -- a name in quotes knows no |
Attribute = str | float | bool | None


def h(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """Return an element.

    Args:
        tag: its name, with classes behind dots, such as ``p.small``.
        children: what is in it; whatever is no `Markup` is escaped, None is nothing.
        attributes: None and False leave one out, True is one without a value; ``for_`` is ``for``, ``aria_label`` is ``aria-label``.

    Raises:
        ValueError: a script or a style would stand in the page, or an address would lead out of it.

    """
    name, *classes = tag.split(".")
    if classes:
        attributes["class"] = " ".join(classes)
    head = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{head}>")
    inside = "".join(_text(child) for child in children)
    if name in _CLOSED and not inside:
        return Markup(f"<{name}{head}/>")
    return Markup(f"<{name}{head}>{inside}</{name}>")


def together(*children: Child) -> Markup:
    """Return several things, one after the other."""
    return Markup("".join(_text(child) for child in children))


def _text(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return escape(child)
    if isinstance(child, float):
        return f"{child:g}"
    return str(child) if isinstance(child, int) else "".join(_text(one) for one in child)


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    if name.startswith(_INLINE):
        raise ValueError(f"{name} would be refused by the content security policy")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if name in _ADDRESSES and not text.startswith(("/", "#")):
        raise ValueError(f"{text!r} leads out of the page")
    return f' {name}="{escape(text)}"'
