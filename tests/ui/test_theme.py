"""Themes: readable, told apart, worn by the application, followed by icons."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import shiboken6
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QIcon, QImage, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QApplication, QPushButton

from studio.places import resources
from ui.theme import ThemeManager, current, fonts, icon_of, icons, manager, metrics, motion
from ui.theme.dress import style_sheet
from ui.theme.theme import blend, theme
from ui.theme.tokens import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

BOTH = ("dark", "light")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def worn(qapp: QApplication) -> Iterator[ThemeManager]:
    made = ThemeManager(qapp, "dark")
    yield made
    if shiboken6.isValid(made):
        made.set("dark")
        shiboken6.delete(made)


def _luminance(colour: QColor) -> float:
    def linear(c: float) -> float:
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    r, g, b = (linear(c) for c in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: QColor, other: QColor) -> float:
    """WCAG contrast, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", BOTH)
def test_text_is_readable(name: str) -> None:
    worn = theme(name)
    for ground in (worn.node, worn.field, worn.panel, worn.bar, worn.raised, worn.canvas):
        assert contrast(worn.text, ground) >= 7
        assert contrast(worn.secondary, ground) >= 4.5
        assert contrast(worn.error, ground) >= 4.5, ground.name()
        assert contrast(worn.warning, ground) >= 4.3, ground.name()
        assert contrast(worn.accent, ground) >= 3, ground.name()
    assert contrast(worn.accent_text, worn.accent_fill) >= 4.5
    assert contrast(worn.accent_text, worn.accent_hover) >= 4
    assert contrast(worn.text, worn.highlight) >= 4.5
    assert contrast(worn.text, worn.field_fill) >= 4.5
    assert contrast(worn.text, worn.tooltip) >= 7
    assert contrast(worn.control_border, worn.panel) >= 3


@pytest.mark.parametrize("name", BOTH)
def test_titles_are_readable_on_every_header(name: str) -> None:
    worn = theme(name)
    for category in (*worn.marks, "Made/Up"):
        assert contrast(worn.text, worn.category(category)) >= 7, category
        assert contrast(worn.secondary, worn.category(category)) >= 4.3, category
    for own in ("#000000", "#ffffff", "#ff0000", "#00ff00", "#ffff00"):
        assert contrast(worn.text, worn.tinted(own)) >= 6, own


@pytest.mark.parametrize("name", BOTH)
def test_wires_stand_out_from_canvas_and_node(name: str) -> None:
    worn = theme(name)
    for kind, colour in worn.ports.items():
        assert contrast(colour, worn.node) >= 3.1, kind
        assert contrast(colour, worn.canvas) >= 2.9, kind


# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
_EYES = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def _lab(colour: QColor, eye: str) -> tuple[float, float, float]:
    def linear(c: float) -> float:
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    rgb = [linear(c) for c in (colour.redF(), colour.greenF(), colour.blueF())]
    r, g, b = (
        min(1.0, max(0.0, sum(m * c for m, c in zip(row, rgb, strict=True)))) for row in _EYES[eye]
    )
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
    )
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("eye", _EYES)
def test_wires_are_told_apart_by_colour_blind_eyes(name: str, eye: str) -> None:
    worn = theme(name)
    # Numbers share a colour. "any" has no wires of its own: they take what flows.
    kinds = [k for k in worn.ports if k not in {"float", "bool", "any"}]
    for one, other in itertools.combinations(kinds, 2):
        a, b = _lab(worn.port(one), eye), _lab(worn.port(other), eye)
        apart = sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) ** 0.5
        assert apart >= 15, (one, other)


def test_both_themes_have_the_same_tokens() -> None:
    dark, light = tokens()["dark"], tokens()["light"]
    assert dark.keys() == light.keys()
    for group in ("ports", "categories", "statuses"):
        assert dark[group].keys() == light[group].keys()


def test_names_have_fallbacks() -> None:
    worn = theme("dark")
    assert worn.port("Made up") == worn.port("any")
    assert worn.port_shape("Made up") == "circle"
    assert worn.mark("Latent/Made up") == worn.mark("Latent")
    assert worn.mark("Made up") == worn.mark("other")
    assert worn.status("made up") == worn.status("unknown")
    assert icon_of("Latent/Inpaint") == "eraser"
    assert icon_of("Latent/Made up") == icon_of("Latent")
    assert icon_of("Made up") == "shapes"


def test_port_shapes_say_what_colours_say() -> None:
    worn = theme("dark")
    assert worn.port_shape("Latent") == worn.port_shape("Conditioning") == "circle"
    assert worn.port_shape("Image") == worn.port_shape("Mask") == "square"
    assert worn.port_shape("Model") == "diamond"
    assert worn.port_shape("float") == "triangle"


def test_blend() -> None:
    black, white = QColor("black"), QColor("white")
    assert blend(black, white, 0).name() == "#000000"
    assert blend(black, white, 1).name() == "#ffffff"
    assert blend(black, white, 0.5).lightness() in (127, 128)


def test_metrics_are_on_the_grid() -> None:
    assert (metrics.GRID, metrics.NODE_WIDTH, metrics.NODE_MIN) == (4, 220, 160)
    assert (metrics.HEADER, metrics.ROW, metrics.RADIUS, metrics.PORT) == (26, 24, 8, 12)
    assert (metrics.PORT_HIT, metrics.BODY, metrics.TITLE, metrics.SMALL) == (24, 12, 12, 11)


# The manager


def test_the_application_wears_the_theme(worn: ThemeManager, qapp: QApplication) -> None:
    assert qapp.style().name() in {"fusion", ""}  # "" where the style sheet wraps it
    assert qapp.palette().color(QPalette.ColorRole.Window) == theme("dark").panel
    assert current().name == "dark"
    told = []
    worn.changed.connect(lambda new: told.append(new.name))
    worn.set("light")
    assert current() is theme("light")
    assert qapp.palette().color(QPalette.ColorRole.Window) == theme("light").panel
    worn.set("light")
    worn.set("dark")
    assert told == ["light", "dark"]


def test_following_the_system(worn: ThemeManager, qapp: QApplication) -> None:
    worn.set("system")
    assert worn.choice == "system"
    scheme = qapp.styleHints().colorScheme()
    assert current().is_dark == (scheme != Qt.ColorScheme.Light)


def test_an_unknown_theme_is_refused(worn: ThemeManager) -> None:
    with pytest.raises(ValueError, match="dark, light, system"):
        worn.set("blue")  # type: ignore[arg-type]
    assert worn.choice == "dark"


def test_reduced_motion(worn: ThemeManager) -> None:
    assert motion() == metrics.MOTION <= 150
    worn.reduced_motion = True
    assert motion() == motion(90) == 0
    worn.reduced_motion = False


def test_there_is_a_theme_without_a_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager._Now, "manager", None)
    with pytest.raises(RuntimeError):
        manager.instance()
    assert current().name == "dark"


def test_a_manager_that_goes_leaves_the_one_before_it(qapp: QApplication) -> None:
    before = manager.instance()
    made = ThemeManager(qapp, "dark")
    assert manager.instance() is made
    shiboken6.delete(made)
    assert manager.instance() is before


@pytest.mark.parametrize("name", BOTH)
def test_the_style_sheet_has_every_token_and_picture(name: str) -> None:
    sheet = style_sheet(theme(name))
    assert "$" not in sheet
    pictures = re.findall(r"url\((.+?)\)", sheet)
    assert pictures
    for picture in pictures:
        assert Path(picture).is_file(), picture


@pytest.mark.parametrize("name", BOTH)
def test_pictures_of_the_style_sheet_have_the_themes_colours(name: str) -> None:
    known = {value.lower() for value in tokens()[name].values() if isinstance(value, str)}
    for picture in (resources() / "themes" / name).glob("*.svg"):
        for colour in re.findall(r'"(#[0-9a-fA-F]{6})"', picture.read_text()):
            assert colour.lower() in known, (picture.name, colour)


# Fonts


def test_text_is_set_in_inter(worn: ThemeManager, qapp: QApplication) -> None:
    for font, weight, pixels in (
        (fonts.body(), QFont.Weight.Normal, 12),
        (fonts.value(), QFont.Weight.Medium, 12),
        (fonts.title(), QFont.Weight.DemiBold, 12),
        (fonts.small(), QFont.Weight.Normal, 11),
    ):
        info = QFontInfo(font)
        assert info.family() == "Inter"
        assert info.weight() == weight
        assert info.pixelSize() == pixels
    assert QFontInfo(qapp.font()).family() == "Inter"
    assert QFontInfo(QPushButton().font()).family() == "Inter"
    assert QFontInfo(fonts.mono()).family() == "JetBrains Mono"


def test_figures_are_tabular(worn: ThemeManager) -> None:
    image = QImage(10, 10, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setFont(fonts.body())
    metric = painter.fontMetrics()
    assert len({metric.horizontalAdvance(digit * 10) for digit in "0123456789"}) == 1
    painter.end()


def test_the_fonts_have_the_letters_we_write(worn: ThemeManager) -> None:
    from PySide6.QtGui import QRawFont

    raw = QRawFont.fromFont(fonts.body())
    words = (
        "Wörter, слова, λέξεις, tiếng Việt, \N{MULTIPLICATION SIGN} \N{RIGHTWARDS ARROW}"
        " \N{MIDDLE DOT} \N{HORIZONTAL ELLIPSIS} \N{EN DASH} \N{PLACE OF INTEREST SIGN}"
    )
    assert all(raw.supportsCharacter(ord(letter)) for letter in words)


def test_fonts_are_small_and_have_their_licence() -> None:
    folder = resources() / "fonts"
    assert sum(f.stat().st_size for f in folder.glob("*.ttf")) < 1_500_000
    assert "SIL OPEN FONT LICENSE" in (folder / "OFL-Inter.txt").read_text()
    assert "SIL OPEN FONT LICENSE" in (folder / "OFL-JetBrainsMono.txt").read_text()


# Icons


def _shades(drawn: QPixmap) -> set[str]:
    image = drawn.toImage()
    return {
        image.pixelColor(x, y).name()
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() == 255
    }


def test_an_icon_has_the_colour_asked_for(worn: ThemeManager) -> None:
    assert _shades(icons.pixmap("square", "accent", 32)) == {current().accent.name()}
    assert _shades(icons.pixmap("square", QColor("#123456"), 32)) == {"#123456"}
    assert _shades(icons.pixmap("square", "#654321", 32)) == {"#654321"}


def test_icons_follow_the_theme_and_the_mode(worn: ThemeManager) -> None:
    icon = icons.icon("square", "text")
    assert _shades(icon.pixmap(32)) == {theme("dark").text.name()}
    worn.set("light")
    assert _shades(icon.pixmap(32)) == {theme("light").text.name()}
    off = icon.pixmap(32, QIcon.Mode.Disabled)
    assert _shades(off) == {theme("light").disabled.name()}


def test_icons_are_sharp_on_dense_screens(worn: ThemeManager) -> None:
    drawn = icons.pixmap("play", size=16, ratio=2.0)
    assert (drawn.width(), drawn.devicePixelRatio()) == (32, 2.0)
    assert drawn.deviceIndependentSize().width() == 16
    assert icons.pixmap("play", size=16, ratio=2.0) is drawn


def test_icons_survive_being_copied_and_changed(worn: ThemeManager) -> None:
    for _ in range(50):
        icon = icons.icon("play")
        copy = QIcon(icon)
        copy.addPixmap(QPixmap(8, 8))
        del icon
        assert not copy.pixmap(16).isNull()


def test_a_missing_icon_is_an_error(worn: ThemeManager) -> None:
    with pytest.raises(icons.IconMissing, match="no-such"):
        icons.icon("no-such")
    with pytest.raises(icons.IconMissing):
        icons.pixmap("no-such")


def test_every_icon_named_in_the_code_is_there() -> None:
    have = {file.stem for file in (resources() / "icons").glob("*.svg")}
    for file in (ROOT / "ui").rglob("*.py"):
        for name in re.findall(r'icons?\.(?:icon|pixmap)\(\s*"([^"]+)"', file.read_text("utf-8")):
            assert name in have, f"{file.name}: {name}"
    assert set(tokens()["icons"].values()) <= have
    assert (resources() / "icons" / "LICENSE").is_file()


def test_every_icon_is_named_somewhere() -> None:
    root = Path(__file__).parent.parent.parent
    files = [*(root / "ui").rglob("*.py"), *(root / "resources" / "themes").iterdir()]
    said = "".join(path.read_text() for path in files if path.is_file())
    words = set(re.findall(r'"([a-z0-9-]+)"', said)) | set(re.findall(r"([a-z0-9-]+)\.svg", said))
    assert {path.stem for path in (resources() / "icons").glob("*.svg")} <= words


def test_buttons_get_sharp_icons_on_dense_screens(worn: ThemeManager) -> None:
    drawn = icons.icon("play").pixmap(QSize(18, 18), 2.0)
    assert (drawn.width(), drawn.height(), drawn.devicePixelRatio()) == (36, 36, 2.0)


def test_an_icon_beside_words_keeps_them_away(worn: ThemeManager) -> None:
    image = icons.icon("stop").pixmap(icons.BESIDE, 1.0).toImage()
    assert (image.width(), image.height()) == (icons.BESIDE.width(), icons.BESIDE.height())
    spare = range(icons.BESIDE.height(), icons.BESIDE.width())
    assert all(image.pixelColor(x, y).alpha() == 0 for x in spare for y in range(image.height()))
    assert image.pixelColor(8, 8).alpha() == 255
