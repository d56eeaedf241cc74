"""Terms that nothing defines, and definitions that nothing uses."""

import re
from typing import Final

from unlit.intent.model import Criterion, Finding, Span, Spec
from unlit.intent.rules.lint.hint import hint, masked

_COMMON_TEXT: Final = (
    "AC ACL AI AM API ASCII AWS BOM CEO CET CHF CI CLI CORS CPU CRLF CSS CSV DELETE DNS EOF EUR "
    "FAQ "
    "FTP GB GBP GET GIF GMT GPS GPU GUI HEAD HTML HTTP HTTPS IBAN ID IDS IMAP IP IPV4 IPV6 ISBN "
    "ISO "
    "JPEG JPG JSON JWT KB LF MB MIME MIT NFC NFD NFKC NOT NUL OAUTH OK OPTIONS OR AND OS PATCH PDF "
    "PID PIN PM PNG POST PUT PR QR RAM README REST RFC RGB RSS SHA SMS SMTP SQL SSH SSL SSO STDIN "
    "SVG TB TCP TLS TOML TODO TSV TTY UDP UI URI URL URLS USA USB USD UTC UTF UUID UX VAT VPN WAV "
    "XML YAML YYYY ZIP MM DD HH SS IF THE EAN EU UK US SEC EARS II III IV V1 V2 V3 A3 A4 A5 B5 "
    "Q1 Q2 Q3 Q4 "
    "WHEN WHILE WHERE SHALL SYSTEM THEN UNLESS MUST SHOULD MAY WILL CAN FALSE TRUE NULL NONE A "
    "AN ON "
    "IN AT BY FOR OF TO IS BE ARE NO YES ELSE ALL ANY EACH AFTER BEFORE USER "
    "MP3 MP4 OGG FLAC EPUB DOCX XLSX PPTX ODT MD TXT GZ TAR BZ2 ZST AVI MOV WEBP HEIC TIFF BMP "
    "LDAP SAML OIDC TOTP OTP EXIF ICS SHA1 SHA256 MD5 CRC CRC32 AES RSA HMAC BASE64 UTF8 UTF16 "
    "LED LCD "
    "NFC RFID BIC SEPA JPY AUD CAD SEK NOK DKK PLN CZK CNY INR NZD KW KWH HZ KHZ MHZ GHZ DB RPM "
    "PPM "
    "KM CM MM KG MG ML MS KPH MPH GIT MAC WIFI LAN WAN DHCP NTP SMB NFS FAT32 LTE SIM IMEI DVD "
    "CD TV "
    "HDMI GMAIL CORBA SOAP GRPC AMQP MQTT ODBC JDBC ORM ETL UAT QA"
)
_COMMON: Final = frozenset(_COMMON_TEXT.split())
#: a class of people or things that somebody has to have drawn
_CLASS: Final = re.compile(
    r"\b((?:active|inactive|dormant|eligible|ineligible|qualified|qualifying|privileged|preferred|"
    r"premium|vip|trusted|untrusted|high-risk|low-risk|high-value|critical|problematic|suspicious|"
    r"loyal|frequent|key|special|regular|power|senior|junior) (?:users?|customers?|clients?|"
    r"accounts?|members?|orders?|payments?|transactions?|patients?|employees?|devices?|tickets?|"
    r"products?|items?|requests?|jobs?|files?|events?|cases?|visitors?|guests?|logins?))\b|"
    r"\b((?:business|working|office|opening|peak|off-peak|quiet|core|grace|cooling-off|billing|"
    r"reporting|trial|retention|blackout|maintenance|notice|fiscal|high|low) (?:days?|hours?|"
    r"periods?|cycles?|windows?|seasons?|years?))\b|"
    r"\b(?:per|following|according to|as defined (?:in|by)|in line with|complies with|comply with|"
    r"meets?|under) (?:the |our )?((?:[a-z]+ )?(?:policy|policies|guidelines?|procedures?|"
    r"conventions?|scheme|agreement|regulations?|best practices?|house rules))\b",
    re.I,
)
_SERVICES_TEXT: Final = (
    "google drive slack jira okta github gitlab linux windows mac macos unix excel word outlook "
    "teams "
    "zoom "
    "notion figma sentry stripe paypal amazon azure microsoft apple android chrome chromium "
    "firefox "
    "safari python java rust node postgres postgresql sqlite mysql redis docker kubernetes git "
    "markdown unicode latin luhn english german french january february march april may june july "
    "august september october november december monday tuesday wednesday thursday friday saturday "
    "sunday easter christmas retry-after content-type accept roman caesar fahrenheit celsius "
    "gregorian fibonacci levenshtein manhattan euclidean"
)
_SERVICES: Final = frozenset(_SERVICES_TEXT.split())
_ACRONYM: Final = re.compile(r"(?<![\w`.-])([A-Z][A-Z0-9]{1,6})(?![\w`-])")
_PHRASE: Final = re.compile(r"(?<=[a-z,;] )([A-Z][a-z]+(?: [A-Z][a-z]+)+)\b")
#: `START-END`, `NAME:SCORE`: names of parts, not terms
_FORM: Final = re.compile(r"\b[A-Z]+(?:[-:/=][A-Z]+)+\b")
_PAIRS: Final = (
    ("user", "customer"), ("customer", "client"), ("folder", "directory"), ("ticket", "issue"),
    ("order", "purchase"), ("account", "profile"), ("user", "member"), ("employee", "worker"),
    ("amount", "sum"), ("delete", "erase"), ("invoice", "bill"), ("photo", "picture"),
)  # fmt: skip

#: hours that are given are defined: `office hours (09:00 to 17:00 UTC)`
_ZONED: Final = re.compile(r"hours \(")
#: gaps, not terms: INT-309 tells them
_GAPS: Final = frozenset({"TBD", "TBC", "TBA", "TODO", "FIXME", "XXX"})
_BRACKETED: Final = re.compile(r"\[[A-Z][A-Z _]{2,}[^\]]*\]")


def findings(spec: Spec) -> list[Finding]:
    """Return hints for undefined, doubled and unused terms."""
    return [*_undefined(spec), *_doubled(spec), *_unused(spec)]


def _undefined(spec: Spec) -> list[Finding]:
    parameters = set(
        re.findall(r"[A-Za-z0-9_-]+", " ".join(re.findall(r"`([^`]*)`", _demanded(spec))))
    )
    explained = " ".join([spec.title, spec.intent, *spec.uses, *(t.name for t in spec.terms)])
    classes = {term.name.lower().rstrip("s") for term in spec.terms}
    known = {word.lower() for word in re.findall(r"[A-Za-z0-9-]+", explained)}
    found = []
    seen: set[str] = set()
    for criterion in spec.criteria:
        text = _BRACKETED.sub(lambda gap: " " * len(gap[0]), masked(criterion.text))
        parameters |= set(re.findall(r"[A-Z]+", " ".join(_FORM.findall(text))))
        for match in _CLASS.finditer(text):
            term = match[match.lastindex or 0].lower()
            if term.rstrip("s") not in classes and not (
                term in seen or _says_what(term, spec) or _ZONED.search(text)
            ):
                seen.add(term)
                found.append(_hint(criterion, match.span(match.lastindex or 0), term))
        for match in [*_ACRONYM.finditer(text), *_PHRASE.finditer(text)]:
            term = match[1]
            parts = term.split()
            if term in seen or term in _COMMON or term in _GAPS or term in parameters:
                continue
            if any(part.lower() in _SERVICES for part in parts):
                continue
            if all(part.lower() in known for part in parts):
                continue
            seen.add(term)
            found.append(_hint(criterion, match.span(), term))
    return found


def _hint(criterion: Criterion, place: tuple[int, int], term: str) -> Finding:
    return hint("INT-317", criterion, place, f"`{term}` is not defined.",
                "A term of the field means something exact, and only its readers know what.",
                f"Add to `## Glossary`: `- {term}: …`.")  # fmt: skip


def _says_what(term: str, spec: Spec) -> bool:
    """Say whether the spec itself draws the line: `a customer is active when …`."""
    kind, _, thing = term.partition(" ")
    drawn = re.compile(
        rf"\b{re.escape(thing.rstrip('s'))}\b[^.;]*\b(?:is|are|counts? as|becomes?|as) "
        rf"(?:`)?{re.escape(kind)}\b|\b{re.escape(kind)} (?:means|is|are|:)|{re.escape(kind)} \(",
        re.I,
    )
    rows = [f"{row.case} {row.behaviour}" for row in spec.boundaries]
    return bool(drawn.search(" ".join([*(c.text for c in spec.criteria), *rows, spec.intent])))


def _demanded(spec: Spec) -> str:
    """Return sentences, rows and inputs; what a program prints in an example defines nothing."""
    texts = [criterion.text for criterion in spec.criteria]
    texts += [e.input for criterion in spec.criteria for e in criterion.examples]
    return " ".join([*texts, *(row.behaviour for row in spec.boundaries)])


def _all(spec: Spec) -> str:
    texts = [criterion.text for criterion in spec.criteria]
    for criterion in spec.criteria:
        texts += [f"{example.input} {example.outcome}" for example in criterion.examples]
    return " ".join([*texts, *(row.behaviour for row in spec.boundaries)])


def _doubled(spec: Spec) -> list[Finding]:
    defined = " ".join(f"{term.name} {term.meaning}" for term in spec.terms).lower()
    found = []
    texts = [(criterion, masked(criterion.text)) for criterion in spec.criteria]
    said = " ".join(text.lower() for _, text in texts)
    for one, other in _PAIRS:
        if one not in said or other not in said or one in defined or other in defined:
            continue
        places = []
        for word in (one, other):
            pattern = re.compile(rf"\b{word}s?\b", re.I)
            places.append(next(((c, m) for c, text in texts if (m := pattern.search(text))), None))
        if places[0] is None or places[1] is None:
            continue
        criterion, match = max((place for place in places if place), key=lambda p: p[0].line)
        found.append(
            hint("INT-318", criterion, match, f"`{one}` and `{other}` may be one thing or two.",
                 "Two words for one thing, or one thing too few.",
                 "Use one word, or define both in `## Glossary`.")
        )  # fmt: skip
    return found


def _unused(spec: Spec) -> list[Finding]:
    text = " ".join([_all(spec), spec.intent, *(row.case for row in spec.boundaries)]).lower()
    return [
        Finding("INT-319", "hint", Span(term.line), f"`{term.name}` is defined and never used.",
                "A definition nobody needs hides one that is missing.", "Delete it.")
        for term in spec.terms
        if term.name.lower().rstrip("s") not in text
    ]  # fmt: skip
