/** A rotated file that the engine has compressed with gzip, read as if it were not. */
import type { FileHandle } from "node:fs/promises"
import { pipeline, Readable } from "node:stream"
import { createGunzip } from "node:zlib"
import { Effect } from "effect"
import { OriginUnable } from "../log/LogOrigin.ts"
import type { LogFile, OpenedFile } from "./LogFile.ts"

/** The most that is unpacked of one file. The engine packs files of `max-size`, which is rarely over 100 MB. */
export const MAX_UNPACKED_BYTES = 4 * 1024 ** 3

/** Holds two pieces of 64 KiB and as much packed; going back means to start over. A file that is damaged fails, always. */
export const make = ({ handle, device, inode }: OpenedFile, maxBytes = MAX_UNPACKED_BYTES): LogFile => {
  let pieces: AsyncIterator<Buffer> | undefined
  let piece: Buffer = NOTHING
  /** Where in the unpacked bytes the piece begins. */
  let position = 0

  const stop = async (): Promise<void> => {
    await pieces?.return?.()
    pieces = undefined
    piece = NOTHING
    position = 0
  }

  const start = (): AsyncIterator<Buffer> => {
    const packed = Readable.from(packedPieces(handle), { objectMode: false, highWaterMark: PIECE_BYTES })
    // Whichever ends first takes the other with it; an error comes out of the iterator.
    const unpacked = pipeline(packed, createGunzip({ chunkSize: PIECE_BYTES }), () => {})
    return unpacked[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** False at the end. */
  const advance = async (): Promise<boolean> => {
    const next = await (pieces ??= start()).next()
    position += piece.length
    piece = next.done === true ? NOTHING : next.value
    if (position + piece.length > maxBytes) throw new Error(`over ${maxBytes} bytes`)
    return next.done !== true
  }

  const read = async (into: Buffer, at: number, length: number, from: number): Promise<number> => {
    if (from < position) await stop()
    try {
      while (from >= position + piece.length) if (!(await advance())) return 0
    } catch (error) {
      // An iterator that has failed would say that it is at its end.
      await stop()
      throw error
    }
    return piece.copy(into, at, from - position, from - position + length)
  }

  return {
    device,
    inode,
    compressed: true,
    read: (into, at, length, from) =>
      Effect.tryPromise({
        try: () => read(into, at, length, from),
        catch: () => new OriginUnable({ detail: "a compressed file of the log is damaged" }),
      }),
    size: Effect.promise(async () => (await handle.stat()).size),
    close: Effect.promise(async () => {
      await stop()
      await handle.close().catch(() => undefined)
    }),
  }
}

/** The handle's own stream would close it when it is given up. */
async function* packedPieces(handle: FileHandle): AsyncGenerator<Buffer, void> {
  for (let position = 0; ;) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

const PIECE_BYTES = 65_536
const NOTHING = Buffer.alloc(0)
