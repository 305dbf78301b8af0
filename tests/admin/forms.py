"""Reads the forms of a page as a browser without scripts does, to send them back with something else in a field."""

from html.parser import HTMLParser
from typing import Any


class Forms(HTMLParser):
    """The forms of a page, by what they do; without the one to log out, which stands on every page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.all: list[dict[str, str]] = []
        self.fields: dict[str, dict[str, str | None]] = {}
        self.texts: dict[str, str] = {}
        self._open: dict[str, str] = {}
        self._area = self._select = ""
        self._ids: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name = found.get("name") or ""
        if found.get("id") and tag not in {"input", "br"}:
            self._ids.append((tag, found["id"] or ""))
        if tag == "form":
            self._open = {}
            if found["action"] != "/logout":
                self.all.append(self._open)
        elif tag in {"input", "textarea", "select"}:
            self.fields[name] = found
            if "disabled" in found:
                return
            if tag == "textarea":
                self._area, self._open[name] = name, ""
            elif tag == "select":
                self._select = name
            elif found.get("type") != "checkbox" or "checked" in found:
                self._open[name] = found.get("value") or ""
        elif tag == "option" and self._select and ("selected" in found or self._select not in self._open):
            self._open[self._select] = found.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if self._ids and self._ids[-1][0] == tag:
            self._ids.pop()
        if tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self._open[self._area] += data
        for _, name in self._ids:
            self.texts[name] = self.texts.get(name, "") + data

    def sent(self, what: str, **changes: Any) -> dict[str, str]:
        """Return what is sent with the form that does that, with other values; None takes a field out. Dots are written ``__``."""
        (found,) = [one for one in self.all if one.get("do") == what]
        merged = found | {name.replace("__", "."): value for name, value in changes.items()}
        return {name: value for name, value in merged.items() if value is not None}
