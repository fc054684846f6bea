"""The exit codes of commands that did not do their work; 0 is done, 2 is wrong usage."""

from __future__ import annotations

FAILED, INPUT, BUSY = 1, 3, 4
