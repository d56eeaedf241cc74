"""What a booking request must look like."""

import re
from datetime import date


def wrong_field(day: object, person: object) -> str | None:
    """Return the name of the first field that is wrong, or None."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(day)):
        return "day"
    try:
        date.fromisoformat(str(day))
    except ValueError:
        return "day"
    if not isinstance(person, str) or not person.strip():
        return "person"
    return None
