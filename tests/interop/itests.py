"""Runs slixmpp's own integration tests and compares them with a committed baseline.

The baseline is a ratchet: a test that begins to fail and one that begins to pass are both changes, and both have to be
committed. Lines are `passed NAME`, `failed NAME # why`, `excluded NAME # why`; an excluded test is not run.
"""

import argparse
import importlib
import logging
import pathlib
import sys
import unittest

STATES = ("passed", "failed", "excluded")


class Verdicts(unittest.TextTestResult):
    """Remembers one state for each test."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.states = {}

    def addSuccess(self, test):
        super().addSuccess(test)
        self.states[name_of(test)] = "passed"

    def addError(self, test, err):
        super().addError(test, err)
        self.states[name_of(test)] = "failed"

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.states[name_of(test)] = "failed"

    def addSkip(self, test, reason):
        # A test that skips itself has shown nothing: it has to be excluded with a reason, or it counts as failed.
        super().addSkip(test, reason)
        self.states[name_of(test)] = "failed"


def name_of(test):
    return test.id().removeprefix("itests.")


def read_baseline(path):
    """The state and the reason of each test named in the file."""
    baseline = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        rule, _, reason = line.partition("#")
        state, name = rule.split()
        if state not in STATES or (state != "passed" and not reason.strip()):
            sys.exit(f"{path}:{number}: expected one of {STATES}, a name, and a reason unless it passed")
        baseline[name] = (state, reason.strip())
    return baseline


def collect(folder):
    """Every test of the suite, by name."""
    sys.path.insert(0, str(folder))
    found = {}
    for file in sorted((folder / "itests").glob("test_*.py")):
        for test in importlib.import_module(f"itests.{file.stem}").suite:
            found[name_of(test)] = test
    return found


def report_changes(baseline, states):
    changes = []
    for name in sorted(baseline.keys() | states.keys()):
        before, reason = baseline.get(name, ("unknown", ""))
        now = states.get(name, "gone")
        if before != now:
            changes.append(f"  {name}: {before} before, {now} now{'  # ' + reason if reason else ''}")
    if changes:
        print("differs from the baseline, which has to say so:", *changes, sep="\n")
    return not changes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", type=pathlib.Path, help="the folder that holds itests/")
    parser.add_argument("baseline", type=pathlib.Path)
    parser.add_argument("--only", default="", help="run the tests whose name holds this, without a comparison")
    arguments = parser.parse_args()

    logging.disable(logging.CRITICAL)
    baseline = read_baseline(arguments.baseline)
    tests = collect(arguments.suite)
    excluded = {name for name in tests if baseline.get(name, ("", ""))[0] == "excluded"}
    chosen = [test for name, test in tests.items() if name not in excluded and arguments.only in name]
    result = unittest.TextTestRunner(verbosity=2, resultclass=Verdicts).run(unittest.TestSuite(chosen))

    states = result.states | dict.fromkeys(excluded, "excluded")
    tally = ", ".join(f"{list(states.values()).count(state)} {state}" for state in STATES)
    same = bool(arguments.only) or report_changes(baseline, states)
    print(f"slixmpp integration tests: {tally}; {'as' if same else 'NOT as'} the baseline says")
    sys.exit(not same)


if __name__ == "__main__":
    main()
