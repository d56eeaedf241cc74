"""Other people's requirement formats as specs; what cannot be mapped is named, never dropped."""

from unlit.intent.rules.imports.detect import FORMATS, import_text
from unlit.intent.rules.imports.layout import Found, joined, specs_in
from unlit.intent.rules.imports.outline import Imported

__all__ = ["FORMATS", "Found", "Imported", "import_text", "joined", "specs_in"]
