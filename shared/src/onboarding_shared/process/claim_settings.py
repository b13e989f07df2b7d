"""The settings that say where the claims of an identity provider's tokens are, and what their values give."""

from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import Field, field_validator

from onboarding_shared.contracts.permissions import Role, Roles
from onboarding_shared.process.settings import Settings, separated


class ClaimSettings(Settings):
    """The mapping of claims. Without roles a token has our own claims, and the other settings here are not used."""

    roles: Mapping[str, Any] | None = Field(
        None,
        validation_alias="ONBOARDING_JWT_ROLES",
        description="JSON: a value of a role claim to the permissions that it gives; unset = our own claims",
    )
    user: str = Field(
        "sub", min_length=1, max_length=500, validation_alias="ONBOARDING_JWT_USER_CLAIM", description="the user"
    )
    names: tuple[str, ...] = Field(
        ("name", "preferred_username"),
        validation_alias="ONBOARDING_JWT_NAME_CLAIMS",
        description="the display name, the first one that a token has; separated by commas",
    )
    role_claims: tuple[str, ...] = Field(
        ("roles",),
        min_length=1,
        max_length=20,
        validation_alias="ONBOARDING_JWT_ROLE_CLAIMS",
        description="the roles, from all of these claims; separated by commas",
    )
    tenants: str = Field(
        "tenants",
        min_length=1,
        max_length=500,
        validation_alias="ONBOARDING_JWT_TENANTS_CLAIM",
        description="the tenant ids of the user",
    )

    @field_validator("roles", mode="before")
    @classmethod
    def _from_json(cls, value: Any) -> Any:
        try:
            if isinstance(value, str):
                return msgspec.json.decode(value, type=Roles)
            return None if value is None else msgspec.convert(msgspec.to_builtins(value), Roles)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise ValueError(f"is no mapping of roles: {error}") from error

    @field_validator("names", "role_claims", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return separated(value)

    @property
    def roles_by_value(self) -> Mapping[str, Role] | None:
        """The role of each value; None = tokens have our own claims."""
        return self.roles
