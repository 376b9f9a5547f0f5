"""Signs a request anew after the SDK has, so that a test can lie about one thing and leave the rest as it was."""

import base64
import hashlib
import hmac
from datetime import datetime, timezone
from email.utils import format_datetime
from urllib.parse import urlsplit


def resign(access_key: str, *, date: datetime | None = None, host: str | None = None, body: str | None = None) -> dict:
    """The option that has the SDK sign with another time, host, or body than the true one.

    Only for requests whose path needs no percent-encoding: the asynchronous HTTP client rewrites such paths later.
    """

    def sign(request):
        http_request = request.http_request
        url = urlsplit(http_request.url)
        moment = format_datetime((date or datetime.now()).astimezone(timezone.utc), usegmt=True)
        true_body = http_request.body or ""
        digest = base64.b64encode(hashlib.sha256((true_body if body is None else body).encode()).digest()).decode()
        target = f"{url.path}?{url.query}" if url.query else url.path
        text = f"{http_request.method}\n{target}\n{moment};{host or url.netloc};{digest}"
        signature = hmac.digest(base64.b64decode(access_key), text.encode(), "sha256")
        http_request.headers.update(
            {
                "x-ms-date": moment,
                "x-ms-content-sha256": digest,
                "Authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256"
                f"&Signature={base64.b64encode(signature).decode()}",
            }
        )

    return {"raw_request_hook": sign}


def with_authorization(change) -> dict:
    """The option that sends `change(authorization)` in place of the signed `Authorization` value; None sends none."""

    def replace(request):
        headers = request.http_request.headers
        value = change(headers.pop("Authorization"))
        if value is not None:
            headers["Authorization"] = value

    return {"raw_request_hook": replace}
