#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may go on while a run of the Python module computes: everybody, but inside the functions that were given to it.

    PYTHONPATH=build/python .venv/bin/python tests/python/threads_test.py --program build/gamut
"""
import threading
import time
import unittest

import support
from support import TINY, Files, warmth

import gamut


class Watch(threading.Thread):
    """Wakes every two milliseconds, which takes the interpreter's lock, and keeps when it did."""

    def __init__(self):
        super().__init__()
        self.ticks, self.over = [], threading.Event()

    def run(self):
        while not self.over.is_set():
            self.ticks.append(time.monotonic())
            time.sleep(0.002)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def longest_gap(self, begin, end):
        ticks = [begin, *(t for t in self.ticks if begin < t < end), end]
        return max(b - a for a, b in zip(ticks, ticks[1:]))


class Threads(Files):
    def late(self, seconds):
        """How late a thread may wake that sleeps: 7 ms were seen on a machine with four programs per core; a rollout, a decoding, an
        update that kept the lock would be ten times as long."""
        return max(0.1, 0.02 * seconds)

    def test_the_lock_is_free_in_every_part_of_an_iteration(self):
        inside, ends = [], []

        def timed(function):
            def call(*arguments):
                begin = time.monotonic()
                result = function(*arguments)
                inside.append((begin, time.monotonic()))
                return result
            return call

        slow = {"iterations": 2, "rollout.group_size": 32, "rollout.micro_batch": 64, "sampler.steps": 60, "schedule.count": 30,
                "eval.members": 32, "eval.steps": 60}
        with Watch() as watch:
            self.train("run", reward=timed(warmth), judge=timed(warmth), on_step=timed(lambda row: ends.append(time.monotonic())),
                       on_evaluation=timed(lambda row: None), set=slow)
        row, end = gamut.read_run(self.home / "run")[0][1], ends[1]
        self.assertGreater(min(row["seconds_rollout"], row["seconds_update"]), 0.3)
        in_functions = max(b - a for a, b in inside)
        self.assertLess(watch.longest_gap(end - row["seconds_total"], end), in_functions + self.late(row["seconds_total"]))

    def test_the_lock_is_free_while_pictures_are_drawn(self):
        model = gamut.Model(TINY)
        with Watch() as watch:
            begin = time.monotonic()
            model.sample("the letter K", n=64, steps=100)
            end = time.monotonic()
        self.assertGreater(end - begin, 0.3)
        self.assertLess(watch.longest_gap(begin, end), self.late(end - begin))

    def run_in_threads(self, *names):
        errors = []

        def run(name):
            try:
                self.train(name, reward=warmth, judge=warmth)
            except gamut.Error as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return errors

    def test_two_runs_on_two_folders_go_side_by_side(self):
        self.assertEqual(self.run_in_threads("one", "two"), [])
        alone = {**self.set}
        self.train("alone", reward=warmth, judge=warmth, set=alone)

        def rows(name):
            return [{k: v for k, v in row.items() if not k.startswith("seconds")} for row in gamut.read_run(self.home / name)[0]]

        self.assertEqual(rows("one"), rows("alone"))
        self.assertEqual(rows("two"), rows("alone"))

    def test_two_runs_on_one_folder_are_refused(self):
        errors = self.run_in_threads("same", "same")
        self.assertEqual(len(errors), 1)
        self.assertRegex(str(errors[0]), r"^\[\w+\] [^\n]*same[^\n]*$")
        self.assertEqual(len(gamut.read_run(self.home / "same")[0]), 2)


if __name__ == "__main__":
    support.main()
