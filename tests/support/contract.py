"""Answers held against the copy of the contract that the session API carries."""

from importlib.resources import files
from typing import Any

import httpx2
import yaml
from jsonschema import Draft202012Validator

CONTRACT: dict[str, Any] = yaml.safe_load(
    files("session_api").joinpath("contract/openapi.yaml").read_text(encoding="utf-8")
)


def _as_json_schema(schema: Any) -> Any:
    """OpenAPI 3.0 writes `nullable: true` where JSON Schema writes a second type."""
    if isinstance(schema, list):
        return [_as_json_schema(subschema) for subschema in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _as_json_schema(value) for key, value in schema.items() if key != "nullable"}
    if schema.get("nullable") is True and isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
    return plain


_PLAIN = _as_json_schema(CONTRACT)


def assert_as_in_contract(answer: httpx2.Response, method: str, path: str) -> None:
    """Assert that status, content type and body are those of the operation in the contract, and that times are UTC."""
    responses = _PLAIN["paths"][path][method]["responses"]
    assert str(answer.status_code) in responses, f"{answer.status_code} is not in the contract: {answer.text}"
    assert answer.headers["content-type"].split(";")[0] == "application/json"
    schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
    body = answer.json()
    errors = Draft202012Validator(
        {**schema, "components": _PLAIN["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    ).iter_errors(body)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []
    for moment in _moments(body):
        assert moment.endswith("Z"), f"{moment} is not UTC"


def _moments(body: Any) -> list[str]:
    if isinstance(body, list):
        return [moment for item in body for moment in _moments(item)]
    if not isinstance(body, dict):
        return []
    own = [value for key, value in body.items() if key in ("locked_until", "recorded_at") and value is not None]
    return own + [moment for value in body.values() for moment in _moments(value)]
