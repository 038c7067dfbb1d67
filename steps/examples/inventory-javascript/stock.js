// A product's stock: what is reserved of it and given back.
//
// The rules, and why they hold whatever is killed, are those of steps/stock: one value for each
// product, changed by one compare-and-swap alone.

import { Failure } from "./failure.js";
import { readProduct, readSale, writeProduct } from "./product.js";

export const BUCKET = "inventory";

// How many executions may hold one order's reservation at once, so that the value stays small.
const HOLDERS_MAX = 256;

/**
 * Reserves stock for a claim: an order, a product, a quantity, and the execution that holds them.
 * Answers the sale, or what there is. The same order again gets the same answer, and so does one that
 * is sold.
 */
export function reserve(bucket, claim) {
    return bucket.update(`product/${claim.product_id}`, readProduct, (product) => {
        if (product === undefined) {
            throw new Failure("ProductUnknown", `there is no product ${claim.product_id}`);
        }
        // Read after the product: see steps/stock.
        const sale = sold(bucket, claim);
        return sale !== undefined ? [{ sale }] : hold(product, claim);
    });
}

/** Gives back what this holder reserved; answers whether that put stock back. */
export function release(bucket, claim) {
    return bucket.update(`product/${claim.product_id}`, readProduct, (product) => {
        if (product === undefined || sold(bucket, claim) !== undefined) return [false];
        const reservation = product.reservations.get(claim.order_id);
        if (!reservation?.holders.includes(claim.holder)) return [false];
        reservation.holders = reservation.holders.filter((holder) => holder !== claim.holder);
        const last = reservation.holders.length === 0;
        if (last) {
            product.available += reservation.quantity;
            product.reservations.delete(claim.order_id);
        }
        return [last, writeProduct(product)];
    });
}

function hold(product, claim) {
    const reservation = product.reservations.get(claim.order_id);
    if (reservation !== undefined) {
        const sale = saleOf(reservation, claim);
        check(claim, sale);
        if (reservation.holders.includes(claim.holder)) return [{ sale }];
        if (reservation.holders.length === HOLDERS_MAX) {
            const message = `${HOLDERS_MAX} executions hold the order ${claim.order_id} already`;
            throw new Failure("OrderBusy", message);
        }
        reservation.holders.push(claim.holder);
        return [{ sale }, writeProduct(product)];
    }
    if (product.available < claim.quantity) return [{ available: product.available }];
    const amount_cents = product.unit_price_cents * claim.quantity;
    if (!Number.isSafeInteger(amount_cents)) {
        const message = `the price of ${described(claim)} is beyond all numbers`;
        throw new Failure("InvalidQuantity", message);
    }
    const { quantity, holder } = claim;
    const reserved = { quantity, amount_cents, currency: product.currency, holders: [holder] };
    product.available -= quantity;
    product.reservations.set(claim.order_id, reserved);
    return [{ sale: saleOf(reserved, claim) }, writeProduct(product)];
}

function saleOf({ quantity, amount_cents, currency }, { product_id }) {
    return { product_id, quantity, amount_cents, currency };
}

/** What the order bought, where it is sold. */
function sold(bucket, claim) {
    const sale = bucket.get(`order/${claim.order_id}`, readSale);
    if (sale !== undefined) check(claim, sale);
    return sale;
}

/** An order is one wish: the same id with another one is a mistake that must not pass. */
function check(claim, sale) {
    if (sale.product_id === claim.product_id && sale.quantity === claim.quantity) return;
    const [before, now] = [described(sale), described(claim)];
    throw new Failure(
        "OrderConflict",
        `the order ${claim.order_id} is for ${before} already, and cannot be for ${now} as well`,
    );
}

export function described({ quantity, product_id }) {
    return `${quantity} of ${product_id}`;
}
