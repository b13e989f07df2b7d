"""The verification of a chain: every kind of tampering has its own finding."""

from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_store.domain.chain import EMPTY, GENESIS, Head, StoredEvidence, seal_of
from evidence_store.domain.verification import Anchor, BreakKind, ChainReader, ChainVerdict
from tests.support.evidence_chains import NOW, TENANT, chain, chain_of, result

Rows = list[StoredEvidence]


def verify(
    tenant_id: int, rows: Iterable[StoredEvidence], head: Head | None, anchor: Anchor | None = None
) -> ChainVerdict:
    reader = ChainReader(tenant_id, anchor)
    reader.read(rows)
    return reader.finish(head)


def break_of(verdict: ChainVerdict) -> tuple[int, int | None, str]:
    assert verdict.broken is not None
    return verdict.broken.position, verdict.broken.evidence_id, verdict.broken.kind.value


def resealed(rows: Rows, start: int) -> tuple[Rows, Head]:
    """The chain sealed again from an index on, as by an attacker who knows the rule."""
    done = list(rows[:start])
    seal = done[-1].seal if done else GENESIS
    for row in rows[start:]:
        done.append(row._replace(previous_seal=seal, seal=seal_of(seal, row.record)))
        seal = done[-1].seal
    return done, Head(len(done), seal)


def test_an_untouched_chain_is_verified_with_its_length_and_head() -> None:
    rows, head = chain_of(3)
    assert verify(TENANT, rows, head) == ChainVerdict(3, rows[2].seal, None)


def test_a_chain_that_never_began_is_verified_as_empty() -> None:
    assert verify(TENANT, [], None) == ChainVerdict(0, GENESIS, None)
    assert verify(TENANT, [], EMPTY) == ChainVerdict(0, GENESIS, None)


def test_an_edited_record_is_named() -> None:
    rows, head = chain_of(3)
    rows[1] = rows[1]._replace(record=rows[1].record.replace(b'"ok"', b'"warn"'))
    verdict = verify(TENANT, rows, head)
    assert break_of(verdict) == (2, 1002, "record_edited")
    assert (verdict.length, verdict.seal) == (1, rows[0].seal)


def test_an_edited_and_resealed_record_breaks_the_next_link() -> None:
    rows, head = chain_of(3)
    record = rows[1].record.replace(b'"E5"', b'"E7"')
    rows[1] = rows[1]._replace(record=record, seal=seal_of(rows[1].previous_seal, record))
    assert break_of(verify(TENANT, rows, head)) == (3, 1003, "link_broken")


def test_an_edited_and_resealed_last_record_differs_from_the_head() -> None:
    rows, head = chain_of(3)
    record = rows[2].record.replace(b'"E5"', b'"E7"')
    rows[2] = rows[2]._replace(record=record, seal=seal_of(rows[2].previous_seal, record))
    assert break_of(verify(TENANT, rows, head)) == (3, None, "head_differs")


def test_sealed_bytes_that_are_no_record_are_named() -> None:
    rows, head = chain_of(2)
    for record in (b"\xff", b"[]", b"{", b"[" * 100_000):
        rows[1] = rows[1]._replace(record=record, seal=seal_of(rows[1].previous_seal, record))
        assert break_of(verify(TENANT, rows, head)) == (2, 1002, "record_edited")


@pytest.mark.parametrize("index", [0, 1])
def test_a_missing_record_is_named_by_its_position(index: int) -> None:
    rows, head = chain_of(3)
    del rows[index]
    assert break_of(verify(TENANT, rows, head)) == (index + 1, None, "position_missing")


def test_records_that_changed_places_are_named() -> None:
    rows, head = chain_of(3)
    rows[1], rows[2] = rows[2]._replace(position=2), rows[1]._replace(position=3)
    assert break_of(verify(TENANT, rows, head)) == (2, 1003, "reordered")


def test_a_row_before_the_first_position_is_named() -> None:
    rows, head = chain_of(2)
    assert break_of(verify(TENANT, [rows[0]._replace(position=0), *rows], head)) == (0, 1001, "reordered")


def test_a_record_that_was_sealed_onto_another_chain_is_named() -> None:
    rows, head = chain_of(3)
    strange = b"\x01" * 32
    rows[1] = rows[1]._replace(previous_seal=strange, seal=seal_of(strange, rows[1].record))
    assert break_of(verify(TENANT, rows, head)) == (2, 1002, "link_broken")


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_cut_tail_is_named_by_its_first_missing_position(kept: int) -> None:
    rows, head = chain_of(3)
    assert break_of(verify(TENANT, rows[:kept], head)) == (kept + 1, None, "tail_cut")


def test_records_that_the_head_does_not_know_are_named() -> None:
    rows, _ = chain_of(3)
    assert break_of(verify(TENANT, rows, Head(2, rows[1].seal))) == (3, None, "beyond_head")


def test_a_head_that_was_removed_is_named() -> None:
    rows, _ = chain_of(3)
    assert break_of(verify(TENANT, rows, None)) == (3, None, "head_missing")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", 7),
        ("tenant_id", 43),
        ("run_id", 7),
        ("task_type", "app.consent"),
        ("status", "fail"),
        ("reason_code", "OTHER"),
        ("session_id", None),
        ("recorded_at", NOW + timedelta(microseconds=1)),
    ],
)
def test_a_column_that_differs_from_the_sealed_bytes_is_named(column: str, value: object) -> None:
    rows, head = chain_of(3)
    rows[1] = rows[1]._replace(**{column: value})
    verdict = verify(TENANT, rows, head)
    assert break_of(verdict) == (2, rows[1].id, "column_differs")
    assert f"column {column} " in verdict.broken.detail


def test_another_tenants_whole_chain_is_not_this_ones() -> None:
    rows, head = chain_of(3)
    assert break_of(verify(43, rows, head)) == (1, 1001, "column_differs")


def test_a_tail_cut_with_its_head_contradicts_an_anchor() -> None:
    rows, _ = chain_of(3)
    cut, head = rows[:1], Head(1, rows[0].seal)
    assert verify(TENANT, cut, head).broken is None
    assert break_of(verify(TENANT, cut, head, Anchor(3, rows[2].seal))) == (2, None, "tail_cut")


def test_a_completely_resealed_chain_contradicts_an_anchor() -> None:
    rows, _ = chain_of(3)
    remembered = Anchor(2, rows[1].seal)
    rows[1] = rows[1]._replace(record=rows[1].record.replace(b'"E5"', b'"E7"'))
    forged, head = resealed(rows, 1)
    assert verify(TENANT, forged, head).broken is None
    assert break_of(verify(TENANT, forged, head, remembered)) == (2, None, "anchor_differs")


def test_an_emptied_chain_contradicts_an_anchor() -> None:
    rows, _ = chain_of(3)
    assert break_of(verify(TENANT, [], None, Anchor(3, rows[2].seal))) == (1, None, "tail_cut")


def test_an_anchor_from_earlier_fits_a_chain_that_grew() -> None:
    rows, head = chain_of(5)
    assert verify(TENANT, rows, head, Anchor(2, rows[1].seal)).broken is None
    assert verify(TENANT, rows, head, Anchor(0, GENESIS)).broken is None


def test_an_anchor_at_zero_must_be_the_genesis() -> None:
    rows, head = chain_of(1)
    assert break_of(verify(TENANT, rows, head, Anchor(0, b"\x01" * 32))) == (0, None, "anchor_differs")


# -- every tampering, wherever it strikes ---------------------------------------------------------------------------

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
payloads = st.dictionaries(text, json_values, max_size=3)
chains = st.lists(payloads, min_size=1, max_size=6).map(
    lambda bodies: chain([result(100 + number, payload=payload) for number, payload in enumerate(bodies)])
)
Tampering = Callable[[Rows, Head, st.DataObject], tuple[Rows, Head]]


def flip_a_bit(field: str) -> Tampering:
    def tamper(rows: Rows, head: Head, data: st.DataObject) -> tuple[Rows, Head]:
        index = data.draw(st.integers(0, len(rows) - 1))
        content = bytearray(getattr(rows[index], field))
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        rows[index] = rows[index]._replace(**{field: bytes(content)})
        return rows, head

    return tamper


def remove_some(rows: Rows, head: Head, data: st.DataObject) -> tuple[Rows, Head]:
    removed = data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=1))
    return [row for index, row in enumerate(rows) if index not in removed], head


def renumber_after_removal(rows: Rows, head: Head, data: st.DataObject) -> tuple[Rows, Head]:
    kept, _ = remove_some(rows, head, data)
    moved = [row._replace(position=number) for number, row in enumerate(kept, start=1)]
    return moved, Head(len(moved), moved[-1].seal if moved else head.seal)


def shuffle(rows: Rows, head: Head, data: st.DataObject) -> tuple[Rows, Head]:
    order = data.draw(st.permutations(range(len(rows))).filter(lambda chosen: chosen != sorted(chosen)))
    return [rows[old]._replace(position=new) for new, old in enumerate(order, start=1)], head


def repeat_one(rows: Rows, head: Head, data: st.DataObject) -> tuple[Rows, Head]:
    row = data.draw(st.sampled_from(rows))
    return [*rows, row._replace(position=len(rows) + 1)], Head(len(rows) + 1, row.seal)


def turn_back_the_head(rows: Rows, head: Head, data: st.DataObject) -> tuple[Rows, Head]:
    length = data.draw(st.integers(0, len(rows) - 1))
    return rows, Head(length, rows[length - 1].seal if length else GENESIS)


@pytest.mark.parametrize(
    "tamper",
    [
        flip_a_bit("record"),
        flip_a_bit("seal"),
        flip_a_bit("previous_seal"),
        remove_some,
        repeat_one,
        turn_back_the_head,
    ],
)
@given(made=chains, data=st.data())
def test_no_tampering_goes_unseen(tamper: Tampering, made: tuple[Rows, Head], data: st.DataObject) -> None:
    rows, head = made
    assert verify(TENANT, rows, head).broken is None
    assert verify(TENANT, *tamper(list(rows), head, data)).broken is not None


@given(made=chains.filter(lambda made: len(made[0]) > 1), data=st.data())
def test_no_new_order_goes_unseen(made: tuple[Rows, Head], data: st.DataObject) -> None:
    assert verify(TENANT, *shuffle(list(made[0]), made[1], data)).broken is not None


@given(made=chains, data=st.data())
def test_every_cut_is_found_even_after_renumbering_and_resealing(made: tuple[Rows, Head], data: st.DataObject) -> None:
    rows, head = made
    left, forged = renumber_after_removal(list(rows), head, data)
    verdict = verify(TENANT, left, forged, Anchor(head.length, head.seal))
    assert verdict.broken is not None


@given(made=chains)
def test_honest_chains_are_verified_whatever_their_payloads(made: tuple[Rows, Head]) -> None:
    rows, head = made
    assert verify(TENANT, rows, head, Anchor(head.length, head.seal)) == ChainVerdict(head.length, head.seal, None)


def test_the_kinds_of_breaks_are_these() -> None:
    assert {kind.value for kind in BreakKind} == {
        "record_edited",
        "column_differs",
        "position_missing",
        "reordered",
        "link_broken",
        "tail_cut",
        "beyond_head",
        "head_differs",
        "head_missing",
        "anchor_differs",
    }
