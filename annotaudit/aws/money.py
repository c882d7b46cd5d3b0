"""Amounts in US dollars, and what Mechanical Turk takes on top of them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from annotaudit.errors import LimitError

CENT = Decimal("0.01")
FEE = Decimal("0.20")  # of reward and bonus; as much again for HITs with MANY assignments
MASTERS_FEE = Decimal("0.05")  # more, where only Masters may work
MANY = 10


def usd(amount: object, what: str) -> Decimal:
    """Read an amount in whole cents.

    Raises
    ------
    LimitError
        If it is none.

    Examples
    --------
    >>> usd("$0.05", "reward")
    Decimal('0.05')
    """
    try:
        found = Decimal(str(amount).strip().removeprefix("$"))
    except InvalidOperation:
        raise LimitError(f"{what}={amount!r}: expected an amount in USD, as '0.05'.") from None
    if not found.is_finite() or found < 0 or found != found.quantize(CENT):
        raise LimitError(f"{what}={amount!r}: expected whole cents of USD, 0 or more.")
    return found


def fee_share(assignments: int | float, *, masters: bool = False) -> Decimal:
    """Share of what a worker gets that the service takes, for a HIT with so many assignments."""
    return FEE * (2 if assignments >= MANY else 1) + (MASTERS_FEE if masters else 0)


def with_fee(amount: Decimal, share: Decimal) -> Decimal:
    """Return an amount with its fee, which is at least a cent.

    Examples
    --------
    >>> with_fee(Decimal("0.10"), fee_share(3)), with_fee(Decimal("0.01"), fee_share(3))
    (Decimal('0.12'), Decimal('0.02'))
    """
    if not amount:
        return Decimal(0)
    return amount + max((amount * share).quantize(CENT, ROUND_HALF_UP), CENT)
