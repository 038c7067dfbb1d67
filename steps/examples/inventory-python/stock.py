"""A product's stock: what is reserved of it and given back.

The rules, and why they hold whatever is killed, are those of steps/stock: one value for each product,
changed by one compare-and-swap alone.
"""

from dataclasses import dataclass
from typing import Any, Optional

from bucket import Bucket
from failure import Failure
from product import WHOLE_MAX, Product, Reservation, Sale, read_product, read_sale

BUCKET = "inventory"

# How many executions may hold one order's reservation at once, so that the value stays small.
HOLDERS_MAX = 256


@dataclass
class Claim:
    """An order's claim to a product's stock, made by an execution: its holder."""

    order_id: str
    product_id: str
    quantity: int
    holder: str

    def __str__(self) -> str:
        return f"{self.quantity} of {self.product_id}"

    def product_key(self) -> str:
        return f"product/{self.product_id}"

    def sold(self, bucket: Bucket) -> Optional[Sale]:
        """What the order bought, where it is sold."""
        sale = bucket.get(f"order/{self.order_id}", read_sale)
        if sale is not None:
            self.check(sale)
        return sale

    def check(self, sale: Sale) -> None:
        """An order is one wish: the same id with another one is a mistake that must not pass."""
        if (sale.product_id, sale.quantity) != (self.product_id, self.quantity):
            message = f"the order {self.order_id} is for {sale} already, and cannot be for {self} as well"
            raise Failure("OrderConflict", message)


@dataclass
class OutOfStock:
    available: int


def reserve(bucket: Bucket, claim: Claim) -> Sale | OutOfStock:
    """Reserves stock. The same order again gets the same answer, and so does one that is sold."""

    def change(product: Optional[Product]) -> tuple[Sale | OutOfStock, Any]:
        if product is None:
            raise Failure("ProductUnknown", f"there is no product {claim.product_id}")
        # Read after the product: see steps/stock.
        sale = claim.sold(bucket)
        return (sale, None) if sale is not None else hold(product, claim)

    return bucket.update(claim.product_key(), read_product, change)


def hold(product: Product, claim: Claim) -> tuple[Sale | OutOfStock, Any]:
    reservation = product.reservations.get(claim.order_id)
    if reservation is not None:
        sale = sale_of(reservation, claim)
        claim.check(sale)
        if claim.holder in reservation.holders:
            return sale, None
        if len(reservation.holders) == HOLDERS_MAX:
            message = f"{HOLDERS_MAX} executions hold the order {claim.order_id} already"
            raise Failure("OrderBusy", message)
        reservation.holders.append(claim.holder)
        return sale, product.as_json()
    if product.available < claim.quantity:
        return OutOfStock(product.available), None
    amount_cents = product.unit_price_cents * claim.quantity
    if amount_cents > WHOLE_MAX:
        raise Failure("InvalidQuantity", f"the price of {claim} is beyond all numbers")
    reservation = Reservation(claim.quantity, amount_cents, product.currency, [claim.holder])
    product.available -= claim.quantity
    product.reservations[claim.order_id] = reservation
    return sale_of(reservation, claim), product.as_json()


def sale_of(reservation: Reservation, claim: Claim) -> Sale:
    amount_cents, currency = reservation.amount_cents, reservation.currency
    return Sale(claim.product_id, reservation.quantity, amount_cents, currency)


def release(bucket: Bucket, claim: Claim) -> bool:
    """Gives back what this holder reserved; answers whether that put stock back."""

    def change(product: Optional[Product]) -> tuple[bool, Any]:
        if product is None or claim.sold(bucket) is not None:
            return False, None
        reservation = product.reservations.get(claim.order_id)
        if reservation is None or claim.holder not in reservation.holders:
            return False, None
        reservation.holders.remove(claim.holder)
        last = not reservation.holders
        if last:
            product.available += reservation.quantity
            del product.reservations[claim.order_id]
        return last, product.as_json()

    return bucket.update(claim.product_key(), read_product, change)
