"""What a new document says of itself. Source: vendor's defaults, key shapes of open documents."""

from typing import Any, Final

Row = dict[str, Any]


def points(magnitude: float | None = None) -> Row:
    """Return a length; zero has no magnitude."""
    return {"unit": "PT"} if not magnitude else {"magnitude": magnitude, "unit": "PT"}


DOCUMENT_STYLE: Final[Row] = {
    "background": {"color": {}},
    "pageNumberStart": 1,
    "marginTop": points(72),
    "marginBottom": points(72),
    "marginRight": points(72),
    "marginLeft": points(72),
    "pageSize": {"height": points(792), "width": points(612)},
    "marginHeader": points(36),
    "marginFooter": points(36),
    "useCustomHeaderFooterMargins": True,
    "documentFormat": {"documentMode": "PAGES"},
}
_BORDER: Final[Row] = {
    "color": {},
    "width": points(),
    "padding": points(),
    "dashStyle": "SOLID",
}
NORMAL_TEXT: Final[Row] = {
    "bold": False,
    "italic": False,
    "underline": False,
    "strikethrough": False,
    "smallCaps": False,
    "backgroundColor": {},
    "foregroundColor": {"color": {"rgbColor": {}}},
    "fontSize": points(11),
    "weightedFontFamily": {"fontFamily": "Arial", "weight": 400},
    "baselineOffset": "NONE",
}
NORMAL_PARAGRAPH: Final[Row] = {
    "namedStyleType": "NORMAL_TEXT",
    "alignment": "START",
    "lineSpacing": 115,
    "direction": "LEFT_TO_RIGHT",
    "spacingMode": "COLLAPSE_LISTS",
    "spaceAbove": points(),
    "spaceBelow": points(),
    "borderBetween": _BORDER,
    "borderTop": _BORDER,
    "borderBottom": _BORDER,
    "borderLeft": _BORDER,
    "borderRight": _BORDER,
    "indentFirstLine": points(),
    "indentStart": points(),
    "indentEnd": points(),
    "keepLinesTogether": False,
    "keepWithNext": False,
    "avoidWidowAndOrphan": True,
    "shading": {"backgroundColor": {}},
    "pageBreakBefore": False,
}
_GREY: Final[Row] = {"color": {"rgbColor": {"red": 0.4, "green": 0.4, "blue": 0.4}}}
_DARK: Final[Row] = {
    "color": {"rgbColor": {"red": 0.2627451, "green": 0.2627451, "blue": 0.2627451}}
}
# Kind, text style, space above, space below.
_NAMED: Final = (
    ("HEADING_1", {"fontSize": points(20)}, 20, 6),
    ("HEADING_2", {"bold": False, "fontSize": points(16)}, 18, 6),
    ("HEADING_3", {"bold": False, "foregroundColor": _DARK, "fontSize": points(14)}, 16, 4),
    ("HEADING_4", {"foregroundColor": _GREY, "fontSize": points(12)}, 14, 4),
    ("HEADING_5", {"foregroundColor": _GREY, "fontSize": points(11)}, 12, 4),
    ("HEADING_6", {"italic": True, "foregroundColor": _GREY, "fontSize": points(11)}, 12, 4),
    ("TITLE", {"fontSize": points(26)}, 0, 3),
    (
        "SUBTITLE",
        {
            "italic": False,
            "foregroundColor": _GREY,
            "fontSize": points(15),
            "weightedFontFamily": {"fontFamily": "Arial", "weight": 400},
        },
        0,
        16,
    ),
)
NAMED_TYPES: Final = ("NORMAL_TEXT", *(row[0] for row in _NAMED))


def named_styles() -> Row:
    """Return the named styles of a new document."""
    styles: list[Row] = [
        {
            "namedStyleType": "NORMAL_TEXT",
            "textStyle": NORMAL_TEXT,
            "paragraphStyle": NORMAL_PARAGRAPH,
        }
    ]
    for kind, text, above, below in _NAMED:
        paragraph = {
            "namedStyleType": "NORMAL_TEXT",
            "direction": "LEFT_TO_RIGHT",
            "spaceAbove": points(above),
            "spaceBelow": points(below),
            "keepLinesTogether": True,
            "keepWithNext": True,
            "pageBreakBefore": False,
        }
        styles.append({"namedStyleType": kind, "textStyle": text, "paragraphStyle": paragraph})
    return {"styles": styles}


_SOLID: Final = ("●", "○", "■")
# Preset: glyph symbols or types of the first three levels, which then repeat.
BULLETS: Final[dict[str, tuple[str, ...]]] = {
    "BULLET_DISC_CIRCLE_SQUARE": _SOLID,
    "BULLET_DIAMONDX_ARROW3D_SQUARE": ("❖", "➢", "■"),
    "BULLET_CHECKBOX": ("☐", "☐", "☐"),
    "BULLET_ARROW_DIAMOND_DISC": ("➔", "◆", "●"),
    "BULLET_STAR_CIRCLE_SQUARE": ("★", "○", "■"),
    "BULLET_ARROW3D_CIRCLE_SQUARE": ("➢", "○", "■"),
    "BULLET_LEFTTRIANGLE_DIAMOND_DISC": ("◀", "◆", "●"),
    "BULLET_DIAMONDX_HOLLOWDIAMOND_SQUARE": ("❖", "◇", "■"),
    "BULLET_DIAMOND_CIRCLE_SQUARE": ("◆", "○", "■"),
}
NUMBERS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "NUMBERED_DECIMAL_ALPHA_ROMAN": (("DECIMAL", "ALPHA", "ROMAN"), "."),
    "NUMBERED_DECIMAL_ALPHA_ROMAN_PARENS": (("DECIMAL", "ALPHA", "ROMAN"), ")"),
    "NUMBERED_DECIMAL_NESTED": (("DECIMAL", "DECIMAL", "DECIMAL"), "nested"),
    "NUMBERED_UPPERALPHA_ALPHA_ROMAN": (("UPPER_ALPHA", "ALPHA", "ROMAN"), "."),
    "NUMBERED_UPPERROMAN_UPPERALPHA_DECIMAL": (("UPPER_ROMAN", "UPPER_ALPHA", "DECIMAL"), "."),
    "NUMBERED_ZERODECIMAL_ALPHA_ROMAN": (("ZERO_DECIMAL", "ALPHA", "ROMAN"), "."),
}


def list_properties(preset: str) -> Row:
    """Return the nine levels of a list of a preset."""
    levels: list[Row] = []
    for n in range(9):
        level: Row = {"bulletAlignment": "START"}
        if preset in BULLETS:
            level["glyphSymbol"] = BULLETS[preset][n % 3]
            level["glyphFormat"] = f"%{n}"
        else:
            kinds, end = NUMBERS[preset]
            level["glyphType"] = kinds[n % 3]
            if kinds[n % 3] == "ROMAN":
                level["bulletAlignment"] = "END"
            nested = ".".join(f"%{m}" for m in range(n + 1)) + "."
            level["glyphFormat"] = nested if end == "nested" else f"%{n}{end}"
        level |= {
            "indentFirstLine": points(18 + 36 * n),
            "indentStart": points(36 + 36 * n),
            "textStyle": {"underline": False},
            "startNumber": 1,
        }
        levels.append(level)
    return {"nestingLevels": levels}


TABLE_ROW: Final[Row] = {"minRowHeight": points()}
TABLE_CELL: Final[Row] = {
    "rowSpan": 1,
    "columnSpan": 1,
    "backgroundColor": {},
    "paddingLeft": points(5),
    "paddingRight": points(5),
    "paddingTop": points(5),
    "paddingBottom": points(5),
    "contentAlignment": "TOP",
}
