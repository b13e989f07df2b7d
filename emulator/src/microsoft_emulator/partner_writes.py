"""Changes in the partner's tenant: relationships, their requests, and their access assignments."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from litestar import Response

from microsoft_emulator.behaviour import Control
from microsoft_emulator.gdap_roles import GLOBAL_ADMINISTRATOR
from microsoft_emulator.groups import groups
from microsoft_emulator.partner import ASSIGNMENTS, GONE, ONE, RELATIONSHIPS, of_partner, relationship_in
from microsoft_emulator.partner_bodies import fault_of_relationship, group_in, roles_in
from microsoft_emulator.relationships import (
    ASSIGNED,
    REMOVED,
    REQUESTED,
    TERMINATED,
    AccessAssignment,
    Relationship,
    StatusProgress,
    moment,
    new_id,
)
from microsoft_emulator.replies import graph_error, reply
from microsoft_emulator.routing import Answer, Call, Route, any_of, bad_request, forbidden, not_found

WRITE = any_of("DelegatedAdminRelationship.ReadWrite.All")
OFF = "PT0S"


def _create(call: Call) -> Response[Any]:
    if not of_partner(call):
        return forbidden()
    body = call.json()
    if (fault := fault_of_relationship(body)) is not None or body is None:
        return bad_request(str(fault))
    if any(other.name == body["displayName"] for other in call.tenants.relationships()):
        return _conflict("A relationship with this displayName exists.")
    relationship = Relationship(
        id=new_id(),
        name=body["displayName"],
        duration=body["duration"],
        auto_extend=body.get("autoExtendDuration") or OFF,
        roles=roles_in(body["accessDetails"]),
        customer=_customer(body),
        progress=StatusProgress(("created",)),
        created=datetime.now(UTC),
        visible_from=call.tenant.visible_later(),
    )
    call.tenant.relationships[relationship.id] = relationship
    return reply(relationship.body, 201)


def _customer(body: dict[str, Any]) -> str | None:
    return body["customer"]["tenantId"].lower() if body.get("customer") else None


def _conflict(text: str) -> Response[Any]:
    return graph_error(409, "Conflict", text)


def _condition(call: Call, etag: str) -> Response[Any] | None:
    """The response to a change without ``If-Match``, or with that of another version; None if it may be done."""
    sent = call.request.headers.get("if-match")
    if sent is None:
        return graph_error(428, "PreconditionRequired", "The header If-Match is required.")
    return None if sent == etag else graph_error(412, "PreconditionFailed", "The resource has been changed.")


def _update(call: Call) -> Response[Any]:
    relationship = relationship_in(call)
    if relationship is None:
        return not_found(call.arguments["id"])
    if (refused := _condition(call, relationship.etag)) is not None:
        return refused
    body = call.json()
    if body is None:
        return bad_request("The body is no JSON object.")
    shown = relationship.body
    known = {name: shown[name] for name in ("displayName", "duration", "customer", "autoExtendDuration")}
    if (fault := fault_of_relationship({**known, **body}, relationship.roles)) is not None:
        return bad_request(fault)
    if relationship.status == "created":
        relationship.name, relationship.customer = {**known, **body}["displayName"], _customer({**known, **body})
        relationship.duration = body.get("duration", relationship.duration)
    elif relationship.status != "active" or not _allowed_while_active(relationship, body):
        return bad_request(f"This cannot be changed while the relationship is {relationship.status}.")
    relationship.auto_extend = body.get("autoExtendDuration", relationship.auto_extend)
    relationship.roles = roles_in(body.get("accessDetails")) or relationship.roles
    relationship.version += 1
    return reply(relationship.body)


def _allowed_while_active(relationship: Relationship, body: dict[str, Any]) -> bool:
    """True for a change of the automatic extension, and for the removal of the role Global Administrator."""
    roles = set(roles_in(body.get("accessDetails")) or relationship.roles)
    without = set(relationship.roles) - {GLOBAL_ADMINISTRATOR}
    return body.keys() <= {"autoExtendDuration", "accessDetails"} and roles in (set(relationship.roles), without)


def _delete(call: Call) -> Response[Any]:
    relationship = relationship_in(call)
    if relationship is None:
        return not_found(call.arguments["id"])
    if (refused := _condition(call, relationship.etag)) is not None:
        return refused
    if relationship.status != "created":
        return bad_request("Only a relationship with the status created can be deleted.")
    call.tenants.forget(relationship.id)
    return reply(None, 204)


def _request(call: Call) -> Response[Any]:
    """Lock a relationship for approval, or terminate it. Other actions are those of indirect resellers."""
    relationship, body = relationship_in(call), call.json()
    if relationship is None:
        return not_found(call.arguments["id"])
    if body is None or body.keys() - {"@odata.type"} != {"action"}:
        return bad_request("The body must have the property 'action' and no other.")
    action, control = body["action"], call.tenant.control
    if (action, relationship.status) == ("lockForApproval", "created"):
        relationship.invite(timedelta(seconds=control.approval_seconds))
    elif (action, relationship.status) == ("terminate", "active"):
        relationship.progress = StatusProgress(TERMINATED, control.activation_delay_seconds)
    else:
        return bad_request(f"The action {action} is not possible while the relationship is {relationship.status}.")
    relationship.version += 1
    now = moment(datetime.now(UTC))
    made = {"id": str(uuid.uuid4()), "action": action, "createdDateTime": now, "lastModifiedDateTime": now}
    relationship.requests[made["id"]] = (made, StatusProgress(REQUESTED, control.activation_delay_seconds))
    return reply({**made, "status": REQUESTED[0]}, 201)


def _assign(call: Call) -> Response[Any]:
    relationship, body = relationship_in(call), call.json() or {}
    if relationship is None:
        return not_found(call.arguments["id"])
    if relationship.status != "active":
        return bad_request("Groups can be assigned only while the relationship is active.")
    group, roles = group_in(body.get("accessContainer")), roles_in(body.get("accessDetails"))
    if group is None or not roles or not set(roles) <= set(relationship.roles):
        return bad_request("accessContainer must be a security group, and the roles those of the relationship.")
    if not any(known["id"] == group and known["securityEnabled"] for known in groups(call.tenant)):
        return bad_request("The access container does not exist.")
    if any(other.group == group and other.status not in REMOVED for other in relationship.assignments.values()):
        return _conflict("An access assignment for this access container already exists.")
    progress = StatusProgress(ASSIGNED, call.tenant.control.assignment_delay_seconds)
    assignment = AccessAssignment(str(uuid.uuid4()), group, roles, progress, datetime.now(UTC))
    relationship.assignments[assignment.id] = assignment
    return reply({**assignment.body, "status": "pending"}, 201)


def _for_assignment(change: Any) -> Answer:
    """The function for a change of the assignment in the path, which requires ``If-Match``."""

    def answer(call: Call) -> Response[Any]:
        relationship = relationship_in(call)
        assignment = relationship.assignments.get(call.arguments["assignment"]) if relationship else None
        if relationship is None or assignment is None or assignment.status == GONE:
            return not_found(call.arguments["assignment"])
        refused = _condition(call, assignment.etag)
        return change(call, relationship, assignment) if refused is None else refused

    return answer


def _reassign(call: Call, relationship: Relationship, assignment: AccessAssignment) -> Response[Any]:
    body = call.json() or {}
    roles = roles_in(body.get("accessDetails"))
    if body.keys() != {"accessDetails"} or not roles or not set(roles) <= set(relationship.roles):
        return bad_request("accessDetails must name roles of the relationship, and nothing else can be changed.")
    if relationship.status != "active":
        return bad_request("Groups can be assigned only while the relationship is active.")
    if set(roles) == set(assignment.roles):
        return reply(assignment.body)
    control: Control = call.tenant.control
    assignment.roles, assignment.version = roles, assignment.version + 1
    assignment.progress = StatusProgress(ASSIGNED, control.assignment_delay_seconds)
    operation, now = str(uuid.uuid4()), moment(datetime.now(UTC))
    made = {
        "id": operation,
        "operationType": "delegatedAdminAccessAssignmentUpdate",
        "data": msgspec.json.encode(assignment.body).decode(),
        "createdDateTime": now,
        "lastModifiedDateTime": now,
    }
    steps = StatusProgress(("notStarted", "running", "succeeded"), control.assignment_delay_seconds)
    relationship.operations[operation] = (made, steps)
    origin = str(call.request.base_url).rstrip("/")
    location = f"{origin}/v1.0{RELATIONSHIPS}/{relationship.id}/operations/{operation}"
    return reply(None, 202, {"Location": location, "Retry-After": "1"})


def _unassign(call: Call, relationship: Relationship, assignment: AccessAssignment) -> Response[Any]:
    assignment.progress = StatusProgress(REMOVED, call.tenant.control.assignment_delay_seconds)
    assignment.version += 1
    return reply(None, 204)


ROUTES: tuple[Route, ...] = (
    Route("POST", RELATIONSHIPS, _create, WRITE),
    Route("PATCH", ONE, _update, WRITE),
    Route("DELETE", ONE, _delete, WRITE),
    Route("POST", f"{ONE}/requests", _request, WRITE),
    Route("POST", ASSIGNMENTS, _assign, WRITE),
    Route("PATCH", f"{ASSIGNMENTS}/{{assignment}}", _for_assignment(_reassign), WRITE),
    Route("DELETE", f"{ASSIGNMENTS}/{{assignment}}", _for_assignment(_unassign), WRITE),
)
