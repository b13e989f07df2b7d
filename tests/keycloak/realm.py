"""A realm as docs/how-to/sign-in.md describes it: an API with roles, a web application with PKCE, and two people."""

from typing import Any

REALM, API, WEB = "msp", "onboarding-api", "onboarding-web"
REDIRECT = "http://127.0.0.1:20004/app/"
ORIGIN = "http://127.0.0.1:20004"
PASSWORD = "correct horse battery staple"


def realm() -> dict[str, Any]:
    """The realm in the form that Keycloak imports."""
    return {
        "realm": REALM,
        "enabled": True,
        "sslRequired": "none",
        "clients": [
            {"clientId": API, "enabled": True, "publicClient": False, "standardFlowEnabled": False},
            {
                "clientId": WEB,
                "enabled": True,
                "publicClient": True,
                "standardFlowEnabled": True,
                "directAccessGrantsEnabled": False,
                "redirectUris": [REDIRECT],
                "webOrigins": [ORIGIN],
                "attributes": {"pkce.code.challenge.method": "S256"},
                "protocolMappers": [_audience(), _tenants()],
            },
        ],
        "roles": {"client": {API: [{"name": "Onboarding.Technician"}, {"name": "Onboarding.Lead"}]}},
        "users": [
            _person("ada", "Ada", "Berger", {}, "Onboarding.Lead"),
            _person("ben", "Ben", "Okafor", {"tenants": ["42", "43"]}, "Onboarding.Technician"),
        ],
        "components": {
            "org.keycloak.userprofile.UserProfileProvider": [
                {
                    "providerId": "declarative-user-profile",
                    "config": {"kc.user.profile.config": [_PROFILE]},
                }
            ]
        },
    }


_PROFILE = (
    '{"attributes":[{"name":"username"},{"name":"email"},{"name":"firstName"},{"name":"lastName"}],'
    '"unmanagedAttributePolicy":"ENABLED"}'
)


def _audience() -> dict[str, Any]:
    config = {"included.client.audience": API, "access.token.claim": "true", "id.token.claim": "false"}
    return {
        "name": "audience",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": config,
    }


def _tenants() -> dict[str, Any]:
    config = {
        "user.attribute": "tenants",
        "claim.name": "tenants",
        "jsonType.label": "String",
        "multivalued": "true",
        "access.token.claim": "true",
        "id.token.claim": "false",
    }
    return {
        "name": "tenants",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-usermodel-attribute-mapper",
        "config": config,
    }


def _person(username: str, first: str, last: str, attributes: dict[str, list[str]], role: str) -> dict[str, Any]:
    return {
        "username": username,
        "enabled": True,
        "email": f"{username}@msp.example",
        "emailVerified": True,
        "firstName": first,
        "lastName": last,
        "attributes": attributes,
        "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
        "clientRoles": {API: [role]},
    }
