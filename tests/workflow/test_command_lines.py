"""What every command's options have in common, whatever they are for."""

from __future__ import annotations

import argparse
import importlib

import pytest

from support import ROOT

COMMANDS = sorted(
    path.stem
    for folder in ("scripts", "tools")
    for path in (ROOT / folder).glob("*.py")
    if "\ndef arguments() -> argparse.ArgumentParser:" in path.read_text()
)
MANY = ("*", "+", argparse.REMAINDER)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_option_takes_what_was_meant_for_another_or_forgets_what_it_was_given(command: str) -> None:
    """An option of many values takes all values up to the next option, and what it is given twice it must join."""
    actions = importlib.import_module(command).arguments()._actions
    positional = [action for action in actions if not action.option_strings]
    for option in (action for action in actions if action.option_strings and action.nargs in MANY):
        assert not positional, f"{option.option_strings[0]} eats what follows it"
        assert isinstance(option, argparse._ExtendAction), f"{option.option_strings[0]} forgets what came before"


def test_the_commands_are_looked_at() -> None:
    assert {"run_cell", "run_pipeline", "run_slice", "plan", "adopt_rows"} <= set(COMMANDS)
