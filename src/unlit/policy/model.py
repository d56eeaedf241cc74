"""The words of policy: who asks, what for, what was decided, and what a policy file says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from typing_extensions import override

from unlit.core.ids import Digest

if TYPE_CHECKING:
    from unlit.policy.rules.table import Table

Outcome = Literal["upstream", "twin", "deny"]
Scheme = Literal["http", "https"]
Effect = Literal["allow", "forbid"]
Source = Literal["env", "file", "keyring", "command"]
Place = Literal["header", "basic", "query", "json", "path", "sign"]
Scalar = str | int | float | bool | None
JSON = Scalar | list["JSON"] | tuple["JSON", ...] | dict[str, "JSON"] | Mapping[str, "JSON"]

ROLES: Final = ("coder", "product", "evaluator", "context", "deploy")


@dataclass(frozen=True, slots=True)
class Position:
    """Where something stands in a policy file; both count from 1."""

    line: int
    column: int

    @override
    def __str__(self) -> str:
        """Render as ``line:column``."""
        return f"{self.line}:{self.column}"


NOWHERE: Final = Position(0, 0)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who acts: which run, which stage of it, which agent, in which role."""

    run: str
    stage: str
    agent: str
    role: str


@dataclass(frozen=True, slots=True)
class Request:
    """One act on the network, as policy sees it; `path` has no query."""

    role: str
    scheme: str
    host: str
    port: int
    method: str
    path: str

    @override
    def __str__(self) -> str:
        """Render as ``METHOD scheme://host[:port]path``."""
        usual = (self.scheme, self.port) in (("https", 443), ("http", 80))
        authority = self.host if usual else f"{self.host}:{self.port}"
        return f"{self.method} {self.scheme}://{authority}{self.path}"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a role or a rule may use in one session; `None` is no limit."""

    calls: int | None = None
    megabytes: float | None = None
    usd: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence of a policy: an allow or a forbid."""

    name: str
    effect: Effect
    roles: tuple[str, ...]
    host: str
    ports: tuple[int, ...] = (443,)
    schemes: tuple[Scheme, ...] = ("https",)
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    credential: str | None = None
    twin: str | None = None
    mirror: str | None = None
    allow_private: bool = False
    encoded_slash: bool = False
    ws: bool = False
    h2: bool = False
    max_body_mb: float | None = None
    timeout_s: float | None = None
    tools: tuple[str, ...] = ()
    budget: Budget = field(default_factory=Budget)
    because: str = ""
    at: Position = NOWHERE
    within: tuple[str, ...] = ()
    """Path globs of the rule's credential: the rule matches only inside them."""
    asked_methods: tuple[str, ...] = ()
    """The methods as written, before the credential's were taken into account."""

    @property
    def sentence(self) -> str:
        """Say the rule in one English sentence."""
        methods = " or ".join(self.methods) if self.methods else "use any method"
        paths = " or ".join(self.paths) if self.paths else "any path"
        who = " and ".join(self.roles)
        verb = "may" if self.effect == "allow" else "must never"
        how = f" through the {self.mirror} mirror" if self.mirror else ""
        how += f", answered by the {self.twin} twin" if self.twin else ""
        how += f", with the credential {self.credential}" if self.credential else ""
        how += f", calling only the tools {' or '.join(self.tools)}" if self.tools else ""
        ports = ",".join(str(port) for port in self.ports) if self.ports else "any"
        return f"{who} {verb} {methods} on {self.host} (port {ports}) at {paths}{how}."


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy says about one request, and which rule says so."""

    allowed: bool
    rule: str
    sentence: str
    credential: str | None
    twin: str | None
    why: str
    outcome: Outcome
    grant: Rule | None = None


@dataclass(frozen=True, slots=True)
class Injection:
    """Where a secret enters a request: the place, and its name there.

    Attributes:
        place: Kind of place.
        name: Header, query parameter, JSON field (dotted) or signer.
        options: What a signer needs besides (region, service …).
    """

    place: Place
    name: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceRule:
    """Where a secret is kept: the kind of store, and the words that find it there.

    `field` is the dotted place of the secret in a JSON text, as the logins of agents keep it.
    """

    kind: Source
    words: tuple[str, ...]
    field: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """How a long-lived secret is turned into a short-lived token outside the fence."""

    kind: Literal["oauth_refresh", "service_account"]
    token_url: str
    client_id: str = ""
    client_secret_env: str = ""
    scope: str = ""
    send: Literal["form", "json"] = "form"


@dataclass(frozen=True, slots=True)
class CredentialRule:
    """A secret's name, where it is kept, and the only places it may go."""

    name: str
    source: SourceRule
    inject: Injection
    hosts: tuple[str, ...]
    ports: tuple[int, ...] = (443,)
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    env: str | None = None
    prefix: str = ""
    require: bool = True
    exchange: Exchange | None = None
    at: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class FileRules:
    """What a role may see and change; paths are in the workspace, absolute or ``~``."""

    write: tuple[str, ...] = (".",)
    read: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleLimits:
    """What a role may use of the machine; `None` means the fence's default."""

    wall_s: float | None = None
    cpu_s: float | None = None
    memory_mb: int | None = None
    disk_mb: int | None = None
    processes: int | None = None
    open_files: int | None = None
    file_mb: int | None = None
    requests_per_s: float | None = None
    requests_burst: float | None = None
    connections: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """A request written in the policy file with the answer its author expects."""

    role: str
    request: str
    expect: str
    at: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a policy file that a person should know; `severe` ones stop the run."""

    code: str
    at: Position
    what: str
    remedy: str
    severe: bool = False

    @override
    def __str__(self) -> str:
        """Render as ``line:column CODE what``."""
        return f"{self.at} {self.code} {self.what}"


@dataclass(frozen=True, slots=True)
class ExposureRules:
    """`[exposure]`: what to do when private data, anybody's text and a way out would meet.

    Attributes:
        closed: Host globs where nothing that is written is shown to anybody else.
        meets: ``refuse`` the run, or ``note`` it and go on.
    """

    closed: tuple[str, ...] = ()
    meets: Literal["refuse", "note"] = "refuse"


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy file, parsed and compiled."""

    source: str
    rules: tuple[Rule, ...]
    credentials: Mapping[str, CredentialRule]
    file_rules: Mapping[str, FileRules]
    role_limits: Mapping[str, RoleLimits]
    budgets: Mapping[str, Budget]
    tests: tuple[PolicyTest, ...]
    warnings: tuple[Finding, ...]
    digest: Digest
    mode: Literal["enforce", "shadow", "learn"] = "enforce"
    on_deny: Literal["403", "reset"] = "403"
    table: "Table | None" = field(default=None, compare=False, repr=False)
    exposure: ExposureRules = field(default_factory=ExposureRules)

    def files(self, role: str) -> FileRules:
        """Return the file rules of a role; by default it may write its workspace only."""
        return self.file_rules.get(role, FileRules())

    def limits(self, role: str) -> RoleLimits:
        """Return the machine limits of a role."""
        return self.role_limits.get(role, RoleLimits())

    def budget(self, role: str) -> Budget:
        """Return what a role may use of the network and of money."""
        return self.budgets.get(role, Budget())

    def twins(self, role: str) -> tuple[str, ...]:
        """Return the names of the twins that a role reaches, in the order of the file."""
        named = (rule.twin for rule in self.rules if role in rule.roles and rule.twin)
        return tuple(dict.fromkeys(named))

    def granted(self, role: str) -> tuple[CredentialRule, ...]:
        """Return the credentials that some allow rule gives to a role."""
        named = (rule.credential for rule in self.rules if role in rule.roles and rule.credential)
        return tuple(self.credentials[name] for name in dict.fromkeys(named))


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit log, as read back."""

    index: int
    at: str
    kind: str
    identity: Identity
    fields: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking an audit log showed; `head` is the signed root over `signed` entries."""

    ok: bool
    entries: int
    problems: tuple[str, ...]
    head: str
    signed: int = 0
    header: Mapping[str, JSON] = field(default_factory=dict)
