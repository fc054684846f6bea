"""Honest measurement: assignment, exposures, outcomes, lift."""

from __future__ import annotations
