"""Writes that come together are committed together, and none suffers from another."""

import threading

import pytest

from robofeed.data.errors import Busy, DataError
from robofeed.data.group_commit import GroupCommit


class Disk:
    """Holds the first commit until all others wait; refuses items below zero."""

    def __init__(self):
        self.batches = []
        self.stored = []
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.busy = False

    def commit(self, items):
        self.batches.append(list(items))
        if len(self.batches) == 1:
            self.begun.set()
            assert self.go_on.wait(60)
            return [item * 10 for item in items]
        if self.busy:
            raise Busy("held by somebody else")
        if any(item < 0 for item in items):
            raise DataError("cannot be stored")
        self.stored += items
        return [DataError(f"no {item}") if item == 7 else item * 10 for item in items]


def together(disk, items):
    """Call with all `items` at once while a first commit is going on; outcomes by item."""
    group = GroupCommit(disk.commit)
    outcomes = {}

    def call(item):
        try:
            outcomes[item] = group(item)
        except DataError as error:
            outcomes[item] = error

    threads = [threading.Thread(target=call, args=(item,)) for item in (0, *items)]
    threads[0].start()
    assert disk.begun.wait(60)
    for thread in threads[1:]:
        thread.start()
    while len(group._waiting) < len(items):
        pass
    disk.go_on.set()
    for thread in threads:
        thread.join()
    return outcomes


def test_all_who_waited_are_in_the_next_commit_and_each_gets_its_own_result():
    disk = Disk()
    outcomes = together(disk, [1, 2, 3, 7])
    assert [sorted(batch) for batch in disk.batches] == [[0], [1, 2, 3, 7]]
    assert str(outcomes.pop(7)) == "no 7"
    assert outcomes == {0: 0, 1: 10, 2: 20, 3: 30}


def test_what_cannot_be_stored_keeps_no_other_from_it():
    disk = Disk()
    outcomes = together(disk, [1, -5, 3])
    assert sorted(disk.stored) == [1, 3]
    assert isinstance(outcomes.pop(-5), DataError)
    assert outcomes == {0: 0, 1: 10, 3: 30}


def test_where_nothing_can_be_stored_nobody_waits_for_each_in_turn():
    disk = Disk()
    disk.busy = True
    outcomes = together(disk, [1, 2, 3])
    assert len(disk.batches) == 2
    errors = [outcomes[item] for item in (1, 2, 3)]
    assert all(isinstance(error, Busy) for error in errors)
    assert len({id(error) for error in errors}) == 3


def test_several_of_one_caller_are_one_commit_with_an_outcome_for_each():
    disk = Disk()
    disk.go_on.set()
    group = GroupCommit(disk.commit)
    assert group.each([]) == []
    assert group.each([1, 2]) == [10, 20]
    (one, refused, other) = group.each([3, -1, 4])
    assert (one, other) == (30, 40)
    assert isinstance(refused, DataError)
    assert disk.batches == [[1, 2], [3, -1, 4], [3], [-1], [4]]


def test_ctrl_c_in_the_thread_that_writes_for_others_does_not_lose_them():
    interrupted = []

    def commit(items):
        if not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        return list(items)

    group = GroupCommit(commit)
    with pytest.raises(KeyboardInterrupt):
        group(1)
    assert group(2) == 2
