/** Cuts a byte stream into lines, holding no more than one line of it. */

/** Cuts bytes that come in pieces into lines; holds at most one unfinished line. */
export interface LineSplitter {
  /** Hands each whole line over, without its newline; false once a line was too long, and from then on for good. */
  readonly push: (bytes: Uint8Array) => boolean
  /** Bytes of the unfinished line. */
  readonly pending: () => number
}

/** A splitter for lines of at most `maxLine` bytes, newline not counted. A line that lies in one push is a view of it. */
export const make = (maxLine: number, onLine: (line: Uint8Array) => void): LineSplitter => {
  let parts: Array<Uint8Array> = []
  let held = 0
  let broken = false

  const take = (rest: Uint8Array): Uint8Array => {
    if (held === 0) return rest
    const line = new Uint8Array(held + rest.length)
    let at = 0
    for (const part of parts) {
      line.set(part, at)
      at += part.length
    }
    line.set(rest, at)
    parts = []
    held = 0
    return line
  }

  const push = (bytes: Uint8Array): boolean => {
    let from = 0
    while (!broken) {
      const to = bytes.indexOf(10, from)
      const rest = bytes.subarray(from, to < 0 ? bytes.length : to)
      if (held + rest.length > maxLine) {
        broken = true
        parts = []
        held = 0
      } else if (to < 0) {
        if (rest.length > 0) {
          // A copy, which `slice` of a Node buffer is not: who pushes may use its buffer again, and a view of a few
          // bytes would keep all of a large one.
          parts.push(new Uint8Array(rest))
          held += rest.length
        }
        return true
      } else {
        onLine(take(rest))
        from = to + 1
      }
    }
    return false
  }

  return { push, pending: () => held }
}
