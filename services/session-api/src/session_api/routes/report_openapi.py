"""Describes the other forms of a report beside its JSON."""

from typing import Any

from litestar.openapi.spec import Example, OpenAPI, OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema

from session_api.routes import csv_text, report_oscal

OPERATION = "getSessionReport"
_TABLE = "tenant_id,customer,session_id,…\r\n42,Contoso,3,…\r\n"
_PAGE = '<!doctype html><html lang="en">…</html>'


def describe_forms_of_report(document: OpenAPI) -> None:
    """Add the media types of the HTML, CSV and OSCAL forms, each with an example."""
    operation = _operation(document)
    answer = (operation.responses or {})["200"]
    if isinstance(answer, OpenAPIResponse):
        answer.content = {
            **(answer.content or {}),
            "text/html": _media(OpenAPIType.STRING, _PAGE),
            csv_text.MEDIA_TYPE: _media(OpenAPIType.STRING, _TABLE),
            report_oscal.MEDIA_TYPE: _media(OpenAPIType.OBJECT, {"assessment-results": {}}),
        }


def _media(kind: OpenAPIType, example: Any) -> OpenAPIMediaType:
    return OpenAPIMediaType(schema=Schema(type=kind), examples={"example": Example(value=example)})


def _operation(document: OpenAPI) -> Operation:
    operations = (item.get for item in (document.paths or {}).values())
    return next(operation for operation in operations if operation and operation.operation_id == OPERATION)
