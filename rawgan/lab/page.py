"""The page: a head with the rooms as tabs, and the room that the address names."""

from nicegui import ui
from nicegui.events import KeyEventArguments

from rawgan.lab.room import Lab
from rawgan.lab.rooms import ROOMS
from rawgan.lab.texts import Texts

STYLE = """
.pixelated, .pixelated img { image-rendering: pixelated; }
body { font-variant-numeric: tabular-nums; }
"""


def page(lab: Lab, room: str, language: str) -> None:
    """Build the page for one visitor."""
    text = Texts(language)
    rooms = sorted(ROOMS.values(), key=lambda each: each.key)
    chosen = ROOMS.get(room, rooms[0])
    ui.add_css(STYLE)
    ui.page_title(f"{lab.folder.path.name} – {text('title')}")
    dark = ui.dark_mode(value=None)

    def go(name: str, language: str = text.language) -> None:
        ui.navigate.to(f"/?room={name}&lang={language}")

    def toggle() -> None:
        dark.value = not dark.value

    with ui.column().classes("w-full max-w-screen-xl mx-auto p-2 gap-3"):
        with ui.row().classes("w-full items-center gap-4"):
            ui.label(lab.folder.path.name).classes("text-xl font-bold")
            for each in rooms:
                title = f"{text(f'{each.name}.room')} ({each.key})"
                button = ui.button(title, on_click=lambda each=each: go(each.name))
                button.props(f"no-caps {'unelevated' if each is chosen else 'flat'}").classes(f"room-{each.name}")
            ui.space()
            other = ui.button(text("language"), on_click=lambda: go(chosen.name, text.other))
            other.props("flat no-caps").classes("language")
            ui.button(icon="contrast", on_click=toggle).props("flat round").classes("dark-or-light").tooltip(
                text("dark")
            )
        keys = chosen.build(lab, text)
    actions = {each.key: (lambda each=each: go(each.name)) for each in rooms} | {"d": toggle} | keys

    def press(event: KeyEventArguments) -> None:
        held = event.modifiers
        if event.action.keydown and not (held.ctrl or held.alt or held.meta) and event.key.name in actions:
            actions[event.key.name]()

    ui.keyboard(on_key=press, repeating=False)
