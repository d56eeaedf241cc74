"""Files that a grading also writes for others: checked before it, written after its verdict."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput, OutsideFailed


def refuse_unwritable(outputs: Mapping[str, Path | None]) -> None:
    """Refuse a file that cannot be written, before any work is done for it.

    Args:
        outputs: The file by the flag that names it; None where the flag was not given.

    Raises:
        InvalidInput: Its folder does not exist or may not be written to, or it is a folder.
    """
    for flag, path in outputs.items():
        if path is None:
            continue
        folder = path.absolute().parent
        if not folder.is_dir():
            raise _unwritable(flag, path, f"there is no folder {folder}.", "make the folder first")
        if path.is_dir():
            raise _unwritable(flag, path, "it is a folder.", "name a file in it")
        if not os.access(path if path.exists() else folder, os.W_OK):
            raise _unwritable(flag, path, "you may not write there.", "name another file")


def _unwritable(flag: str, path: Path, why: str, remedy: str) -> InvalidInput:
    return InvalidInput(
        "EVA-145", f"`{flag} {path}` cannot be written.", why, f"{remedy}; nothing was graded."
    )


def write_outputs(
    document: dict[str, Any], clock: Clock, *, junit: Path | None, eval_log: Path | None
) -> None:
    """Write the files; the verdict has been printed by then.

    Raises:
        OutsideFailed: The machine does not take one of them, such as a full disk.
    """
    try:
        if junit is not None:
            from unlit.evaluation.interchange.junit import junit_xml

            junit.write_text(junit_xml(document), encoding="utf-8")
        if eval_log is not None:
            from unlit.evaluation.interchange.inspect_log import write_eval_log

            write_eval_log(document, eval_log, created=clock.now().isoformat())
    except OSError as error:
        raise OutsideFailed(
            "EVA-146", f"{error.filename or 'A file'} could not be written after the grading.",
            f"{error.strerror or error}; the verdict above stands.",
            "make room there, or name another file.",
        ) from error  # fmt: skip
