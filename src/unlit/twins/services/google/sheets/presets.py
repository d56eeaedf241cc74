"""What a new spreadsheet says of itself. Source: key shapes and defaults of open recordings."""

from typing import Any, Final

Row = dict[str, Any]
WHITE: Final[Row] = {"red": 1, "green": 1, "blue": 1}
DEFAULT_FORMAT: Final[Row] = {
    "backgroundColor": WHITE,
    "padding": {"top": 2, "right": 3, "bottom": 2, "left": 3},
    "verticalAlignment": "BOTTOM",
    "wrapStrategy": "OVERFLOW_CELL",
    "textFormat": {
        "foregroundColor": {},
        "fontFamily": "arial,sans,sans-serif",
        "fontSize": 10,
        "bold": False,
        "italic": False,
        "strikethrough": False,
        "underline": False,
        "foregroundColorStyle": {"rgbColor": {}},
    },
    "backgroundColorStyle": {"rgbColor": WHITE},
}
_THEME: Final = (
    ("TEXT", 0x000000),
    ("BACKGROUND", 0xFFFFFF),
    ("ACCENT1", 0x4285F4),
    ("ACCENT2", 0xEA4335),
    ("ACCENT3", 0xFBBC04),
    ("ACCENT4", 0x34A853),
    ("ACCENT5", 0xFF6D01),
    ("ACCENT6", 0x46BDC6),
    ("LINK", 0x1155CC),
)


def single(value: float) -> float | int:
    """Return a number as single precision shows it: eight significant digits at most."""
    import struct

    exact = struct.unpack("f", struct.pack("f", value))[0]
    for digits in range(1, 10):
        text = f"{exact:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == exact:
            short = float(text)
            return int(short) if short == int(short) else short
    return float(exact)


def eighth(value: float) -> float | int:
    """Return a part of a colour as it is kept: in 256 steps, cut down."""
    return single(int(value * 255 + 1e-4) / 255)


def rgb(number: int) -> Row:
    """Return a colour; parts that are zero are left out."""
    parts = {"red": number >> 16, "green": number >> 8 & 255, "blue": number & 255}
    return {name: single(part / 255) for name, part in parts.items() if part}


THEME: Final[Row] = {
    "primaryFontFamily": "Arial",
    "themeColors": [
        {"colorType": kind, "color": {"rgbColor": rgb(number)}} for kind, number in _THEME
    ],
}
EFFECTIVE: Final[Row] = {
    "backgroundColor": WHITE,
    "padding": {"top": 2, "right": 3, "bottom": 2, "left": 3},
    "horizontalAlignment": "LEFT",
    "verticalAlignment": "BOTTOM",
    "wrapStrategy": "OVERFLOW_CELL",
    "textFormat": {
        "foregroundColor": {},
        "fontFamily": "Arial",
        "fontSize": 10,
        "bold": False,
        "italic": False,
        "strikethrough": False,
        "underline": False,
        "foregroundColorStyle": {"rgbColor": {}},
    },
    "hyperlinkDisplayType": "PLAIN_TEXT",
    "backgroundColorStyle": {"rgbColor": WHITE},
}
ROW_PIXELS: Final = 21
COLUMN_PIXELS: Final = 100
