"""The machine's own package registries, as pip, uv and npm know them."""

from pathlib import Path

from unlit.policy.mirrors import machine_mirrors


def test_without_settings_the_public_hosts_stand(tmp_path: Path) -> None:
    found = machine_mirrors({"HOME": str(tmp_path)}, tmp_path)
    assert "https://pypi.org/simple" in found["pypi"]
    assert found["npm"] == "https://registry.npmjs.org/"


def test_variables_and_files_are_read_and_passwords_dropped(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://u:p@pip.corp.test/simple\n")
    (tmp_path / ".npmrc").write_text("registry=http://npm.corp.test:4873/\n")
    env = {"HOME": str(tmp_path), "UV_DEFAULT_INDEX": "https://uv.corp.test/simple"}
    found = machine_mirrors(env, tmp_path)
    assert "https://uv.corp.test/simple" in found["pypi"]
    assert "https://pip.corp.test/simple" in found["pypi"]
    assert "u:p" not in found["pypi"]
    assert found["npm"] == "http://npm.corp.test:4873/"


def test_folders_and_nonsense_are_passed_over(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "PIP_EXTRA_INDEX_URL": "file:///opt/x http://[bad"}
    assert "pypi.org" in machine_mirrors(env, tmp_path)["pypi"]
