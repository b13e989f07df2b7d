"""Dependencies cost each request eighteen function calls, whatever they do."""

from pathlib import Path

from litestar.routes import HTTPRoute

from onboarding_devstack.identity import ISSUER, Identity
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_shared.process.service_settings import DatabaseSettings, HttpSettings, IdentitySettings, LogSettings
from session_api.app import build
from session_api.settings import SessionApiSettings


async def test_no_handler_takes_the_request_and_its_caller_too(tmp_path: Path) -> None:
    identity = Identity(tmp_path)
    identity.ensure()
    service = build(
        SessionApiSettings(
            database=DatabaseSettings(url="postgresql://nobody@127.0.0.1:9/nothing"),
            kafka=KafkaSettings(bootstrap_servers="127.0.0.1:9"),
            log=LogSettings(),
            http=HttpSettings(),
            identity=IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER),
            evidence_store_url="http://127.0.0.1:9",
        )
    )
    routes = [route for route in service.app.routes if isinstance(route, HTTPRoute)]
    handlers = [handler for route in routes for handler in route.route_handlers]
    taken = {str(handler): handler.parsed_fn_signature.parameters.keys() for handler in handlers}
    assert any("request" in names for names in taken.values())
    assert [name for name, names in taken.items() if {"request", "caller"} <= names] == []
