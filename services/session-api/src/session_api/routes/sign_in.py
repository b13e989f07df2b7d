"""Tells a browser application how people sign in. It needs no token."""

from litestar import Controller, get
from msgspec import Struct

from session_api.clients.openid_provider import OpenIdProvider

PATH = "/onboarding/sign-in"


class SignIn(Struct, kw_only=True):
    """The provider at which people sign in, with an authorization code and PKCE. ``enabled`` is false without one."""

    enabled: bool
    authority: str | None = None
    client_id: str | None = None
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    end_session_endpoint: str | None = None
    scopes: list[str] = []


class SignInRoutes(Controller):
    """The operation on ``/onboarding/sign-in``."""

    path = PATH
    tags = ("users",)

    provider: OpenIdProvider | None
    client_id: str
    scopes: tuple[str, ...]

    @get(summary="Tell how people sign in", operation_id="getSignIn", security=[{}])
    async def get_sign_in(self) -> SignIn:
        """Return the provider's endpoints, and the client that a browser application is there. No token is needed."""
        if self.provider is None:
            return SignIn(enabled=False)
        endpoints = await self.provider.endpoints()
        return SignIn(
            enabled=True,
            authority=self.provider.authority,
            client_id=self.client_id,
            authorization_endpoint=endpoints.authorization_endpoint,
            token_endpoint=endpoints.token_endpoint,
            end_session_endpoint=endpoints.end_session_endpoint,
            scopes=list(self.scopes),
        )
