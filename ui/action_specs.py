"""Everything a user can make the editor do by a menu, a key or the command palette.

Data alone: `ui.actions` makes QActions of it, the window says what they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scope = Literal["window", "canvas"]


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One action.

    Args:
        id: "run.run"; the part before the dot is its menu.
        text: in menus and the command palette; "..." at the end where it asks something first.
        keys: default shortcuts in Qt's portable text.
        category: heading in the cheat sheet and the settings.
        help: one sentence for tool tips.
        icon: for `ui.theme.icons`; empty for none.
        scope: where its keys work: in the whole window, or on the canvas alone, so that panels
            may use them for their own.
        checkable: it is on or off.
    """

    id: str
    text: str
    keys: tuple[str, ...]
    category: str
    help: str
    icon: str = ""
    scope: Scope = "window"
    checkable: bool = False


def _file(name: str, text: str, keys: str, words: str, icon: str = "") -> ActionSpec:
    return ActionSpec(f"file.{name}", text, tuple(keys.split()), "File", words, icon)


def _edit(
    name: str, text: str, keys: str, words: str, icon: str = "", scope: Scope = "canvas"
) -> ActionSpec:
    return ActionSpec(f"edit.{name}", text, tuple(keys.split()), "Edit", words, icon, scope)


def _graph(name: str, text: str, keys: str, words: str, icon: str = "") -> ActionSpec:
    return ActionSpec(f"graph.{name}", text, tuple(keys.split()), "Graph", words, icon, "canvas")


def _view(
    name: str,
    text: str,
    keys: str,
    words: str,
    icon: str = "",
    scope: Scope = "window",
    checkable: bool = False,
) -> ActionSpec:
    return ActionSpec(
        f"view.{name}", text, tuple(keys.split()), "View", words, icon, scope, checkable
    )


def _run(
    name: str, text: str, keys: str, words: str, icon: str = "", checkable: bool = False
) -> ActionSpec:
    return ActionSpec(
        f"run.{name}", text, tuple(keys.split()), "Run", words, icon, "window", checkable
    )


def _panel(name: str, text: str, keys: str, words: str, icon: str = "") -> ActionSpec:
    return ActionSpec(f"panel.{name}", text, tuple(keys.split()), "Panels", words, icon)


def _paint(
    name: str, text: str, keys: str, words: str, icon: str = "", scope: Scope = "window"
) -> ActionSpec:
    return ActionSpec(f"paint.{name}", text, tuple(keys.split()), "Paint", words, icon, scope)


def _help(name: str, text: str, keys: str, words: str, icon: str = "") -> ActionSpec:
    return ActionSpec(f"help.{name}", text, tuple(keys.split()), "Help", words, icon)


SPECS: tuple[ActionSpec, ...] = (
    _file("new", "New graph", "Ctrl+N Ctrl+T", "Open an empty graph in a new tab.", "file-plus"),
    _file("open", "Open...", "Ctrl+O", "Open a graph file or a picture of ours.", "folder-open"),
    _file("start_page", "Start page", "", "Templates and recent files.", "house"),
    _file("save", "Save", "Ctrl+S", "Save the graph to its file.", "save"),
    _file("save_as", "Save as...", "Ctrl+Shift+S", "Save the graph to another file.", "save-all"),
    _file("export_selection", "Export selection...", "",
          "Save the selected nodes as a graph of their own.", "file-output"),
    _file("next_tab", "Next tab", "Ctrl+Tab Ctrl+PgDown", "Go to the tab on the right."),
    _file("previous_tab", "Previous tab", "Ctrl+Shift+Tab Ctrl+PgUp", "Go to the tab on the left."),
    _file("close", "Close tab", "Ctrl+W", "Close this tab.", "x"),
    _file("close_all", "Close all tabs", "Ctrl+Shift+W", "Close every tab."),
    _file("quit", "Quit", "Ctrl+Q", "Close the editor.", "log-out"),

    _edit("undo", "Undo", "Ctrl+Z", "Take the last change back.", "undo-2", "window"),
    _edit("redo", "Redo", "Ctrl+Shift+Z Ctrl+Y", "Make the change again.", "redo-2", "window"),
    _edit("cut", "Cut", "Ctrl+X Shift+Del", "Copy the selection and remove it.", "scissors"),
    _edit("copy", "Copy", "Ctrl+C Ctrl+Ins",
          "Copy the selection as text that can be pasted anywhere.", "copy"),
    _edit("paste", "Paste", "Ctrl+V Shift+Ins", "Paste nodes at the cursor.", "clipboard-paste"),
    _edit("paste_with_inputs", "Paste with incoming wires", "Ctrl+Shift+V",
          "Paste nodes and wire them to what the copied ones were fed by.", "clipboard-paste"),
    _edit("duplicate", "Duplicate", "Ctrl+D", "Copy the selection beside itself.", "copy-plus"),
    _edit("duplicate_with_inputs", "Duplicate with incoming wires", "Ctrl+Shift+D",
          "Copy the selection, fed by what feeds the original.", "copy-plus"),
    _edit("delete", "Delete", "Del Backspace", "Remove the selection and its wires.", "trash-2"),
    _edit("extract", "Extract", "Ctrl+Shift+X",
          "Take the selected nodes out of the flow and close the gap.", "unplug"),
    _edit("select_all", "Select all", "Ctrl+A", "Select every node.", "square-dashed"),
    _edit("rename", "Rename", "F2", "Give the selected node another title.", "pencil"),
    _edit("find", "Find...", "Ctrl+F", "Find nodes by name, type or value.", "search", "window"),
    _edit("preferences", "Settings...", "Ctrl+,", "Folders, device, theme, keys.", "settings",
          "window"),

    _graph("add", "Add node...", "Tab Shift+A", "Add a node at the cursor.", "plus"),
    _graph("connect", "Connect ports...", "Ctrl+L",
           "Join two ports by keyboard.", "cable"),
    _graph("add_reroute", "Add reroute", "", "Put a bend into the wire under the cursor.",
           "git-commit-horizontal"),
    _graph("bypass", "Bypass", "Ctrl+B", "Hand the inputs of the selected nodes straight on.",
           "skip-forward"),
    _graph("mute", "Mute", "Ctrl+M", "Leave out the selected nodes and all that needs them.",
           "circle-slash"),
    _graph("use_cache", "Use cached results", "",
           "Let earlier results stand for runs of the selected nodes, or run them every time.",
           "database"),
    _graph("collapse", "Collapse", "Alt+C", "Show the selected nodes as their headers only.",
           "chevrons-down-up"),
    _graph("frame", "Frame", "Ctrl+G", "Put a titled frame around the selection.", "group"),
    _graph("layout", "Arrange", "Ctrl+Shift+F", "Lay out the selection, or everything, neatly.",
           "network"),
    _graph("align_left", "Align left edges", "Ctrl+Alt+Left", "", "align-start-vertical"),
    _graph("align_centre", "Align centres", "", "", "align-center-vertical"),
    _graph("align_right", "Align right edges", "Ctrl+Alt+Right", "", "align-end-vertical"),
    _graph("align_top", "Align top edges", "Ctrl+Alt+Up", "", "align-start-horizontal"),
    _graph("align_middle", "Align middles", "", "", "align-center-horizontal"),
    _graph("align_bottom", "Align bottom edges", "Ctrl+Alt+Down", "", "align-end-horizontal"),
    _graph("distribute_horizontal", "Distribute across", "",
           "Make the gaps between the selected nodes equal.", "align-horizontal-distribute-center"),
    _graph("distribute_vertical", "Distribute down", "",
           "Make the gaps between the selected nodes equal.", "align-vertical-distribute-center"),

    _view("frame_selected", "Show selection", "F",
          "Fit the selected nodes into the window; all where none are.", "scan-search", "canvas"),
    _view("frame_all", "Show everything", "Home", "Fit the whole graph into the window.",
          "maximize", "canvas"),
    _view("zoom_100", "Zoom to 100 %", "Ctrl+0", "Show the graph at its true size.", "scan"),
    _view("zoom_in", "Zoom in", "Ctrl+= Ctrl++", "", "zoom-in"),
    _view("zoom_out", "Zoom out", "Ctrl+-", "", "zoom-out"),
    _view("minimap", "Minimap", "Alt+M", "Show or hide the map of the graph.", "map",
          checkable=True),
    _view("theme_dark", "Dark theme", "", "", "moon", checkable=True),
    _view("theme_light", "Light theme", "", "", "sun", checkable=True),
    _view("theme_system", "Theme of the system", "", "Dark or light, as the system is.",
          "monitor", checkable=True),
    _view("fullscreen", "Full screen", "F11", "", "expand", checkable=True),
    _view("reset_layout", "Reset panels", "", "Put every panel back to its place.",
          "panels-top-left"),

    _run("run", "Run", "Ctrl+Return Ctrl+Enter", "Queue a run of this graph.", "play"),
    _run("front", "Run next", "Ctrl+Shift+Return Ctrl+Shift+Enter",
         "Queue a run before everything that waits.", "list-start"),
    _run("to_selected", "Run to selection", "Alt+Return Alt+Enter",
         "Run only what the selected nodes need.", "step-forward"),
    _run("many", "Run several times...", "Ctrl+Shift+R", "Queue a number of runs.", "repeat"),
    _run("cancel", "Stop", "Ctrl+Alt+Return Ctrl+Alt+Enter", "Stop the run under way.", "square"),
    _run("pause", "Pause queue", "", "Finish the run under way and start no other.", "pause",
         True),
    _run("clear", "Clear queue", "", "Drop every run that waits.", "list-x"),

    _paint("open", "Paint mask", "Shift+P", "Paint over what should change, on the canvas of the "
           "selected Inpaint Mask.", "brush", "canvas"),
    _paint("full", "Paint in the whole window", "Shift+F11",
           "Give the paint canvas all the room, or take it back."),

    _panel("queue", "Queue", "Q", "Runs that wait, run and are done.", "list-video"),
    _panel("inspector", "Inspector", "Alt+1", "All of the selected node.", "sliders-horizontal"),
    _panel("outputs", "Outputs", "Alt+2", "The pictures of this session.", "images"),
    _panel("viewer", "Viewer", "Alt+3", "One picture, or two side by side.", "image"),
    _panel("models", "Models", "Alt+4", "Model files by kind and family.", "layers"),
    _panel("problems", "Problems", "Alt+5", "What is wrong with the graph.", "triangle-alert"),
    _panel("outline", "Outline", "Alt+6", "The graph as a tree, for keyboard and screen reader.",
           "list-tree"),
    _panel("paint", "Paint", "Alt+8", "Paint masks and sketches on pictures.", "brush"),
    _panel("log", "Log", "Alt+7", "What the engine says.", "scroll-text"),

    _help("commands", "Command palette...", "Ctrl+Shift+P", "Find and do anything by its name.",
          "command"),
    _help("cheatsheet", "Keys and gestures", "? F1", "Everything keys and mouse can do.",
          "keyboard"),
    _help("tour", "Tour", "", "Five hints to begin with.", "lightbulb"),
    _help("about", "About Latent Studio", "", "Version, licences and folders.", "info"),
)  # fmt: skip

MENUS: tuple[tuple[str, tuple[str | None, ...]], ...] = (
    ("File", ("file.new", "file.open", "file.start_page", None, "file.save", "file.save_as",
              "file.export_selection", None, "file.close", "file.close_all", None, "file.quit")),
    ("Edit", ("edit.undo", "edit.redo", None, "edit.cut", "edit.copy", "edit.paste",
              "edit.paste_with_inputs", "edit.duplicate", "edit.duplicate_with_inputs",
              "edit.delete", "edit.extract", None, "edit.select_all", "edit.rename", "edit.find",
              None, "edit.preferences")),
    ("Graph", ("graph.add", "graph.connect", "graph.add_reroute", None, "graph.bypass",
               "graph.mute", "graph.use_cache", "graph.collapse", "graph.frame", None,
               "paint.open", None,
               "graph.layout", "graph.align_left", "graph.align_centre", "graph.align_right",
               "graph.align_top",
               "graph.align_middle", "graph.align_bottom", "graph.distribute_horizontal",
               "graph.distribute_vertical")),
    ("View", ("view.frame_selected", "view.frame_all", "view.zoom_100", "view.zoom_in",
              "view.zoom_out", "view.minimap", None, "view.theme_dark", "view.theme_light",
              "view.theme_system", None, "view.fullscreen", "paint.full", "view.reset_layout")),
    ("Run", ("run.run", "run.front", "run.to_selected", "run.many", None, "run.cancel",
             "run.pause", "run.clear")),
    ("Panels", ("panel.inspector", "panel.paint", "panel.outputs", "panel.viewer", "panel.models",
                "panel.queue", "panel.problems", "panel.outline", "panel.log")),
    ("Help", ("help.commands", "help.cheatsheet", "help.tour", None, "help.about")),
)  # fmt: skip
"""Titles and action ids of the menus; None is a line."""

RESERVED: dict[str, str] = {
    "Esc": "stops what the mouse is doing",
    "Return": "edits the selected node's first field",
    "Enter": "edits the selected node's first field",
    "Space": "pans while it is held",
    "Left": "moves the selected nodes",
    "Right": "moves the selected nodes",
    "Up": "moves the selected nodes",
    "Down": "moves the selected nodes",
    "Ctrl+Left": "walks along the wires",
    "Ctrl+Right": "walks along the wires",
    "Ctrl+Up": "walks along the wires",
    "Ctrl+Down": "walks along the wires",
}
"""Keys that the canvas itself takes, and what they do there; no action can have them."""
