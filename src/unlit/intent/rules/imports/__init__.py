"""Other people's requirement formats as specs; what cannot be mapped is named, never dropped."""

from unlit.intent.rules.imports.detect import FORMATS, import_text
from unlit.intent.rules.imports.outline import Imported

__all__ = ["FORMATS", "Imported", "import_text"]
