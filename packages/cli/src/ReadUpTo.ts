/** Reads small files whose size nobody vouches for: a pipe or a device may go on for ever. */
import { closeSync, openSync, readSync } from "node:fs"

/** The first bytes of a file, at most `limit`; waits for a pipe to end or to have given as many. */
export const readUpTo = (path: string, limit: number): Buffer => {
  const file = openSync(path, "r")
  try {
    const pieces: Array<Buffer> = []
    for (let left = limit; left > 0;) {
      const piece = Buffer.allocUnsafe(Math.min(left, 65_536))
      const length = readSync(file, piece)
      if (length === 0) break
      pieces.push(piece.subarray(0, length))
      left -= length
    }
    return Buffer.concat(pieces)
  } finally {
    closeSync(file)
  }
}

/** The same of standard input, which may be slow, and whoever waits for it may press Ctrl-C meanwhile. */
export const readInputUpTo = async (limit: number): Promise<Buffer> => {
  const pieces: Array<Buffer> = []
  let length = 0
  for await (const piece of process.stdin as AsyncIterable<Buffer>) {
    pieces.push(piece)
    length += piece.length
    if (length >= limit) break
  }
  return Buffer.concat(pieces).subarray(0, limit)
}
