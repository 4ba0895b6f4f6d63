import { mkdtemp, open, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as GzipFile from "@rdl/source/files/GzipFile"
import type { LogFile } from "@rdl/source/files/LogFile"

/** As the engine packs: a note between the head and the packed bytes. */
const packed = (content: Buffer, note: string | undefined): Buffer => {
  const bytes = gzipSync(content)
  if (note === undefined) return bytes
  const length = Buffer.alloc(2)
  length.writeUInt16LE(note.length)
  bytes[3] = bytes[3]! | 4
  return Buffer.concat([bytes.subarray(0, 10), length, Buffer.from(note), bytes.subarray(10)])
}

const NOTE = '{"lastTime":"2026-11-22T15:24:43.84815274Z"}'

const withFile = <A, E>(bytes: Buffer, use: (file: LogFile) => Effect.Effect<A, E>, maxBytes?: number) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "rdl-gzip-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true })),
    )
    const path = join(folder, "container.log.1.gz")
    yield* Effect.promise(() => writeFile(path, bytes))
    const handle = yield* Effect.promise(() => open(path))
    const file = yield* Effect.acquireRelease(
      Effect.sync(() => GzipFile.make({ handle, device: 1, inode: 2n }, maxBytes)),
      ({ close }) => close,
    )
    return yield* use(file)
  }).pipe(Effect.scoped)

const readAt = (file: LogFile, from: number, length: number) => {
  const into = Buffer.alloc(length)
  return Effect.map(file.read(into, 0, length, from), (count) => into.subarray(0, count))
}

const readAll = Effect.fnUntraced(function* (file: LogFile) {
  const parts: Array<Buffer> = []
  for (let at = 0; ;) {
    const part = yield* readAt(file, at, 50_000)
    if (part.length === 0) return Buffer.concat(parts)
    parts.push(part)
    at += part.length
  }
})

const content = Buffer.from(Array.from({ length: 60_000 }, (_, at) => `line ${at * 7919}\n`).join(""))

describe("GzipFile", () => {
  it.live("reads what was packed, with the engine's note and without", () =>
    Effect.gen(function* () {
      for (const note of [NOTE, undefined])
        expect((yield* withFile(packed(content, note), readAll)).equals(content)).toBe(true)
    }),
  )

  it.live("reads at any place, further on and back again", () =>
    withFile(packed(content, NOTE), (file) =>
      Effect.gen(function* () {
        for (const from of [0, 100, 600_000, 600_010, 5, content.length - 3, 70_000, 0])
          expect((yield* readAt(file, from, 3)).toString()).toBe(content.toString("latin1", from, from + 3))
        expect((yield* readAt(file, content.length, 3)).length).toBe(0)
        expect((yield* readAt(file, content.length + 9, 3)).length).toBe(0)
        expect((yield* readAt(file, 0, 4)).toString()).toBe("line")
      }),
    ),
  )

  it.live("fails where the file is cut off, changed or no gzip, and as often as it is asked", () =>
    Effect.gen(function* () {
      const bytes = packed(content, NOTE)
      const changed = Buffer.from(bytes)
      changed[bytes.length - 6] = changed[bytes.length - 6]! ^ 1
      const last = content.length - 1
      for (const bad of [
        bytes.subarray(0, bytes.length - 1),
        bytes.subarray(0, 30),
        changed,
        Buffer.from("no gzip at all"),
      ])
        yield* withFile(bad, (file) =>
          Effect.gen(function* () {
            for (let time = 0; time < 3; time++)
              expect((yield* Effect.flip(readAt(file, last + 1, 1)))._tag).toBe("OriginUnable")
          }),
        )
    }),
  )

  it.live("unpacks no more of a file than it may", () =>
    Effect.gen(function* () {
      expect((yield* withFile(packed(content, NOTE), readAll, content.length)).length).toBe(content.length)
      const failed = yield* Effect.flip(withFile(packed(content, NOTE), readAll, content.length - 1))
      expect(failed._tag).toBe("OriginUnable")
    }),
  )
})
