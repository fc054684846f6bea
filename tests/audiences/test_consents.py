"""Whom nothing allows is never sent, whenever they said so."""

from __future__ import annotations

from tests.audiences.consents import World


def test_nobody_is_sent_without_every_consent() -> None:
    world = World(3, 300)

    world.live(2)

    assert (world.leaks, world.tuples) == (0, 2_400)
