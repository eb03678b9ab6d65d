"""Who may use the app: whoever has the address with its token, from pages of the app itself."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

ACCESS, PERSON = "adaptoscope_access", "adaptoscope_person"
"""Cookies: that the token was known, and whose jobs are whose."""

SENT_BY_PAGE = "x-adaptoscope"
"""A header that no form and no page of another address can send."""

_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; "
    "style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}

Next = Callable[[Request], Awaitable[Response]]


@dataclass
class Access:
    """Lets requests through, or not.

    Parameters
    ----------
    hosts
        What the header ``Host`` may say without its port: another name means that a page of
        another address tries to reach this one.
    password
        Asked for in place of the token, where other machines can reach the app.
    token
        Stands in the printed address.
    """

    hosts: frozenset[str]
    password: str = ""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Answer a request, or refuse it."""
        response = self._refused(request) or await call_next(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def _refused(self, request: Request) -> Response | None:
        host = request.headers.get("host", "").rpartition(":")[0].strip("[]")
        if self.hosts and host not in self.hosts:
            return PlainTextResponse("This address is not served here.", status_code=421)
        if request.url.path == "/enter":
            return None
        given = request.query_params.get("token", "")
        if given and not self.password and self._same(given, self.token):
            return self.let_in(RedirectResponse("/", status_code=303))
        if not self._same(request.cookies.get(ACCESS, ""), self.token):
            said = "Open the address that `adaptoscope serve` printed: it holds a token."
            if request.url.path.startswith("/api/"):
                return JSONResponse(
                    {"error": "You are not let in: open the address that was printed."}, 401
                )
            if self.password:
                return RedirectResponse("/enter", status_code=303)
            return PlainTextResponse(said, status_code=401)
        if request.method not in ("GET", "HEAD") and SENT_BY_PAGE not in request.headers:
            return JSONResponse({"error": "Only pages of the app may ask for this."}, 403)
        return None

    def let_in(self, response: Response) -> Response:
        """Remember in the browser that the token or password was right."""
        options = {"httponly": True, "samesite": "strict", "max_age": 30 * 86400}
        response.set_cookie(ACCESS, self.token, **options)  # type: ignore[arg-type]
        response.set_cookie(PERSON, secrets.token_urlsafe(12), **options)  # type: ignore[arg-type]
        return response

    def knows(self, password: str) -> bool:
        """Tell whether a password is the right one."""
        return bool(self.password) and self._same(password, self.password)

    @staticmethod
    def _same(given: str, right: str) -> bool:
        return hmac.compare_digest(given.encode(), right.encode())


def person_of(request: Request) -> str:
    """Return whose page a request comes from."""
    return request.cookies.get(PERSON, "")[:40]
