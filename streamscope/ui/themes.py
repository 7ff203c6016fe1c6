"""streamscope's own themes. Textual's are all there too; these two keep the meanings apart that some of those give
the same colour.

A colour means the same everywhere: error is an alarm or has failed, warning a notice or above the high-water mark,
accent has just changed, secondary is held back or belongs together, primary has the focus, and success is for `live`
and `✓` alone.
"""

from __future__ import annotations

from textual.theme import Theme

THEMES = (
    Theme(
        name="streamscope",
        primary="#6cb6ff",
        secondary="#7fdbe6",
        success="#57d3a2",
        warning="#f0b45b",
        error="#ff6e6e",
        accent="#d2a8ff",
        foreground="#d5dde8",
        background="#0c1118",
        surface="#111822",
        panel="#1b2633",
        dark=True,
        variables={"block-cursor-background": "#6cb6ff", "footer-key-foreground": "#6cb6ff"},
    ),
    Theme(
        name="streamscope-light",
        primary="#0b62c4",
        secondary="#0a7080",
        success="#0f7b4f",
        warning="#a65b00",
        error="#c62828",
        accent="#7a3fc0",
        foreground="#1d2733",
        background="#f7f9fb",
        surface="#ffffff",
        panel="#e6ebf1",
        dark=False,
        variables={"footer-key-foreground": "#0b62c4"},
    ),
)

DEFAULT_THEME = THEMES[0].name
