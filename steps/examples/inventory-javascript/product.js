// The value of one product, as every step that changes it writes it.

/** What is reserved of a product, its open reservations by order, and how many are sold. */
export function readProduct(value) {
    const { available, sold = 0, unit_price_cents, currency, reservations = {}, ...rest } = object(value);
    check({ available, sold, unit_price_cents }, isWhole, "is no whole number up to 2^53");
    check({ currency }, isText, "is no text");
    nothing(rest);
    const read = Object.entries(object(reservations)).map(([order, it]) => [order, readReservation(it)]);
    // A Map, for an order may be called `__proto__`.
    return { available, sold, unit_price_cents, currency, reservations: new Map(read) };
}

/** What an order has reserved: at the price that was the product's when it did. */
function readReservation(value) {
    const { quantity, amount_cents, currency, holders, ...rest } = object(value);
    check({ quantity, amount_cents }, isWhole, "is no whole number up to 2^53");
    check({ currency }, isText, "is no text");
    check({ holders }, (it) => Array.isArray(it) && it.every(isText), "is no list of texts");
    nothing(rest);
    return { quantity, amount_cents, currency, holders };
}

/** What an order bought, and for how much. */
export function readSale(value) {
    const { product_id, quantity, amount_cents, currency, ...rest } = object(value);
    check({ quantity, amount_cents }, isWhole, "is no whole number up to 2^53");
    check({ product_id, currency }, isText, "is no text");
    nothing(rest);
    return { product_id, quantity, amount_cents, currency };
}

/** What `readProduct` reads. */
export function writeProduct(product) {
    return { ...product, reservations: Object.fromEntries(product.reservations) };
}

/** Past 2^53 numbers of JavaScript are not whole any more: better none than a wrong one. */
export function isWhole(value) {
    return Number.isSafeInteger(value) && value >= 0;
}

export function isText(value) {
    return typeof value === "string";
}

function object(value) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw new TypeError("it is no object");
    }
    return value;
}

function check(fields, holds, otherwise) {
    for (const [name, value] of Object.entries(fields)) {
        if (!holds(value)) throw new TypeError(`${name} ${otherwise}`);
    }
}

function nothing(rest) {
    for (const name of Object.keys(rest)) throw new TypeError(`${name} is unknown`);
}
