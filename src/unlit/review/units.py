"""A systemd user unit that serves the console of one repository."""

from pathlib import PurePath


def console_unit(program: PurePath, repository: PurePath, *, port: int = 8420) -> str:
    """Return the unit's text; it can write its own state and nothing else of the system."""
    return f"""[Unit]
Description=Unlit console of {_plain(repository.name)}
After=default.target

[Service]
ExecStart={_word(program)} console --port {port} --repository {_word(repository)}
Restart=on-failure
RestartSec=2
NoNewPrivileges=yes
ProtectSystem=full
PrivateTmp=no
RestrictSUIDSGID=yes

[Install]
WantedBy=default.target
"""


def _word(path: PurePath) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"'


def _plain(text: str) -> str:
    return "".join(char for char in text if char.isprintable()).replace("%", "%%")
