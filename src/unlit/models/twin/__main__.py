"""``python -m unlit.models.twin SCRIPT [ADDRESS]``: serve a script until interrupted."""

import asyncio
import sys
from pathlib import Path

from unlit.core.errors import UnlitError
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.server import ModelTwinServer, load_script


async def _serve(script: Path, address: str) -> None:
    server = await ModelTwinServer.start(ModelTwin(load_script(script)), address)
    sys.stdout.write(f"{server.address}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> int:
    """Serve; return the exit code."""
    if len(sys.argv) not in (2, 3):
        sys.stderr.write("usage: python -m unlit.models.twin SCRIPT [ADDRESS]\n")
        return 2
    try:
        asyncio.run(_serve(Path(sys.argv[1]), (sys.argv[2:] or ["127.0.0.1:0"])[0]))
    except UnlitError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
