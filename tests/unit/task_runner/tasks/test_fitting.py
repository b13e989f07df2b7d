"""The cutting of payloads that are too large, at their longest lists, with a note of each cut."""

import hashlib
import time
from typing import Any

import msgspec
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from task_runner.tasks.fitting import fitted


def size(payload: Any) -> int:
    return len(msgspec.json.encode(payload))


def test_a_payload_that_fits_stays_as_it_is() -> None:
    payload = {"users": list(range(100)), "name": "x" * 300}
    assert fitted(payload, size(payload)) == payload


def test_the_longest_list_is_shortened_and_the_rest_stays_whole() -> None:
    payload = {"users": [f"user-{number:05}" for number in range(5000)], "policies": [1, 2, 3], "name": "Contoso"}

    cut = fitted(payload, 8000)

    kept = len(cut["users"])
    assert cut["users"] == payload["users"][:kept]
    assert (cut["policies"], cut["name"]) == ([1, 2, 3], "Contoso")
    assert cut["truncated"]["cuts"] == [{"at": "users", "kept": kept, "of": 5000}]
    assert cut["truncated"]["shortened"] == 1
    assert 8000 - 2 * len('"user-00000",') < size(cut) <= 8000, "as much is kept as there is room for"


def test_a_cut_payload_tells_size_and_hash_of_the_whole() -> None:
    payload = {"b": "y" * 1000, "a": list(range(1000))}

    marker = fitted(payload, 2000)["truncated"]

    whole = msgspec.json.encode(payload, order="sorted")
    assert (marker["bytes"], marker["sha256"]) == (len(whole), hashlib.sha256(whole).hexdigest())


def test_a_list_inside_a_list_is_named_by_its_place() -> None:
    payload = {"groups": [{"id": "a", "members": ["m"] * 9000}, {"id": "b", "members": ["n"]}]}

    cut = fitted(payload, 4000)

    assert [group["id"] for group in cut["groups"]] == ["a", "b"]
    assert cut["groups"][1] == {"id": "b", "members": ["n"]}
    assert [cut_list["at"] for cut_list in cut["truncated"]["cuts"]] == ["groups[0].members"]


def test_a_long_text_is_cut_with_a_sign() -> None:
    cut = fitted({"page": "x" * 100_000, "status": 200}, 10_000)

    assert cut["status"] == 200
    assert set(cut["page"][:-1]) == {"x"} and cut["page"].endswith("…")


def test_of_many_members_the_first_are_kept() -> None:
    cut = fitted({"by_user": {f"user-{number}": True for number in range(10_000)}}, 10_000)

    kept = cut["by_user"]
    assert list(kept) == [f"user-{number}" for number in range(len(kept))] and len(kept) > 300


def test_only_the_first_places_are_named_and_all_are_counted() -> None:
    cut = fitted({"members_of": {f"group-{number}": list(range(1000)) for number in range(50)}}, 20_000)

    assert (len(cut["truncated"]["cuts"]), cut["truncated"]["shortened"]) == (20, 50)


def test_an_uncuttable_payload_keeps_the_numbers_of_its_top_level() -> None:
    many: Any = {f"key-{number}": "x" * 250 for number in range(64)}
    for _ in range(3):
        many = {f"key-{number}": many for number in range(12)}

    cut = fitted({"deep": many, "count": 7, "ok": False}, 70_000)

    assert {name: cut[name] for name in cut if name != "truncated"} == {"count": 7, "ok": False}
    assert cut["truncated"]["cuts"] == [{"at": "", "kept": 2, "of": 3}]


def test_a_payload_of_many_megabytes_is_cut_in_a_moment() -> None:
    payload = {"rows": [{"id": number, "name": "somebody"} for number in range(200_000)]}
    began = time.process_time()

    assert size(fitted(payload, 256 * 1024)) <= 256 * 1024
    assert time.process_time() - began < 2


SHAPES = {
    "text": lambda length, inner: "x" * length,
    "escaped": lambda length, inner: "\x01" * length,
    "numbers": lambda length, inner: list(range(length)),
    "rows": lambda length, inner: [inner] * min(length, 50),
    "members": lambda length, inner: {f"member-{number}": number for number in range(length)},
    "objects": lambda length, inner: {f"\x01{number}": inner for number in range(min(length, 90))},
}
"""The rules that make a member of a length and the member before: a recipe stays small where its payload is large."""

recipes = st.lists(st.tuples(st.sampled_from(sorted(SHAPES)), st.integers(0, 3000)), max_size=4)


@settings(deadline=None, max_examples=60, phases=[Phase.generate])
@given(recipes, st.integers(0, 300))
def test_whatever_comes_fits(recipe: list[tuple[str, int]], name_length: int) -> None:
    payload: dict[str, Any] = {"count": 1}
    made: Any = None
    for shape, length in recipe:
        made = SHAPES[shape](length, made)
        payload[f"{len(payload)}{chr(1) * name_length}"] = made
        assume(size(payload) < 2_000_000)

    cut = fitted(payload, 64 * 1024)

    assert size(cut) <= 64 * 1024
    assert ("truncated" in cut) == (size(payload) > 64 * 1024)
