"""Garbage collection is paused only while a unit is scanned."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from passrole_checks.files.gc_pause import gc_paused
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources import terraform
from passrole_checks.sources.terraform.modules.module import Module

SAMPLES = Path(__file__).parents[2] / "sample_templates"
SAMPLE = SAMPLES / "001-any-role" / "cloudformation"


def test_thresholds_are_restored() -> None:
    """Also after an exception, and if the caller changed them."""
    before = gc.get_threshold()
    with pytest.raises(KeyError), gc_paused():
        assert gc.get_threshold()[0] > before[0]
        with gc_paused():
            pass
        assert gc.get_threshold()[0] > before[0]
        raise KeyError
    assert gc.get_threshold() == before
    try:
        gc.set_threshold(0)
        with gc_paused():
            assert gc.get_threshold()[0] == 0, "whoever has switched it off keeps it off"
    finally:
        gc.set_threshold(*before)


def test_scan_restores_the_thresholds() -> None:
    """A scan changes nothing for the program that it runs in."""
    before = gc.get_threshold(), gc.isenabled()
    scan_paths([SAMPLE], ScanOptions())
    assert (gc.get_threshold(), gc.isenabled()) == before


def test_evaluated_module_has_no_cycles() -> None:
    """It is freed without the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        found = terraform.load(SAMPLES / "modules" / "terraform")
        assert not any(isinstance(one, Module) for one in gc.get_objects())
        assert found.policies
    finally:
        gc.enable()
