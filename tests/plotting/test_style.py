"""Colours that stay, and text that cannot hurt."""

from annotaudit.plotting.style import PALETTE, SEVERITY_COLORS, ink_on, legible, stable_colors


def test_colours_follow_first_appearance_and_repeat():
    names = [f"car:{number}" for number in range(8)]
    colors = stable_colors(names)
    assert [colors[name] for name in names] == [*PALETTE, *PALETTE[:2]]
    assert stable_colors([None, "a", float("nan"), "a"]) == {"a": PALETTE[0]}


def test_the_colour_of_errors_is_no_track_colour():
    assert SEVERITY_COLORS["error"] not in PALETTE


def test_text_is_one_line_short_and_drawable():
    assert legible("a\n\tb\0c") == "a b c"
    assert legible("x" * 1_000_000, 10) == "x" * 9 + "…"
    assert legible("🛑 stop") == "□ stop"
    assert legible(None) == "None"


def test_text_stands_out_on_every_colour():
    inks = {color: ink_on(color) for color in (*PALETTE, *SEVERITY_COLORS.values())}
    assert inks["#0072B2"] == "white" and inks["#F0E442"] == "black"
