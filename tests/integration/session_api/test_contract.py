"""The contract, compared with the packaged copy, with the API description and with the answers of the service."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import yaml

from tests.integration.session_api.service import Api

CONTRACT = yaml.safe_load(files("session_api").joinpath("contract/openapi.yaml").read_text(encoding="utf-8"))


def operations() -> Iterator[tuple[str, str]]:
    for path, item in CONTRACT["paths"].items():
        for method in item:
            yield path, method


async def described(api: Api) -> dict[str, Any]:
    return dict((await api.client({}).get("/schema/openapi.json")).json())


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind its reference, and its one possibility besides null."""
    while "$ref" in schema:
        target: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    for word in ("oneOf", "anyOf"):
        others = [alternative for alternative in schema.get(word, []) if alternative.get("type") != "null"]
        if len(others) == 1:
            beside = {name: value for name, value in schema.items() if name != word}
            return {**beside, **resolved(document, others[0])}
    return schema


def assert_covers(ours: dict[str, Any], theirs: dict[str, Any], at: str, *, there: dict[str, Any]) -> None:
    """Our schema has the type, members, requirements and values of the contract's."""
    mine, contract = resolved(there, ours), resolved(CONTRACT, theirs)
    kind = mine.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    assert contract.get("type") in kinds or mine.get("enum"), (at, mine, contract)
    if "enum" in contract:
        assert set(mine["enum"]) - {None} == set(contract["enum"]), at
    if contract.get("type") == "array":
        assert_covers(mine["items"], contract["items"], f"{at}[]", there=there)
    for name, member in contract.get("properties", {}).items():
        assert name in mine["properties"], f"{at}.{name}"
        assert_covers(mine["properties"][name], member, f"{at}.{name}", there=there)
    assert set(contract.get("required", [])) <= set(mine.get("required", [])), at
    for bound in ("minimum", "maximum", "format"):
        if bound in contract:
            assert mine.get(bound) == contract[bound], f"{at} {bound}"


@pytest.mark.parametrize(("path", "method"), list(operations()))
async def test_the_services_own_description_covers_the_contract(api: Api, path: str, method: str) -> None:
    document, contract = await described(api), CONTRACT["paths"][path][method]
    ours = document["paths"][path][method]

    assert ours["summary"] == contract["summary"]
    for declared in contract["parameters"]:
        parameter = resolved(CONTRACT, declared)
        mine = next(
            described_parameter
            for described_parameter in ours["parameters"]
            if described_parameter["name"] == parameter["name"]
        )
        assert (mine["in"], mine.get("required", False)) == (parameter["in"], parameter["required"])
        assert_covers(mine["schema"], parameter["schema"], parameter["name"], there=document)
    for status, response in contract["responses"].items():
        mine = ours["responses"][status]["content"]["application/json"]["schema"]
        assert_covers(mine, response["content"]["application/json"]["schema"], status, there=document)
    if "requestBody" in contract:
        mine = ours["requestBody"]["content"]["application/json"]["schema"]
        theirs = contract["requestBody"]["content"]["application/json"]["schema"]
        assert_covers(mine, theirs, "body", there=document)


async def test_every_operation_declares_its_permission_and_its_errors(api: Api) -> None:
    document = await described(api)

    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert "default" in operation["responses"], (path, method)
            assert operation["summary"], (path, method)


async def test_path_parameters_are_named_as_in_the_contract(api: Api) -> None:
    document = await described(api)

    assert all("_" not in path for path in document["paths"])
    for path, item in document["paths"].items():
        for operation in item.values():
            named = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}


async def test_every_code_of_this_service_is_explained_on_its_page(api: Api) -> None:
    page = (await api.client({}).get("/schema")).text

    for code in ("EDIT_LOCKED", "BLOCKED_BY_RUN", "STEP_NOT_READY", "CREDENTIAL_NOT_A_REFERENCE"):
        assert f'id="{code}"' in page
