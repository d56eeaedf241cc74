"""The built-in product: its repository, the scripted agent's candidates, its vault. Data only."""

from pathlib import Path
from typing import Final

PRODUCT: Final = Path(__file__).parent
CANDIDATES: Final = PRODUCT / "candidates"
