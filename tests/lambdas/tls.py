"""TLS in front of a server that has none, as PostgreSQL speaks it: the test servers' binaries are built without."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


@dataclass(frozen=True)
class Issued:
    """A certificate authority and a certificate of its own for `name`."""

    authority: str
    chain: Path


def issue(folder: Path, name: str) -> Issued:
    """Make both, valid for an hour."""
    key, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority of {folder.name}")])
    now = datetime.now(UTC)

    def build(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
        return (
            made.serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(hours=1))
        )

    root = build(issuer, key.public_key()).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    leaf = build(x509.Name([]), own.public_key()).add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
    root_pem = root.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    folder.mkdir(exist_ok=True)
    chain = folder / "chain.pem"
    chain.write_bytes(
        leaf.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        + own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Issued(root_pem, chain)


@contextlib.contextmanager
def in_front_of(port: int, issued: Issued) -> Generator[int]:
    """Answer PostgreSQL's request for TLS with the certificate, and pass the rest on to `port` on loopback."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.chain)
    door = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = door.accept()
            except OSError:
                return
            threading.Thread(target=carry, args=(client,), daemon=True).start()

    def carry(client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", port)) as server:
            if client.recv(8) != _SSL_REQUEST:
                return
            client.sendall(b"S")
            with context.wrap_socket(client, server_side=True) as secure:
                threading.Thread(target=pump, args=(server, secure), daemon=True).start()
                pump(secure, server)

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield door.getsockname()[1]
    finally:
        door.close()
