"""Settings: every value with its origin, what it means, and when a change takes effect."""

from typing import Final

import msgspec

from gateway.admin.settings import ConfigDocument, SettingDocument
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import GOOD, NOTHING, QUIET, Column, state, table
from gateway.admin.views.visit import Visit
from gateway.admin.views.words import FIRST, Words
from gateway.config.problems import Layer

_LAYERS: Final = {
    Layer.DEFAULT: "default",
    Layer.FILE: "in_file",
    Layer.ENVIRONMENT: "environment",
    Layer.COMMAND_LINE: "command_line",
}


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words = visit.words
    found = await visit.ask(ConfigDocument, "get_config")
    columns = (
        Column(words("settings.key")),
        Column(words("settings.value")),
        Column(words("settings.origin")),
        Column(words("settings.takes")),
    )
    return together(
        h("p", words("settings.file"), " ", h("code.whole", found.file, dir="ltr")),
        h("p", words("settings.about")),
        h(
            "div",
            table(
                words("settings.title"),
                columns,
                [_row(one, words) for one in found.settings],
                "",
                key="settings",
                search=words("settings.search"),
            ),
        ),
    )


def _row(one: SettingDocument, words: Words) -> tuple[Markup, Markup, Markup, str]:
    changed = one.layer != Layer.DEFAULT
    where = f"{one.where}:{one.line}" if one.line is not None else one.where
    value = one.value if isinstance(one.value, str) else msgspec.json.encode(one.value).decode()
    return (
        h("span", h("code", one.key, dir="ltr"), h("br"), h("small.meaning", one.sentence, lang=FIRST, dir="ltr")),
        h("code.whole", value or NOTHING, dir="ltr"),
        h("span", state(GOOD if changed else QUIET, words(f"settings.{_LAYERS[Layer(one.layer)]}")), h("br"), h("small", where, dir="ltr")),
        words("settings.restart") if one.restart else words("settings.reload"),
    )
