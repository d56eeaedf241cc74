"""The fence room's dependency layers as the line needs them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from typing_extensions import override

from unlit.fence.deps import TARGET, LayerOrder, dependency_layer, toolchain_mounts
from unlit.fence.ports import Host
from unlit.line.model import FolderMount, Place, ProductPlan
from unlit.line.ports import Dependencies
from unlit.policy import Identity, load_policy


class DependencyRoom(Dependencies):
    """Builds layers in fences and keeps them.

    Args:
        host: What opens the fences.
        cache: Folder of finished layers.
        env: Environment of the factory; names of package indexes are passed on, nothing else.
    """

    def __init__(self, host: Host, cache: Path, env: Mapping[str, str]) -> None:
        self._host = host
        self._cache = cache
        self._env = dict(env)

    @override
    async def prepare(
        self, product: ProductPlan, tree: Path, policy: Path, place: Place
    ) -> Sequence[FolderMount]:
        layer = await dependency_layer(
            self._host,
            LayerOrder(
                tree=tree,
                build=product.build,
                cache=self._cache,
                policy=load_policy(policy),
                identity=Identity(place.run, place.stage, place.agent, "coder"),
                env=self._env,
            ),
        )
        tools = [FolderMount(mount.source, mount.target) for mount in toolchain_mounts()]
        return [FolderMount(layer, TARGET), *tools]
