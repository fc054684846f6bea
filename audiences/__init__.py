"""Who is in which audience, and what is sent of them where."""

from __future__ import annotations
