"""A small OpenID Connect issuer: discovery, a key set, and directory tokens signed with RS256."""

import json
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

# How long the issuer may take to notice that its test is over.
STOP_WAIT_SECONDS = 0.02
KEY_NAME = "directory-1"
AUDIENCE = "00000000-0000-4000-8000-0000000000aa"
TENANT = "00000000-0000-4000-8000-0000000000bb"


class Issuer:
    """Serves its documents on a loopback port for as long as the `with` block lasts."""

    def __init__(self):
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            """Answers with the two documents."""

            def do_GET(self):  # pylint: disable=invalid-name
                """Discovery and the key set; all else is unknown."""
                document = issuer.documents().get(self.path)
                body = json.dumps(document).encode()
                self.send_response(200 if document else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/{TENANT}/v2.0"

    def __enter__(self):
        Thread(target=self._server.serve_forever, args=(STOP_WAIT_SECONDS,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def documents(self) -> dict:
        """The documents by path."""
        base = f"/{TENANT}/v2.0"
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {
            f"{base}/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            f"{base}/keys": {"keys": [{**public, "kid": KEY_NAME, "use": "sig"}]},
        }

    def token(self, application: str, user: str, *, lifetime_s: int = 3600, **changes) -> str:
        """A directory token of `user`, given to `application`; `changes` replace claims."""
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": AUDIENCE, "tid": TENANT, "oid": user, "appid": application,
            "iat": now, "nbf": now, "exp": now + lifetime_s, **changes,
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_NAME})

    def workload_token(self, subject: str, *, lifetime_s: int = 3600, **changes) -> str:
        """What a cluster puts into a workload's token file; `changes` replace claims."""
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": "api://AzureADTokenExchange", "sub": subject, "jti": str(uuid.uuid4()),
            "iat": now, "nbf": now, "exp": now + lifetime_s, **changes,
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_NAME})

    def settings(self) -> str:
        """The part of the configuration file that names this issuer."""
        return (
            "[[directory.issuers]]\n"
            f'issuer = "{self.url}"\naudiences = ["{AUDIENCE}"]\ntenants = ["{TENANT}"]\n'
        )
