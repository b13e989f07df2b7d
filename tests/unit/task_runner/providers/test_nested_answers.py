import base64

import pytest

from task_runner.providers.batches import responses_in
from task_runner.providers.tokens import roles_claim
from task_runner.tasks import CannotTell

NESTED = b"[" * 100_000 + b"]" * 100_000


def test_a_deeply_nested_answer_to_a_batch_is_invalid() -> None:
    with pytest.raises(CannotTell) as raised:
        responses_in(b'{"more":' + NESTED + b"}", ["1"])
    assert raised.value.reason_code == "GRAPH_RESPONSE_INVALID"


def test_a_deeply_nested_access_token_names_no_permission() -> None:
    payload = base64.urlsafe_b64encode(b'{"more":' + NESTED + b"}").rstrip(b"=").decode()
    assert roles_claim(f"e30.{payload}.") is None
