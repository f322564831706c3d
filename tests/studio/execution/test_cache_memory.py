"""The memory tier: bytes by device, least recently used out first."""

from __future__ import annotations

import threading
from collections import OrderedDict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.execution.cache.memory import DEFAULT_BUDGET, ENTRY_BYTES, MemoryTier

UNIT = 1024


def block(units: int) -> dict[str, torch.Tensor]:
    return {"out": torch.empty(units * UNIT, dtype=torch.uint8)}


def on_meta(units: int) -> dict[str, torch.Tensor]:
    """Outputs on a device other than the CPU that every machine has."""
    return {"out": torch.empty(units * UNIT, dtype=torch.uint8, device="meta")}


keys = st.sampled_from("abcdefgh")
operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, st.integers(0, 3)),
        st.tuples(st.just("put"), keys, st.integers(0, 12)),
        st.tuples(st.just("get"), keys, st.just(0)),
        st.tuples(st.just("contains"), keys, st.just(0)),
        st.tuples(st.just("clear"), st.just("a"), st.just(0)),
    ),
    min_size=8,
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(operations=operations)
def test_it_is_an_lru_by_bytes(operations: list[tuple[str, str, int]]) -> None:
    budget = 10 * UNIT
    tier = MemoryTier({"cpu": budget})
    model: OrderedDict[str, tuple[int, dict[str, torch.Tensor]]] = OrderedDict()
    for name, key, units in operations:
        if name == "put":
            outputs = block(units)
            size = units * UNIT + ENTRY_BYTES
            model.pop(key, None)
            assert tier.put(key, outputs) == (size <= budget)
            if size <= budget:
                model[key] = (size, outputs)
                while sum(size for size, _ in model.values()) > budget:
                    model.popitem(last=False)
        elif name == "get":
            found = tier.get(key)
            if key in model:
                model.move_to_end(key)
                assert found is not None
                assert found["out"] is model[key][1]["out"]
            else:
                assert found is None
        elif name == "contains":
            assert tier.contains(key) == (key in model)
        else:
            tier.clear()
            model.clear()
        info = tier.info()
        assert info.entries == len(model)
        assert info.bytes.get("cpu", 0) == sum(size for size, _ in model.values()) <= budget
        assert tier.contains_many("abcdefghxyz") == set(model)


def test_what_was_read_stays_longer() -> None:
    tier = MemoryTier({"cpu": 3 * (UNIT + ENTRY_BYTES)})
    for key in "abc":
        tier.put(key, block(1))
    tier.get("a")
    tier.contains("b")
    tier.put("d", block(1))
    assert tier.contains_many("abcd") == {"a", "c", "d"}


def test_devices_have_budgets_of_their_own() -> None:
    tier = MemoryTier({"cpu": 10 * UNIT, "meta": 4 * UNIT})
    tier.put("on the cpu", block(4))
    tier.put("first", on_meta(3))
    tier.put("second", on_meta(3))
    assert tier.contains_many(["on the cpu", "first", "second"]) == {"on the cpu", "second"}
    assert tier.info().bytes == {"cpu": 6 * UNIT, "meta": 3 * UNIT}
    assert not tier.put("third", on_meta(5))
    assert MemoryTier().info().budget == {}
    assert tier.info().budget == {"cpu": 10 * UNIT, "meta": 4 * UNIT}


def test_a_device_without_a_budget_has_the_default() -> None:
    tier = MemoryTier()
    tier.put("a", block(1))
    assert tier.info().budget == {"cpu": DEFAULT_BUDGET}


def test_what_is_too_large_replaces_what_was_there() -> None:
    tier = MemoryTier({"cpu": 4 * UNIT})
    tier.put("a", block(1))
    assert not tier.put("a", block(9))
    assert tier.get("a") is None
    assert tier.info().bytes == {}


def test_the_callers_dict_is_not_the_tiers() -> None:
    tier = MemoryTier()
    given_outputs = {"a": 1}
    tier.put("key", given_outputs)
    given_outputs["a"] = 2
    found = tier.get("key")
    assert found == {"a": 1}
    found["a"] = 3
    assert tier.get("key") == {"a": 1}


@pytest.mark.parametrize("threads", [4])
def test_threads_leave_the_sums_right(threads: int) -> None:
    tier = MemoryTier({"cpu": 20 * UNIT})
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(300):
                key = "abcdefghij"[(step * (number + 3)) % 10]
                tier.put(key, block(step % 5))
                tier.get(key)
                if step % 100 == 99:
                    tier.clear()
        except BaseException as error:
            failures.append(error)

    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert not failures
    for key in "abcdefghij":
        tier.put(key, block(0))
    assert tier.info().bytes == {"cpu": 10 * ENTRY_BYTES}
    assert tier.info().entries == 10
