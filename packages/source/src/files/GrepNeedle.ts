/** The bytes that a file must contain where a line contains a text: as the log driver writes it. */

/** How a driver stores what a container wrote: as it is, or within JSON strings. */
export type Storage = "plain" | "json"

/** Shorter ones are found everywhere. */
const MIN_BYTES = 3

/**
 * The longest of the texts' parts that a driver writes in one way only; undefined where none is long enough to be worth
 * searching for. A text with a U+FFFD is not in the file where it stands for bytes that are no UTF-8.
 */
export const needleOf = (literals: ReadonlyArray<string>, storage: Storage): Buffer | undefined => {
  const parts = literals.flatMap((literal) => literal.split(storage === "json" ? ESCAPED : REPLACED))
  const needles = parts.map((part) => Buffer.from(part)).sort((one, other) => other.length - one.length)
  const [longest] = needles
  return longest === undefined || longest.length < MIN_BYTES ? undefined : longest
}

/** All but what is plain in JSON whoever writes it: Go also escapes `<`, `>`, `&` and two line separators, others the solidus. */
const ESCAPED = /[^ !#-%'-.0-;=?-[\]-~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufffc\u{10000}-\u{10ffff}]/u
const REPLACED = /\ufffd/
