"""tests/faults/README.md lists what the suite tries, and the suite tries all that design asks for."""

from __future__ import annotations

import pytest

from faults import catalogue

ASKED_FOR = (
    *("configuration", "impossible values", "missing, truncated, corrupt", "shape, kind or class", "full disk", "kill"),
    *("divergence", "memory", "no GPU", "two runs", "made to do harm"),
)


def test_every_kind_of_fault_is_tried() -> None:
    of = catalogue.faults()
    assert [test for test, fault in of.items() if not fault] == [], "give each test the mark `fault`"
    assert [asked for asked in ASKED_FOR if not any(asked in fault for fault in of.values())] == []


@pytest.mark.slow
def test_the_page_lists_the_suite_s_tests_and_cases() -> None:
    cases = catalogue.cases()
    assert cases.keys() == catalogue.faults().keys()
    assert sum(cases.values()) >= 50
    assert catalogue.page(cases, catalogue.faults()) == catalogue.PAGE.read_text(), "run tests/faults/catalogue.py"
