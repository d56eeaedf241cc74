from pathlib import Path

import pytest

from unlit.core.clock import FakeClock
from unlit.core.errors import InvalidInput, RefusedByPolicy
from unlit.policy import load_policy
from unlit.policy.signing import sign_policy, signature_file, signature_of

TEXT = 'version = 1\n[[allow]]\nrole = "coder"\nhost = "a.example"\nmethods = ["GET"]\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(TEXT + 'paths = ["/x"]\n')
    return path


def test_what_is_signed_is_used_and_what_was_changed_is_not(tmp_path: Path, file: Path) -> None:
    assert signature_of(file) is None
    made = sign_policy(file, "ann", "it is\nenough", tmp_path / "key", FakeClock())
    found = signature_of(file)
    assert found == made
    assert (made.person, made.reason) == ("ann", "it is enough")
    load_policy(file)
    file.write_text(file.read_text().replace('"/x"', '"/**"'))
    with pytest.raises(RefusedByPolicy, match="POL-160"):
        load_policy(file)
    sign_policy(file, "ann", "wider", tmp_path / "key", FakeClock())
    load_policy(file)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('"sig": "', '"sig": "AAAA'),
        lambda text: text.replace('"payload": "e', '"payload": "f'),
        lambda text: text[:-20],
        lambda text: "[]",
        lambda text: "[" * 100_000,
        lambda text: '{"payload": "e30=", "signatures": [{"keyid": "", "sig": ""}]}',
    ],
)
def test_a_signature_that_is_none_is_refused(tmp_path: Path, file: Path, spoil: object) -> None:
    sign_policy(file, "ann", "enough", tmp_path / "key", FakeClock())
    place = signature_file(file)
    place.write_text(spoil(place.read_text()))  # type: ignore[operator] # a parametrized function
    with pytest.raises(InvalidInput, match="POL-161"):
        load_policy(file)


@pytest.mark.parametrize(("person", "reason"), [("", "why"), ("unknown", "why"), ("ann", " ")])
def test_nobody_signs_without_a_name_and_a_reason(
    tmp_path: Path, file: Path, person: str, reason: str
) -> None:
    with pytest.raises(InvalidInput, match="POL-162"):
        sign_policy(file, person, reason, tmp_path / "key", FakeClock())
    assert not signature_file(file).exists()
