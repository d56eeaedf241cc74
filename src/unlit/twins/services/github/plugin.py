"""The GitHub twin: what `unlit twins new` made, grown by hand."""

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from unlit.core.errors import InvalidInput
from unlit.twins.kit.contract import Contract
from unlit.twins.kit.http import Malformed, Reply, Request
from unlit.twins.kit.open_twin import OpenTwin
from unlit.twins.kit.seeds import expand
from unlit.twins.kit.twin import Exchange, Twin, VendorError
from unlit.twins.kit.world import World
from unlit.twins.model import Actor
from unlit.twins.services.github import browsing, discussing, finding, hooks, owning, pulls, repos

DOCS = "https://docs.github.com/rest"


class GitHub(OpenTwin):
    """One GitHub for each world."""

    name = "github"
    services = ("github",)
    hosts: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "github": ("api.github.com", "uploads.github.com")
    }

    def __init__(self) -> None:
        contract = Contract.load("unlit.twins.services.github")
        super().__init__("github", contract, ("api.github.com", "uploads.github.com"))
        for route in (
            *repos.ROUTES,
            *pulls.ROUTES,
            *hooks.ROUTES,
            *finding.ROUTES,
            *discussing.ROUTES,
            *browsing.ROUTES,
            *owning.ROUTES,
        ):
            self.router.add(route)

    @override
    def credential(self, request: Request) -> str | None:
        """Return the token of ``Bearer``, ``token`` or basic authentication."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        return value.strip() or None if scheme.lower() == "token" else super().credential(request)

    @override
    def default_token(self, world: World) -> str:
        """Return the token of the user ``octocat``; visibly fake."""
        return f"ghp_fake{world.id}"

    @override
    def administrator(self, world: World) -> Actor:
        """Return the user that the token stands for."""
        return Actor(str(world.table("github.meta").get("user", "octocat")), "user")

    @override
    def authenticate(self, exchange: Exchange) -> Actor:
        """Return who calls; GitHub says ``Bad credentials`` otherwise."""
        try:
            return Twin.authenticate(self, exchange)
        except VendorError as error:
            text = "Bad credentials" if exchange.token else "Requires authentication"
            raise VendorError(401, text, text) from error

    @override
    def render_error(self, exchange: Exchange, error: VendorError) -> Reply:
        """``{"message", "documentation_url", "status"}``."""
        body = {
            "message": error.message or error.code,
            **error.detail,
            "documentation_url": DOCS,
            "status": str(error.status),
        }
        return Reply(error.status, body, list(error.headers))

    @override
    def malformed(self, exchange: Exchange, error: Malformed) -> VendorError:
        """400."""
        return VendorError(400, "Problems parsing JSON", "Problems parsing JSON")

    @override
    def no_route(self, exchange: Exchange, allowed: tuple[str, ...]) -> VendorError:
        """404 for everything else."""
        return VendorError(404, "Not Found", "Not Found")

    @override
    def seed(self, world: World, spec: Any) -> None:
        """Add repositories: ``repos: [{name: acme/app, files: {README.md: "# App"}}]``."""
        spec = spec or {}
        unknown = sorted(set(spec) - {"repos", "user"})
        if unknown:
            raise InvalidInput(
                "TWN-102",
                "The seed of github cannot be used.",
                f"unknown key {unknown[0]!r}; known: repos, user.",
                "correct it.",
            )
        if spec.get("user"):
            world.table("github.meta").put("user", str(spec["user"]))
        for entry in expand(spec.get("repos")):
            name = str(entry.get("name", ""))
            if name.count("/") != 1:
                raise InvalidInput(
                    "TWN-102",
                    "The seed of github cannot be used.",
                    f"{name!r} is not owner/name.",
                    "correct it.",
                )
            repos.add(world, name, entry.get("files"))

    @override
    def collections(self, world: World) -> dict[str, list[dict[str, Any]]]:
        """Return issues and pull requests of every repository."""
        issues, requests = [], []
        for name in world.table("github.repos"):
            for row in world.table(f"github.issues:{name}").values():
                shown = {
                    "repository": name,
                    **{
                        key: row[key]
                        for key in ("number", "title", "body", "state", "user", "labels")
                    },
                }
                if "head" in row:
                    requests.append(
                        {**shown, "head": row["head"], "base": row["base"], "merged": row["merged"]}
                    )
                else:
                    issues.append(shown)
        return {"github.issues": issues, "github.pulls": requests}
