"""Applications, directory users and roles of a server's built-in directory, made through the operator API."""

import base64
import datetime
import json
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

# What the communication SDKs ask for; the doubled slash is theirs.
DATA_SCOPE = "https://communication.azure.com//.default"
MANAGEMENT_SCOPE = "https://management.azure.com/.default"
# Where a directory user's token is exchanged: for a user of the resource, for one of the Teams extension, for Teams.
ENTRA_SCOPE = "https://communication.azure.com/clients/VoIP"
TEAMS_EXTENSION_SCOPE = "https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls"
TEAMS_SCOPE = "https://auth.msft.communication.azure.com/Teams.ManageCalls"

PASSWORD = "correct horse battery staple"

# One key for every certificate of a run: making one takes longer than any test that uses it.
_CERTIFICATE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Directory:
    """The directory of one server. What it makes has a name of its own, so that tests may share the server."""

    def __init__(self, server):
        self._server = server
        self.tenant_id: str = server.tenant_id
        self.authority: str = server.authority

    def operate(self, method: str, path: str, body: dict | None = None):
        """Asks the operator API below `/trunkline/directory`."""
        return self._server.operate(method, f"/trunkline/directory{path}", body)

    def application(self, role: str | None = "owner", *, resource: str | None = None, **fields) -> dict:
        """A new application, with a role on everything or on one resource unless `role` is None."""
        made = self.operate("POST", "/applications", {"name": f"witness-{uuid.uuid4()}", **fields})
        if role:
            self.assign(made["clientId"], role, resource)
        return made

    def secret(self, client_id: str, **fields) -> str:
        """A new secret of an application."""
        return self.operate("POST", f"/applications/{client_id}/credentials", {"kind": "secret", **fields})["secret"]

    def certificate(self, client_id: str) -> bytes:
        """A new certificate of an application, and its private key, as one PEM text."""
        pem, key = make_certificate()
        fields = {"kind": "certificate", "certificate": pem.decode()}
        self.operate("POST", f"/applications/{client_id}/credentials", fields)
        return key + pem

    def federate(self, client_id: str, issuer: str, subject: str) -> None:
        """Lets an application sign in with another issuer's tokens for one subject."""
        fields = {"kind": "federated", "issuer": issuer, "subject": subject}
        self.operate("POST", f"/applications/{client_id}/credentials", fields)

    def user(self, password: str = PASSWORD) -> dict:
        """A new directory user."""
        name = f"user-{uuid.uuid4()}@example.com"
        return self.operate("POST", "/users", {"userName": name, "displayName": "Ada Example", "password": password})

    def assign(self, principal: str, role: str, resource: str | None = None) -> dict:
        """Gives a role on everything, or on the resource of that name."""
        where = {"resource": resource} if resource else {}
        return self.operate("POST", "/roleAssignments", {"principal": principal, "role": role, **where})

    def unassign(self, assignment: dict) -> None:
        """Takes a role away."""
        self.operate("DELETE", f"/roleAssignments/{assignment['id']}")


def directory_claims_of(token: str) -> dict:
    """Reads a directory token's claims, which unlike a user token's may need the URL-safe alphabet."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def make_certificate() -> tuple[bytes, bytes]:
    """A self-signed certificate and its key, both PEM."""
    now = datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "witness")])
    certificate = (
        x509.CertificateBuilder(name, name)
        .public_key(_CERTIFICATE_KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(_CERTIFICATE_KEY, hashes.SHA256())
    )
    key = _CERTIFICATE_KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key
