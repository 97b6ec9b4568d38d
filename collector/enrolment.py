"""Certificates of a site: its own authority, the broker's certificate, one for each edge, and a list of revoked ones.

A folder holds the authority: `ca.pem`, `ca.key` (keep it off the broker), `crl.pem`, and `issued/` with a copy of each
certificate. An edge's common name is its name, by which the broker's ACL knows it.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_FOR = timedelta(days=3650)
CERTIFICATE_FOR = timedelta(days=825)
LIST_FOR = timedelta(days=3650)
_BEFORE = timedelta(minutes=5)
"""A box whose clock is a little behind still takes a new certificate."""
_NAME = re.compile(r"[A-Za-z0-9*:_][A-Za-z0-9.:_-]{0,63}")
"""What a certificate may be for: a name of the contract, a host, an address. It is a file's name, too."""


class EnrolmentError(ValueError):
    """It cannot be done; says why and what to do."""


class Authority:
    """The authority in a folder; made there with `make`. Raises EnrolmentError for a folder of no use."""

    def __init__(self, folder: Path, now: datetime | None = None, *, make: bool = True) -> None:
        self.folder = folder
        self._now = now or datetime.now(UTC)
        there = (folder / "ca.key").exists()
        if not there and not make:
            raise EnrolmentError(f"{folder} holds no authority: is --authority right?")
        (folder / "issued").mkdir(parents=True, exist_ok=True)
        if not there:
            self._make()
        try:
            key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
            self.certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        except (OSError, ValueError) as error:
            raise EnrolmentError(f"{folder} holds no authority that can be used: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise EnrolmentError(f"{folder / 'ca.key'}: not a key that this program has made")
        self._key = key

    @property
    def pem(self) -> bytes:
        """The authority's certificate, which edges and collector trust."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue_client(self, name: str, site: str | None = None) -> tuple[bytes, bytes]:
        """(certificate, key) in PEM with which an edge of a site, or the collector, shows the broker who it is.

        Raises EnrolmentError for a name that no certificate can be for, or that an edge of another site has.
        """
        self._must_be_free(name, site)
        return self._issue(name, ExtendedKeyUsageOID.CLIENT_AUTH, (), site)

    def issue_server(self, hosts: tuple[str, ...]) -> tuple[bytes, bytes]:
        """(certificate, key) in PEM for a broker or collector that is reached by these names or addresses.

        Raises EnrolmentError for what is neither.
        """
        return self._issue(hosts[0], ExtendedKeyUsageOID.SERVER_AUTH, hosts)

    def _must_be_free(self, name: str, site: str | None) -> None:
        """A broker knows an edge by its name alone: two of one name would speak for each other."""
        for file in self._issued(name):
            held = x509.load_pem_x509_certificate(file.read_bytes()).subject
            for other in held.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME):
                if other.value != site:
                    raise EnrolmentError(
                        f"edge {name!r} was enrolled for site {str(other.value)!r}; names are unique across sites:"
                        " choose another, or revoke that one first"
                    )

    def _issued(self, name: str) -> list[Path]:
        """Its certificates that are not revoked. Never a pattern: `*` is nobody's name."""
        files = (self.folder / "issued").glob("*.pem")
        return [file for file in files if file.name.rpartition("@")[0] == name]

    def revoke(self, name: str) -> int:
        """Put all certificates of this name on the list of revoked ones; how many. Raises EnrolmentError for none."""
        files = self._issued(name)
        if not files:
            raise EnrolmentError(f"{self.folder} has issued no certificate for {name!r}")
        for file in files:
            file.rename(file.with_suffix(".revoked"))
        self._write_list()
        return len(files)

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Watchpost {self._now:%Y-%m-%d}")])
        builder = self._begun(name, name, key.public_key(), AUTHORITY_FOR)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs=True), critical=True)
        self.certificate, self._key = builder.sign(key, hashes.SHA256()), key
        (self.folder / "ca.pem").write_bytes(self.pem)
        self._write_list()
        write_secret(self.folder / "ca.key", _pem_of(key))

    def _issue(
        self, name: str, purpose: x509.ObjectIdentifier, hosts: tuple[str, ...], site: str | None = None
    ) -> tuple[bytes, bytes]:
        for one in {name, *hosts}:
            if not _NAME.fullmatch(one):
                raise EnrolmentError(
                    f"{one!r}: a certificate is for a name, host or address of 1 to 64 ASCII characters"
                )
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        if site is not None:
            names.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, site))
        subject = x509.Name(names)
        builder = self._begun(subject, self.certificate.subject, key.public_key(), CERTIFICATE_FOR)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
            )
        made = builder.sign(self._key, hashes.SHA256())
        pem = made.public_bytes(serialization.Encoding.PEM)
        (self.folder / "issued" / f"{name}@{made.serial_number:x}.pem").write_bytes(pem)
        return pem, _pem_of(key)

    def _begun(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, valid_for: timedelta
    ) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(self._now - _BEFORE).not_valid_after(self._now + valid_for)

    def _write_list(self) -> None:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(self._now - _BEFORE).next_update(self._now + LIST_FOR)
        for file in sorted((self.folder / "issued").glob("*.revoked")):
            serial = int(file.stem.rpartition("@")[2], 16)
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(self._now)
            builder = builder.add_revoked_certificate(revoked.build())
        signed = builder.sign(self._key, hashes.SHA256())
        temporary = self.folder / "crl.part"
        temporary.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        temporary.rename(self.folder / "crl.pem")


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(content)


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=signs, crl_sign=signs, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
