"""Certificates of a run: trusted by its own authority only, renewed before they end."""

import contextlib
import ssl
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from unlit.core.clock import FakeClock
from unlit.fence.gateway.ca import Authority


def leaf_of(ca: Authority, name: str) -> x509.Certificate:
    """Read the certificate that a client would be shown."""
    server, client = ca.context(name), ssl.create_default_context(cadata=ca.pem.decode())
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    a, b, c, d = (ssl.MemoryBIO() for _ in range(4))
    ours, theirs = server.wrap_bio(a, b, server_side=True), client.wrap_bio(c, d)
    for _ in range(8):
        for side in (theirs, ours):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
            a.write(d.read())
            c.write(b.read())
    shown = theirs.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown)


def test_a_leaf_is_kept_for_a_day_and_renewed_then() -> None:
    clock = FakeClock()
    ca = Authority(clock.now)
    first = ca.context("x.test")
    assert ca.context("x.test") is first
    clock.advance(timedelta(hours=25).total_seconds())
    later = ca.context("x.test")
    assert later is not first
    certificate = leaf_of(ca, "x.test")
    assert certificate.not_valid_before_utc < clock.now() < certificate.not_valid_after_utc


def test_a_leaf_names_its_host_and_its_issuer() -> None:
    ca = Authority(FakeClock().now)
    certificate = leaf_of(ca, "a." * 40 + "test")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a." * 40 + "test"]
    issuer = x509.load_pem_x509_certificate(ca.pem)
    certificate.verify_directly_issued_by(issuer)
    constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert constraints.ca
    assert constraints.path_length == 0


def test_two_runs_do_not_trust_each_other() -> None:
    one, two = Authority(FakeClock().now), Authority(FakeClock().now)
    assert one.pem != two.pem
    assert b"PRIVATE" not in one.pem
    assert leaf_of(one, "x.test").public_bytes(Encoding.DER) != leaf_of(two, "x.test").public_bytes(
        Encoding.DER
    )
