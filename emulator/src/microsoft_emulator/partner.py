"""Reads of the partner's tenant: relationships with customers, and the mappings of groups to roles."""

from typing import Any

from microsoft_emulator.ids import PARTNER_TENANT
from microsoft_emulator.query import Query
from microsoft_emulator.relationships import Relationship
from microsoft_emulator.routing import Call, Route, any_of, forbidden, not_found

RELATIONSHIPS = "/tenantRelationships/delegatedAdminRelationships"
ONE = f"{RELATIONSHIPS}/{{id}}"
ASSIGNMENTS = f"{ONE}/accessAssignments"
READ = any_of("DelegatedAdminRelationship.Read.All", "DelegatedAdminRelationship.ReadWrite.All")
MAX_TOP = 300
GONE = "deleted"


def of_partner(call: Call) -> bool:
    """True if the token is for the partner's tenant: no other tenant has relationships as a partner."""
    return call.tenant.guid == PARTNER_TENANT


def relationship_in(call: Call) -> Relationship | None:
    """The relationship in the path."""
    return call.tenants.relationship(call.arguments["id"]) if of_partner(call) else None


def _list(call: Call) -> Any:
    if not of_partner(call):
        return forbidden()
    wanted = call.filter_of("customer/tenantId")
    customer = call.tenants.of(wanted) if wanted else None  # creates the tenant, with its relationship
    overridden = customer.control.overrides.get(RELATIONSHIPS) if customer else None
    if overridden is not None:
        return overridden
    known = call.tenants.relationships()
    if customer is not None:
        known = (kept for kept in known if kept.customer is not None and kept.customer.lower() == customer.guid)
    return [relationship.body for relationship in known]


def _one(call: Call) -> Any:
    relationship = relationship_in(call)
    return relationship.body if relationship else not_found(call.arguments["id"])


def _assignments(call: Call) -> Any:
    overridden = call.tenants.override_of(call.path) if of_partner(call) else None
    if overridden is not None:
        return overridden
    relationship = relationship_in(call)
    if relationship is None:
        return not_found(call.arguments["id"])
    return [assignment.body for assignment in relationship.assignments.values() if assignment.status != GONE]


def _assignment(call: Call) -> Any:
    relationship = relationship_in(call)
    assignment = relationship.assignments.get(call.arguments["assignment"]) if relationship else None
    if assignment is None or assignment.status == GONE:
        return not_found(call.arguments["assignment"])
    return assignment.body


def _requests(call: Call) -> Any:
    relationship = relationship_in(call)
    if relationship is None:
        return not_found(call.arguments["id"])
    return [{**body, "status": progress.status} for body, progress in relationship.requests.values()]


def _one_request(call: Call) -> Any:
    relationship = relationship_in(call)
    request = relationship.requests.get(call.arguments["request"]) if relationship else None
    if request is None:
        return not_found(call.arguments["request"])
    body, progress = request
    return {**body, "status": progress.status}


def _operation(call: Call) -> Any:
    relationship = relationship_in(call)
    operation = relationship.operations.get(call.arguments["operation"]) if relationship else None
    if operation is None:
        return not_found(call.arguments["operation"])
    body, progress = operation
    return {**body, "status": progress.status}


_FILTERS = frozenset({"customer/tenantId eq", "status eq", "displayName eq"})

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        RELATIONSHIPS,
        _list,
        READ,
        Query(type="DelegatedAdminRelationship", filters=_FILTERS, max_top=MAX_TOP),
    ),
    Route("GET", ONE, _one, READ, Query(type="DelegatedAdminRelationship")),
    Route("GET", ASSIGNMENTS, _assignments, READ, Query(type="DelegatedAdminAccessAssignment", max_top=MAX_TOP)),
    Route("GET", f"{ASSIGNMENTS}/{{assignment}}", _assignment, READ, Query(type="DelegatedAdminAccessAssignment")),
    Route("GET", f"{ONE}/requests", _requests, READ, Query(type="DelegatedAdminRelationshipRequest", max_top=MAX_TOP)),
    Route("GET", f"{ONE}/requests/{{request}}", _one_request, READ, Query(type="DelegatedAdminRelationshipRequest")),
    Route(
        "GET", f"{ONE}/operations/{{operation}}", _operation, READ, Query(type="DelegatedAdminRelationshipOperation")
    ),
)
