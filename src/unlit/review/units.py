"""systemd user units: the console of one repository, and the watch over its tracker."""

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


def serve_unit(
    program: PurePath, repository: PurePath, source: str, query: str, environment: PurePath
) -> str:
    """Return the unit that watches a tracker; stopped by SIGTERM, it goes on at the next start.

    Args:
        program: The `unlit` program.
        repository: The factory.
        source: A source of its unlit.toml.
        query: Which tickets.
        environment: File of credentials, readable by its owner only; it may be missing.
    """
    words = [str(program), "serve", source, "--query", query, "--repository", str(repository)]
    return f"""[Unit]
Description=Unlit watches {_plain(source)} for {_plain(repository.name)}
After=default.target

[Service]
WorkingDirectory={_plain(str(repository))}
EnvironmentFile=-{_plain(str(environment))}
ExecStart={" ".join(_text(word) for word in words)}
Restart=always
RestartSec=5
TimeoutStopSec=60
NoNewPrivileges=yes
RestrictSUIDSGID=yes

[Install]
WantedBy=default.target
"""


def _word(path: PurePath) -> str:
    return _text(str(path))


def _text(text: str) -> str:
    plain = "".join(char for char in text if char.isprintable())
    plain = plain.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"'


def _plain(text: str) -> str:
    return "".join(char for char in text if char.isprintable()).replace("%", "%%")
