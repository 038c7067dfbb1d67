"""The value of one product, as every step that changes it writes it."""

from dataclasses import asdict, dataclass, field
from typing import Any

# What a whole number may be: the other steps keep 64 bits.
WHOLE_MAX = 2**64 - 1


@dataclass
class Sale:
    """What an order reserved, or bought, and for how much."""

    product_id: str
    quantity: int
    amount_cents: int
    currency: str

    def __post_init__(self):
        check(self, text=("product_id", "currency"), whole=("quantity", "amount_cents"))

    def __str__(self) -> str:
        return f"{self.quantity} of {self.product_id}"


@dataclass
class Reservation:
    """What an order has reserved: at the price that was the product's when it did."""

    quantity: int
    amount_cents: int
    currency: str
    holders: list[str]

    def __post_init__(self):
        check(self, text=("currency",), whole=("quantity", "amount_cents"))
        if not isinstance(self.holders, list) or not all(isinstance(it, str) for it in self.holders):
            raise TypeError("holders is no list of texts")


@dataclass
class Product:
    """What there is of a product, its open reservations by order, and how many are sold."""

    available: int
    unit_price_cents: int
    currency: str
    sold: int = 0
    reservations: dict[str, Reservation] = field(default_factory=dict)

    def __post_init__(self):
        check(self, text=("currency",), whole=("available", "unit_price_cents", "sold"))
        self.reservations = {order: Reservation(**it) for order, it in self.reservations.items()}

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read_product(value: Any) -> Product:
    return Product(**value)


def read_sale(value: Any) -> Sale:
    return Sale(**value)


def is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= WHOLE_MAX


def check(record: Any, text: tuple[str, ...], whole: tuple[str, ...]) -> None:
    for name in text:
        if not isinstance(getattr(record, name), str):
            raise TypeError(f"{name} is no text")
    for name in whole:
        if not is_whole(getattr(record, name)):
            raise TypeError(f"{name} is no whole number")
