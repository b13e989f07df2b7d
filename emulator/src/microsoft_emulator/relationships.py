"""Delegated admin relationships with their access assignments, and their states over time."""

import base64
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from microsoft_emulator.behaviour import LONGEST_APPROVAL_DAYS, MappingShape, RelationshipShape
from microsoft_emulator.gdap_roles import NAMES, ROLES, group_of
from microsoft_emulator.ids import stable_id

Steps = tuple[str, ...]
APPROVED: Steps = ("approved", "activating", "active")
TERMINATED: Steps = ("terminationRequested", "terminating", "terminated")
ASSIGNED: Steps = ("pending", "active")
REMOVED: Steps = ("deleting", "deleted")
INVITED: Steps = ("approvalPending", "expired")
REQUESTED: Steps = ("created", "pending", "succeeded")


@dataclass
class StatusProgress:
    """Statuses that follow each other: the last one is reached ``seconds`` after the beginning."""

    steps: Steps
    seconds: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @property
    def status(self) -> str:
        """The status of this moment."""
        passed, last = time.monotonic() - self.began, len(self.steps) - 1
        if last == 0 or passed >= self.seconds:
            return self.steps[-1]
        return self.steps[int(passed / self.seconds * last)]


@dataclass
class AccessAssignment:
    """An access assignment: the roles of a group of the partner."""

    id: str
    group: str
    roles: tuple[str, ...]
    progress: StatusProgress
    created: datetime
    version: int = 1

    @property
    def status(self) -> str:
        """The status of this moment."""
        return self.progress.status

    @property
    def etag(self) -> str:
        """The version of this moment, as a header."""
        return _etag(self.id, self.version, self.status)

    @property
    def body(self) -> dict[str, Any]:
        """The object that Graph sends."""
        return {
            "@odata.type": "#microsoft.graph.delegatedAdminAccessAssignment",
            "@odata.etag": self.etag,
            "id": self.id,
            "status": self.status,
            "createdDateTime": moment(self.created),
            "lastModifiedDateTime": moment(self.created),
            "accessContainer": {"accessContainerId": self.group, "accessContainerType": "securityGroup"},
            "accessDetails": _details(self.roles),
        }


@dataclass
class Relationship:
    """A relationship; ``customer`` is None for an invitation that nobody has approved yet."""

    id: str
    name: str
    duration: str
    auto_extend: str | None
    roles: tuple[str, ...]
    customer: str | None
    progress: StatusProgress
    created: datetime
    activated: datetime | None = None
    ends: datetime | None = None
    version: int = 1
    visible_from: float = 0.0
    assignments: dict[str, AccessAssignment] = field(default_factory=dict)
    requests: dict[str, tuple[dict[str, Any], StatusProgress]] = field(default_factory=dict)
    operations: dict[str, tuple[dict[str, Any], StatusProgress]] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The status of this moment."""
        return self.progress.status

    @property
    def visible(self) -> bool:
        """True if reads show it."""
        return time.monotonic() >= self.visible_from

    @property
    def etag(self) -> str:
        """The version of this moment, as a header."""
        return _etag(self.id, self.version, self.status)

    def invite(self, lasts: timedelta) -> None:
        """Lock the relationship for approval. It expires if it is not approved in this time after its creation."""
        self.progress = _invited(self.created, lasts)

    def approve(self, tenant: str, seconds: float) -> None:
        """Accept the invitation for a customer; it is active after this time."""
        self.customer, self.progress = tenant, StatusProgress(APPROVED, seconds)
        self.activated = datetime.now(UTC) + timedelta(seconds=seconds)
        self.ends = self.activated + timedelta(days=int(self.duration[1:-1]))
        self.version += 1

    @property
    def body(self) -> dict[str, Any]:
        """The object that Graph sends."""
        active = self.status not in (*APPROVED[:2], "created", "approvalPending")
        customer = self.customer and {"tenantId": self.customer, "displayName": f"Contoso {self.customer[:4].upper()}"}
        return {
            "@odata.type": "#microsoft.graph.delegatedAdminRelationship",
            "@odata.etag": self.etag,
            "id": self.id,
            "displayName": self.name,
            "duration": self.duration,
            "customer": customer,
            "accessDetails": _details(self.roles),
            "status": self.status,
            "autoExtendDuration": self.auto_extend,
            "createdDateTime": moment(self.created),
            "lastModifiedDateTime": moment(self.created),
            "activatedDateTime": moment(self.activated) if active else None,
            "endDateTime": moment(self.ends) if active else None,
        }


def from_shape(
    customer: str, number: int, shape: RelationshipShape, mappings: tuple[MappingShape, ...] | None
) -> Relationship:
    """The relationship that a control request describes."""
    now, lasts = datetime.now(UTC), timedelta(days=LONGEST_APPROVAL_DAYS)
    created = now - timedelta(days=shape.created_days_ago)
    wanted = mappings if shape.mappings is None else shape.mappings
    wanted = tuple(MappingShape(role=role) for role in ROLES.values()) if wanted is None else wanted
    assignments = [_mapped(customer, position, mapping) for position, mapping in enumerate(wanted)]
    first, second = (stable_id(customer, f"relationship/{number}/{half}") for half in ("first", "second"))
    return Relationship(
        id=f"{first}-{second}",
        name=shape.name,
        duration="P730D",
        auto_extend=shape.auto_extend,
        roles=tuple(ROLES.values()) if shape.roles is None else shape.roles,
        customer=customer,
        progress=_invited(created, lasts) if shape.status == INVITED[0] else StatusProgress((shape.status,)),
        created=created,
        activated=None if shape.activated_days_ago is None else now - timedelta(days=shape.activated_days_ago),
        ends=None if shape.days_left is None else now + timedelta(days=shape.days_left),
        assignments={assignment.id: assignment for assignment in assignments},
    )


def _invited(created: datetime, lasts: timedelta) -> StatusProgress:
    left = created + lasts - datetime.now(UTC)
    return StatusProgress(INVITED, max(0.0, left.total_seconds()))


def _mapped(customer: str, number: int, mapping: MappingShape) -> AccessAssignment:
    exists = mapping.group_exists and mapping.role in NAMES
    return AccessAssignment(
        id=stable_id(customer, f"accessAssignment/{number}"),
        group=group_of(NAMES[mapping.role]) if exists else stable_id(customer, f"deleted group/{number}"),
        roles=(mapping.role,),
        progress=StatusProgress((mapping.status,)),
        created=datetime(2026, 1, 7, 22, 55, 18, tzinfo=UTC),
    )


def new_id() -> str:
    """An id of a new relationship: two unrelated GUIDs."""
    return f"{uuid.uuid4()}-{uuid.uuid4()}"


def moment(time_of: datetime | None) -> str | None:
    """A time as Graph writes it."""
    return None if time_of is None else f"{time_of:%Y-%m-%dT%H:%M:%S}.1234567Z"


def _details(roles: tuple[str, ...]) -> dict[str, Any]:
    return {"unifiedRoles": [{"roleDefinitionId": role} for role in roles]}


def _etag(object_id: str, version: int, status: str) -> str:
    return f'W/"{base64.b64encode(f"{object_id[:8]}-{version}-{status}".encode()).decode()}"'
