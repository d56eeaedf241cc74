"""The certificate authority of one run: its key lives in memory and dies with the process."""

import datetime
import os
import secrets
import ssl
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from unlit.fence.gateway.head import Malformed, authority

_CA_VALID: Final = datetime.timedelta(days=365)
_LEAF_VALID: Final = datetime.timedelta(days=3)
_RENEW: Final = datetime.timedelta(days=1)
_MOST_DAYS_EARLIER: Final = 30
_MOST_LEAVES: Final = 1024


class LeafContext(ssl.SSLContext):
    """A server context for one name; it remembers the name that the client asked for."""

    server_name: str = ""
    minted: datetime.datetime


class Authority:
    """Mints a server context per name; the last thousand are kept.

    Args:
        now: Tells the time; a leaf is minted anew after a day, so that a daemon may run for long.
            A fixed time does for a test.
    """

    def __init__(self, now: Callable[[], datetime.datetime] | datetime.datetime) -> None:
        self._time = now
        # Certificates begin at a midnight that nothing tells: by their age, a product would know
        # how long its grading has lasted, and by a leaf's, whether it is the first to ask for it.
        self._earlier = datetime.timedelta(days=1 + secrets.randbelow(_MOST_DAYS_EARLIER))
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._leaf_pem = self._leaf_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        self._name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, "Unlit fence, this run only")]
        )
        self._certificate = self._sign_self()
        self._contexts: OrderedDict[tuple[str, bool], LeafContext] = OrderedDict()

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return self._certificate.public_bytes(Encoding.PEM)

    def context(self, name: str, h2: bool = False) -> LeafContext:
        """Return the server context for `name`, minted if it is new."""
        key = (name, h2)
        context = self._contexts.get(key)
        if context is None or context.minted + _RENEW < self._now():
            context = self._contexts[key] = self._mint(name, h2)
            if len(self._contexts) > _MOST_LEAVES:
                self._contexts.popitem(last=False)
        else:
            self._contexts.move_to_end(key)
        return context

    def entry(self, offers_h2: Callable[[str], bool] = lambda _: False) -> ssl.SSLContext:
        """Return the context that new connections start with; it turns into that of their name.

        Args:
            offers_h2: Whether HTTP/2 is offered for a name.
        """

        def choose(
            ssl_object: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext
        ) -> int | None:
            # who shows no plain name gets a TLS alert: without a name nothing can be decided
            try:
                host, port = authority((name or "").encode("ascii"))
            except (Malformed, UnicodeEncodeError):
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            if port is not None:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            ssl_object.context = self.context(host, offers_h2(host))
            return None

        context = self._mint("gateway.unlit.internal", h2=False)
        context.sni_callback = choose
        return context

    def _now(self) -> datetime.datetime:
        return self._time if isinstance(self._time, datetime.datetime) else self._time()

    def _midnight(self) -> datetime.datetime:
        return self._now().replace(hour=0, minute=0, second=0, microsecond=0)

    def _sign_self(self) -> x509.Certificate:
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        return (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._midnight() - self._earlier)
            .not_valid_after(self._midnight() + _CA_VALID)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )

    def _leaf(self, name: str) -> bytes:
        common = name if len(name) <= 64 else "long name"
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)]))
            .issuer_name(self._name)
            .public_key(self._leaf_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._midnight() - self._earlier)
            .not_valid_after(self._midnight() + _LEAF_VALID)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.PEM)

    def _mint(self, name: str, h2: bool) -> LeafContext:
        context = LeafContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.server_name = name
        context.minted = self._now()
        # the ssl module reads certificates from files only; this one exists in memory alone
        memory = os.memfd_create("leaf", os.MFD_CLOEXEC)
        try:
            os.write(memory, self._leaf_pem + self._leaf(name))
            context.load_cert_chain(f"/proc/self/fd/{memory}")
        finally:
            os.close(memory)
        context.set_alpn_protocols(["h2", "http/1.1"] if h2 else ["http/1.1"])
        return context
