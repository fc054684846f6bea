"""Exceptions raised by the audiences package.

* AudienceError
  - InvalidAudienceError
  - UnknownIdError
  - NothingToAcceptError
  - DestinationError
    - DestinationUnavailableError
    - DestinationRefusedError
      - UnsafeAddressError
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence


class AudienceError(Exception):
    """An audience or its publication cannot go on."""


class InvalidAudienceError(AudienceError, ValueError):
    """Audiences or destinations ask for things that are not there; all problems at once."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"audiences or destinations cannot be used:{listed}")


class UnknownIdError(AudienceError, LookupError):
    """Nobody has or had the id that is asked about."""

    def __init__(self) -> None:
        # What was asked for is not repeated: it may be an address.
        super().__init__(
            "no person has this id, or nothing belongs to it any more; of whoever was erased nothing stays "
            "that would tell their id from a mistaken one: `candor profile show ADDRESS` names the "
            "person of an e-mail address, `candor identity explain SOURCE ID` that of a record"
        )


class NothingToAcceptError(AudienceError):
    """Somebody accepts removals of a sync that holds none."""

    def __init__(self, sync: str) -> None:
        self.sync = sync
        super().__init__(
            f"sync {sync!r} holds no removals that could be accepted: `candor sync plan` shows "
            "what is held and why"
        )


class DestinationError(AudienceError):
    """A destination did not take a batch; carries a code, never what the other side wrote.

    Attributes:
        destination: Its key.
        code: A machine code.
        jobs: Jobs that the batch started there and that go on, by the request that started each.
    """

    def __init__(self, destination: str, code: str, advice: str) -> None:
        self.destination, self.code = destination, code
        self.jobs: Mapping[str, str] = {}
        super().__init__(f"destination {destination!r} answered {code}: {advice}")


class DestinationUnavailableError(DestinationError):
    """Nobody knows whether the batch arrived; it is sent again under the same key.

    Attributes:
        retry_after_s: How long the destination asked to be left alone, in seconds, if it did.
    """

    def __init__(self, destination: str, code: str, *, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        advice = "the next run sends the same batch again under the same key"
        super().__init__(destination, code, advice)


class DestinationRefusedError(DestinationError):
    """The destination refused a whole batch, so nothing of it arrived.

    Attributes:
        is_final: Every further batch would be refused as well (credentials, address).
    """

    def __init__(self, destination: str, code: str, *, is_final: bool) -> None:
        self.is_final = is_final
        advice = "check its address and credentials" if is_final else "its rows are tried next run"
        super().__init__(destination, code, advice)


# How the codes of rows and runs begin whose destination's address was refused.
UNSAFE_ADDRESS = "unsafe_address"


class UnsafeAddress(enum.StrEnum):
    """Why personal data may not be sent to an address; ``audiences.sync.unsafe`` knows the way out."""

    NOT_HTTPS = "not https"
    HTTP_ELSEWHERE = "http to another machine"
    NOT_PUBLIC = "an address that is not public"


class UnsafeAddressError(DestinationRefusedError):
    """A destination's address is not one that personal data may be sent to."""

    def __init__(self, destination: str, reason: UnsafeAddress) -> None:
        self.reason = reason
        super().__init__(destination, f"{UNSAFE_ADDRESS} ({reason})", is_final=True)
