"""Import files of other formats into a vault: what was made, and what nothing can perform."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput
from unlit.evaluation.interchange.gherkin import from_gherkin
from unlit.evaluation.interchange.hurl import from_hurl
from unlit.evaluation.interchange.imported import Imported, Terms
from unlit.evaluation.interchange.octopus import from_octopus
from unlit.evaluation.scenarios.model import Finding
from unlit.evaluation.scenarios.parse import parse_scenario

FORMATS: Final = {".hurl": "hurl", ".feature": "gherkin", ".yaml": "octopus", ".yml": "octopus"}


@dataclass(frozen=True, slots=True)
class Written:
    """One scenario that was written, and what of it no driver performs."""

    path: Path
    source: str
    unsupported: tuple[str, ...]


def import_files(
    files: Sequence[Path], into: Path, terms: Terms, *, criteria: Sequence[str] = ()
) -> list[Written]:
    """Write each scenario of `files` into the vault.

    Args:
        files: Files or folders; the format is known by the name's ending.
        into: The vault's folder.
        terms: What the other formats do not know.
        criteria: One criterion for each scenario in turn, in place of that of `terms`.

    Raises:
        InvalidInput: A file cannot be read, or a scenario of that name is there already.
    """
    imported = [found for path in _expand(files) for found in _read(path, terms)]
    if criteria:
        imported = [
            replace(found, table={**found.table, "criterion": [criteria[n % len(criteria)]]})
            for n, found in enumerate(imported)
        ]
    return write_imported(imported, into / terms.partition)


def write_imported(imported: Sequence[Imported], folder: Path) -> list[Written]:
    """Write scenarios into a folder of the vault, each whole and none over another.

    Raises:
        InvalidInput: A scenario of that name is there already, or one is none of ours.
    """
    for found in imported:
        _must_be_ours(found)
        if (folder / f"{found.name}.yaml").exists():
            raise InvalidInput(
                "EVA-151", f"The vault has a scenario `{found.name}` already.",
                "nothing is overwritten, and ids are never reused.",
                "remove or rename one of the two.",
            )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for found in imported:
        path = folder / f"{found.name}.yaml"
        path.write_text(found.text(), encoding="utf-8")
        written.append(Written(path, found.source, found.unsupported))
    return written


def _expand(files: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in files:
        if path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.suffix in FORMATS and p.is_file())
        else:
            found.append(path)
    if not found:
        raise InvalidInput(
            "EVA-152", "There is no file to import.", f"known endings: {', '.join(FORMATS)}.",
            "name a file or a folder that holds some.",
        )  # fmt: skip
    return found


def _read(path: Path, terms: Terms) -> list[Imported]:
    kind = FORMATS.get(path.suffix)
    if kind is None:
        raise InvalidInput(
            "EVA-152", f"The format of {path} is not known.",
            f"known endings: {', '.join(FORMATS)}.", "give a file of one of these.",
        )  # fmt: skip
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "EVA-152", f"The file {path} cannot be read.", f"{error}.", "give a text file."
        ) from error
    if kind == "hurl":
        return [from_hurl(text, path.name, terms)]
    if kind == "gherkin":
        return from_gherkin(text, path.name, terms)
    found = from_octopus(text, path.name, terms)
    if isinstance(found, Finding):
        raise InvalidInput(found.code, f"{path}:{found.line} {found.message}",
                           "the file is not of that format.", f"{found.remedy}.")  # fmt: skip
    return [found]


def _must_be_ours(found: Imported) -> None:
    """Check that what was made is a scenario of ours; anything else is a bug of the importer."""
    result = parse_scenario(found.text(), found.source)
    if isinstance(result, list):
        raise InvalidInput(
            "EVA-153", f"{found.source} cannot be expressed as a scenario: {result[0].message}",
            "the importer made something that the format does not allow.",
            "simplify that scenario, or write it by hand.",
        )  # fmt: skip


def spec_id(title: str) -> str:
    """Return the id of the spec that `spec_for` writes under this title."""
    return title.lower().replace(" ", "-")


def spec_for(imported: Sequence[Written], title: str, owner: str) -> str:
    """Return a spec with one criterion for each imported scenario, to be edited by a person."""
    lines = [
        "---", f"id: {spec_id(title)}", f"title: {title}", f"owner: {owner}",
        "uses: []", "risk: low", "---", "", f"# {title}", "", "## Intent", "",
        "Imported scenarios; say here why and for whom.", "", "## Criteria",
    ]  # fmt: skip
    for number, written in enumerate(imported, 1):
        name = written.path.stem.replace("-", " ")
        lines += [
            "", f"### AC-{number} {name[:1].upper()}{name[1:]}", "",
            f"The product shall behave as the scenario `{written.path.stem}` says.", "",
            f"Example: {name}", f"- Input: the steps of {written.source}",
            "- Outcome: as the scenario expects",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"
