"""The collector of cycles is held back while asked, passes over what is kept, and comes back."""

from __future__ import annotations

import gc
import threading
from weakref import ref

import pytest

from studio.collector import Keepsake, held_back


class Ring:
    """A cycle of itself."""

    def __init__(self) -> None:
        self.me = self


def test_it_is_off_inside_and_on_again_afterwards() -> None:
    with held_back():
        assert not gc.isenabled()
        with held_back():
            pass
        assert not gc.isenabled(), "the outer one still holds"
    assert gc.isenabled()


def test_an_error_lets_go_of_it() -> None:
    with pytest.raises(KeyError), held_back():
        raise KeyError
    assert gc.isenabled()


def test_the_last_of_several_threads_turns_it_on() -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with held_back():
            inside.set()
            assert leave.wait(5)

    with held_back():
        thread = threading.Thread(target=hold)
        thread.start()
        assert inside.wait(5)
    assert not gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_it_stays_off_where_it_was() -> None:
    gc.disable()
    try:
        with held_back():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_is_kept_is_passed_over_until_none_is() -> None:
    kept, other = Keepsake(), Keepsake()
    kept.begin()
    assert not gc.isenabled()
    ring = Ring()
    gone = ref(ring)
    kept.made()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    other.begin()
    other.made()
    del ring
    gc.collect()
    assert gone() is not None
    kept.end()
    kept.end()
    assert gc.get_freeze_count() > 0, "the other one is kept"
    other.end()
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert gone() is None


def test_one_that_is_given_up_half_made_lets_go() -> None:
    kept = Keepsake()
    kept.begin()
    kept.end()
    assert gc.isenabled()
    kept.made()
    assert gc.get_freeze_count() == 0
