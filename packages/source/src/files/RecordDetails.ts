/** The labels and variables that a log driver stores with a record, as the engine's API writes them. */

/** `k=v,k2=v2` in the order of the keys' bytes, escaped as in a query. Strings that are no Unicode count as U+FFFD. */
export const detailsText = (attributes: Readonly<Record<string, string>>): string =>
  Object.entries(attributes)
    .map(([key, value]) => ({ order: Buffer.from(key), text: `${queryEscape(key)}=${queryEscape(value)}` }))
    .sort((one, other) => Buffer.compare(one.order, other.order))
    .map(({ text }) => text)
    .join(",")

/** As Go's `url.QueryEscape` has it: a space is a `+`, and all but letters, digits and `-_.~` is escaped. */
const queryEscape = (text: string): string =>
  encodeURIComponent(Buffer.from(text).toString())
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+")
