"""Welcome: the few choices a gateway that is new here needs, looked at before they are written."""

from gateway.admin.problems import BAD_REQUEST, ProblemError
from gateway.admin.restart import WORD, RestartDocument
from gateway.admin.settings import ChangedDocument, ChangeQuery, ConfigDocument
from gateway.admin.views import choices, whereabouts
from gateway.admin.views.choices import FIELDS, Choices
from gateway.admin.views.markup import Markup, h, together
from gateway.admin.views.parts import ATTENTION, GOOD, NOTHING, QUIET, Column, card, diff, field, form, more, notice, table
from gateway.admin.views.visit import Visit
from gateway.bridge.cells import is_cell
from gateway.config.schema import BridgeMode

_WHERE = "where-card"
_MAX_TEXT = 100  # characters of a field; what is too long for its setting is told by whoever knows the setting


async def show(visit: Visit) -> Markup:
    """Return the page."""
    words = visit.words
    config = await visit.ask(ConfigDocument, "get_config")
    at = visit.request.query.get(whereabouts.AT, "")
    shown = choices.sent(visit.form) if visit.form.get("do") == "look" else choices.in_force(config)
    place = at if is_cell(at) else shown.place
    fields = (_named(visit, shown), _placed(visit, place), _bridged(visit, shown), _mqtt(visit, shown))
    return together(
        h("p", words("welcome.about")),
        form("/welcome", "look", visit.seal, words("welcome.look"), h("div.cards", *fields)),
        whereabouts.picker("/welcome", _WHERE, at, words),
        h("p", words("welcome.time")),
        h("p", h("a", words("welcome.later"), href="/status")),
    )


async def act(visit: Visit) -> Markup:
    """Show what the choices would change, write them, or start again so that they take effect."""
    words, wish = visit.words, visit.form.get("do")
    if wish == "restart":
        done = await visit.ask(RestartDocument, "restart", body={"confirm": WORD})
        back = h("p", h("a", words("welcome.back"), href="/status"))
        return notice(ATTENTION, words("welcome.restarts"), h("p", words("welcome.restarts_about", span=words.span(done.seconds))), back)
    if wish not in {"look", "save"}:
        raise ProblemError(BAD_REQUEST, words("common.unknown_form"))
    config = await visit.ask(ConfigDocument, "get_config")
    wanted = choices.sent(visit.form)
    changes, wrong = choices.changes(wanted, config, words)
    visit.troubles.update(wrong)
    if wrong:
        raise ProblemError(BAD_REQUEST, words("door.look_below"))
    if not changes:
        return notice(QUIET, words("welcome.nothing"), h("p", h("a", words("welcome.on"), href="/status")))
    saves = wish == "save"
    tag = visit.form.get("tag", "") if saves else config.tag
    try:
        changed = await visit.ask(
            ChangedDocument,
            "change_config",
            query=ChangeQuery(dry_run=not saves),
            body={"changes": changes},
            headers={"If-Match": f'"{tag}"'},
        )
    except ProblemError as error:
        for one in error.document.errors or ():
            visit.troubles[FIELDS.get(one.key.partition("[")[0], "")] = choices.in_english(f"{one.message}. {one.allowed}".strip())
        raise
    return _saved(visit, changed) if saves else _preview(visit, config, wanted, changes, changed)


def _preview(visit: Visit, config: ConfigDocument, wanted: Choices, changes: dict[str, object], changed: ChangedDocument) -> Markup:
    words = visit.words
    before = {one.key: one.value for one in config.settings}
    columns = [Column(words(f"welcome.{one}")) for one in ("setting", "now", "then", "takes")]
    rows = [
        (
            h("code", key, dir="ltr"),
            _value(before.get(key)),
            _value(value),
            words("welcome.after_restart" if key in changed.restart else "welcome.at_once"),
        )
        for key, value in changes.items()
    ]
    hidden = {
        "nickname": wanted.nickname,
        "place": str(changes.get("bridge.cell", wanted.place)),
        "mode": wanted.mode,
        "mqtt": "on" if wanted.mqtt else "",
        "broker": wanted.broker,
        "port": wanted.port,
        "tag": changed.tag,
    }
    carried = [h("input", type="hidden", name=name, value=value) for name, value in hidden.items()]
    return notice(
        QUIET,
        words("welcome.preview"),
        whereabouts.about(str(changes.get("bridge.cell", "")), words),
        table(words("welcome.preview"), columns, rows, "", key="changes"),
        _shadowed(visit, changed),
        more(words("welcome.diff", file=config.file), diff(changed.diff, words("welcome.diff", file=config.file))),
        form("/welcome", "save", visit.seal, words("welcome.save"), carried),
    )


def _saved(visit: Visit, changed: ChangedDocument) -> Markup:
    words = visit.words
    if not changed.restart:
        return notice(GOOD, words("welcome.saved"), _shadowed(visit, changed), h("p", h("a", words("welcome.on"), href="/status")))
    return notice(GOOD, words("welcome.saved"), _shadowed(visit, changed), h("p", words("welcome.waits")), again(visit))


def again(visit: Visit) -> Markup | None:
    """Return the button that starts the gateway again, None for whoever may not."""
    return form("/welcome", "restart", visit.seal, visit.words("welcome.restart")) if visit.may("restart") else None


def _shadowed(visit: Visit, changed: ChangedDocument) -> Markup | None:
    if not changed.shadowed:
        return None
    names = [h("li", h("code", one, dir="ltr")) for one in changed.shadowed]
    return h("div", h("p", visit.words("welcome.shadowed")), h("ul", names))


def _value(value: object) -> Markup:
    shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value).lower() if isinstance(value, bool) else str(value)
    return h("code.whole", shown or NOTHING, dir="auto")


def _named(visit: Visit, shown: Choices) -> Markup:
    words = visit.words
    line = field(
        "nickname",
        words("welcome.name"),
        hint=words("welcome.name_hint"),
        value=shown.nickname,
        trouble=visit.troubles.get("nickname", ""),
        required=True,
        autocomplete="off",
        maxlength=_MAX_TEXT,
        dir="auto",
    )
    return card(words("welcome.gateway"), line, key="name-card")


def _placed(visit: Visit, place: str) -> Markup:
    words = visit.words
    line = field(
        "place",
        words("welcome.place"),
        hint=words("welcome.place_hint"),
        value=place,
        trouble=visit.troubles.get("place", ""),
        autocomplete="off",
        spellcheck="false",
        maxlength=_MAX_TEXT,
        dir="ltr",
    )
    return card(words("welcome.where"), h("p", words("welcome.where_about")), line, whereabouts.about(place, words), key=_WHERE)


def _bridged(visit: Visit, shown: Choices) -> Markup:
    words, trouble = visit.words, visit.troubles.get("mode", "")
    options = [
        h(
            "div.option",
            h(
                "input",
                type="radio",
                name="mode",
                id=f"mode-{mode}",
                value=mode.value,
                checked=shown.mode == mode,
                aria_describedby=f"mode-{mode}-about",
            ),
            h("label", words(f"mode.{mode}"), for_=f"mode-{mode}"),
            h("p", words(f"welcome.{mode}"), id=f"mode-{mode}-about"),
        )
        for mode in (BridgeMode.CONSENT, BridgeMode.OPEN, BridgeMode.OFF)
    ]
    wrong = h("strong.mistake", trouble) if trouble else None
    return card(words("welcome.bridge"), wrong, h("fieldset", h("legend", words("welcome.bridge_about")), options), key="mode-card")


def _mqtt(visit: Visit, shown: Choices) -> Markup:
    words, trouble = visit.words, visit.troubles.get("mqtt", "")
    switch = h(
        "div.option",
        h("input", type="checkbox", name="mqtt", id="mqtt", value="on", checked=shown.mqtt, aria_describedby="mqtt-about"),
        h("label", words("welcome.mqtt"), for_="mqtt"),
        h("strong.mistake", trouble) if trouble else None,
        h("p", words("welcome.mqtt_about"), id="mqtt-about"),
    )
    host = field(
        "broker",
        words("welcome.broker"),
        value=shown.broker,
        trouble=visit.troubles.get("broker", ""),
        autocomplete="off",
        spellcheck="false",
        maxlength=_MAX_TEXT,
        dir="ltr",
    )
    hint = words("welcome.port_hint")
    port = field("port", words("welcome.port"), hint=hint, value=shown.port, inputmode="numeric", pattern="[0-9]{1,5}", dir="ltr")
    return card("MQTT", switch, host, port, h("p.faint", words("welcome.mqtt_more")), key="mqtt-card")
