"""Logins (SCRAM-SHA-512) and rights of the principals of `kafka_access` on a running Apache Kafka."""

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from onboarding_devstack.engines.kafka_access import Grant

ITERATIONS = 4096
SECONDS = 30.0

_RESOURCES = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "cluster": ResourceType.BROKER}
_PATTERNS = {"literal": ResourcePatternType.LITERAL, "prefixed": ResourcePatternType.PREFIXED}
_OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}


def administrator(options: Mapping[str, str]) -> AdminClient:
    """A client with the options of librdkafka, such as ``bootstrap.servers``."""
    return AdminClient(dict(options))


def set_passwords(client: AdminClient, passwords: Mapping[str, str]) -> None:
    """Let each principal sign in with its password, and with no other one. Raises `KafkaException`."""
    how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    logins: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(name, how, word.encode()) for name, word in passwords.items()
    ]
    for done in client.alter_user_scram_credentials(logins, request_timeout=SECONDS).values():
        done.result(SECONDS)


def set_rights(client: AdminClient, wanted: Iterable[Grant]) -> None:
    """Give the principals of these grants exactly these rights; others keep theirs. Raises `KafkaException`."""
    rights = {right for grant in wanted for right in _rights(grant)}
    principals = {right.principal for right in rights}
    everything = client.describe_acls(_any(), request_timeout=SECONDS).result(SECONDS)
    present = {right for right in everything if right.principal in principals}
    missing, withdrawn = rights - present, [_exactly(right) for right in present - rights]
    for done in client.create_acls(list(missing), request_timeout=SECONDS).values() if missing else ():
        done.result(SECONDS)
    for done in client.delete_acls(withdrawn, request_timeout=SECONDS).values() if withdrawn else ():
        done.result(SECONDS)


def _rights(grant: Grant) -> Iterable[AclBinding]:
    resource, pattern = _RESOURCES[grant.resource], _PATTERNS[grant.pattern]
    for name in grant.names:
        for operation in grant.operations:
            yield AclBinding(
                resource, name, pattern, f"User:{grant.principal}", "*", _OPERATIONS[operation], AclPermissionType.ALLOW
            )


def _any() -> AclBindingFilter:
    any_text: Any = None
    return AclBindingFilter(
        ResourceType.ANY, any_text, ResourcePatternType.ANY, any_text, any_text, AclOperation.ANY, AclPermissionType.ANY
    )


def _exactly(right: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        right.restype, right.name, right.resource_pattern_type,
        right.principal, right.host, right.operation, right.permission_type,
    )  # fmt: skip
