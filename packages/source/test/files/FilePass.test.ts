import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck as fc } from "effect"
import {
  BLOCK_BYTES,
  FilePass,
  MARGIN_BYTES,
  READING,
  SEARCH_BLOCK_BYTES,
  SEARCH_BLOCKS_AHEAD,
  SEARCHING,
} from "@rdl/source/files/FilePass"
import { upTo } from "@rdl/source/files/LogFile"
import { MORE, type RecordFormat } from "@rdl/source/files/RecordFormat"
import { MemoryFile } from "./MemoryFile.ts"

/** It is asked nothing here: what is taken is up to the test. */
const format: RecordFormat = {
  maxBytes: 1_048_576,
  next: () => MORE,
  skip: () => MORE,
  previous: () => MORE,
  boundary: () => MORE,
}

/** What is in the files: bytes that are hardly the same at two places. */
const content = Buffer.alloc(12_000_000)
for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at)

const turns = (count: number) => Effect.promise(() => new Promise((resolve) => turn(count, resolve)))
const turn = (count: number, done: (value?: unknown) => void): void =>
  void (count === 0 ? done() : setImmediate(() => turn(count - 1, done)))

/** Takes some of what was read, and holds that it is what the file has there. */
const take = (pass: FilePass, file: Buffer, leave: number): void => {
  const count = Math.max(0, pass.end - pass.start - leave)
  expect(
    pass.bytes
      .subarray(pass.start, pass.end)
      .equals(file.subarray(pass.position, pass.position + pass.end - pass.start)),
  ).toBe(true)
  pass.start += count
  pass.position += count
}

describe("FilePass", () => {
  it.live("reads all of a file that grows, whatever is left of each block and however long reads take", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.record({
              grows: fc.oneof(fc.constant(0), fc.nat(1000), fc.nat(500_000), fc.nat(5_000_000)),
              leaves: fc.oneof(fc.constant(0), fc.nat(300), fc.nat(40_000), fc.constantFrom(32_768, 32_769, 200_000)),
              turns: fc.nat(3),
              short: fc.boolean(),
              pace: fc.constantFrom(READING, SEARCHING),
            }),
            { minLength: 1, maxLength: 16 },
          ),
          async (steps) => {
            const whole = content.subarray(
              0,
              steps.reduce((sum, { grows }) => sum + grows, 0),
            )
            // A search holds a block or two more, and what it has let go of may still be being read.
            const atOnce = steps.some(({ pace }) => pace === SEARCHING) ? SEARCH_BLOCKS_AHEAD + 1 : 1
            const file = new MemoryFile(Buffer.alloc(0))
            const pass = new FilePass(file, format, 0)
            const read = async (leave: number): Promise<number> => {
              const there = file.content.length
              const count = await Effect.runPromise(pass.fill)
              // What was in the file when it was asked for is not denied.
              if (count === 0) expect(pass.position + pass.end - pass.start).toBeGreaterThanOrEqual(there)
              take(pass, whole, leave)
              return count
            }
            for (const { grows, leaves, pace, short, turns: waits } of steps) {
              pass.goAt(pace)
              file.content = whole.subarray(0, file.content.length + grows)
              file.most = short ? (length) => Math.ceil(length / 3) : (length) => length
              await read(leaves)
              await Effect.runPromise(turns(waits))
              take(pass, whole, leaves)
            }
            while ((await read(0)) > 0);
            expect(pass.position).toBe(whole.length)
            expect(file.atOnce).toBeLessThanOrEqual(atOnce)
          },
        ),
        { numRuns: Number(process.env["RDL_TEST_RUNS"] ?? 40) },
      ),
    ),
  )

  it.live("reads one block ahead, no more, and holds two", () =>
    Effect.gen(function* () {
      const whole = content.subarray(0, 3_000_000)
      const file = new MemoryFile(whole)
      const pass = new FilePass(upTo(file, 2_900_000), format, 0)
      let ahead = 0
      for (let count = -1; count !== 0;) {
        count = yield* pass.fill
        const reads = file.reads
        yield* turns(6)
        expect([file.reads, file.running]).toEqual([reads, 0])
        take(pass, whole, 100)
        if (file.furthest > pass.position + pass.end - pass.start) ahead++
      }
      expect([pass.position, pass.end - pass.start, file.furthest]).toEqual([2_899_900, 100, 2_900_000])
      expect(ahead).toBeGreaterThan(8)
      const sizes = [...file.blocks].map(({ length }) => length - MARGIN_BYTES)
      expect(sizes).toEqual([16_384, 65_536, BLOCK_BYTES, BLOCK_BYTES])
    }),
  )

  it.live("reads two blocks ahead in a search, no more, and holds three", () =>
    Effect.gen(function* () {
      const whole = content.subarray(0, 9_000_000)
      const file = new MemoryFile(whole)
      const pass = new FilePass(file, format, 0)
      pass.goAt(SEARCHING)
      while ((yield* pass.fill) > 0) {
        yield* turns(6)
        take(pass, whole, 100)
        expect(file.furthest).toBeLessThanOrEqual(pass.position + 100 + 2 * SEARCH_BLOCK_BYTES)
      }
      expect(pass.position).toBe(8_999_900)
      expect(file.atOnce).toBe(SEARCH_BLOCKS_AHEAD)
      const blocks = Array.from({ length: 1 + SEARCH_BLOCKS_AHEAD }, () => SEARCH_BLOCK_BYTES)
      expect([...file.blocks].map(({ length }) => length - MARGIN_BYTES)).toEqual([
        16_384,
        65_536,
        BLOCK_BYTES,
        ...blocks,
      ])
    }),
  )

  it.live("holds no more than others once a search goes at their pace", () =>
    Effect.gen(function* () {
      const file = new MemoryFile(content)
      const pass = new FilePass(file, format, 0)
      pass.goAt(SEARCHING)
      while (pass.position < 4_000_000) {
        yield* pass.fill
        take(pass, content, 100)
      }
      pass.goAt(READING)
      file.blocks.clear()
      while ((yield* pass.fill) > 0) {
        expect(pass.bytes.length).toBe(MARGIN_BYTES + BLOCK_BYTES)
        take(pass, content, 100)
      }
      expect(pass.position).toBe(content.length - 100)
      expect([...file.blocks].map(({ length }) => length - MARGIN_BYTES)).toEqual([BLOCK_BYTES, BLOCK_BYTES])
    }),
  )

  it.live("reads on behind a record that fills a block which was read ahead, and begins in its margin", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.integer({ min: 32_700, max: 32_770 }), fc.nat(70), async (rest, missing) => {
          const file = new MemoryFile(content)
          const pass = new FilePass(file, format, 0)
          while (file.running === 0) {
            take(pass, content, rest)
            await Effect.runPromise(pass.fill)
          }
          const ahead = pass.position + pass.end - pass.start
          const there = ahead + MARGIN_BYTES + BLOCK_BYTES - 32_768 - missing
          file.content = content.subarray(0, there)
          take(pass, content, rest)
          await Effect.runPromise(pass.fill)
          file.content = content.subarray(0, there + 500_000)
          while ((await Effect.runPromise(pass.fill)) > 0);
          take(pass, content, 0)
          expect(pass.position).toBe(there + 500_000)
        }),
        { numRuns: Number(process.env["RDL_TEST_RUNS"] ?? 40) },
      ),
    ),
  )

  it.live("asks again at the end of what there was, whatever it read ahead, and only when it is to", () =>
    Effect.gen(function* () {
      const there = 16_384 + 65_536 + BLOCK_BYTES
      const file = new MemoryFile(content.subarray(0, there))
      const pass = new FilePass(file, format, 0)
      while (pass.position < there) {
        yield* pass.fill
        take(pass, content, 0)
      }
      yield* turns(6)
      expect(file.reads).toBe(4)
      for (const grown of [there + 5000, there + 5100]) {
        file.content = content.subarray(0, grown)
        expect(yield* pass.fill).toBe(grown - pass.position)
        expect(file.running).toBe(0)
        take(pass, content, 0)
      }
      expect(file.reads).toBe(6)
    }),
  )

  it.live("asks a packed file one thing at a time", () =>
    Effect.gen(function* () {
      const whole = content.subarray(0, 1_500_000)
      const file = new MemoryFile(whole, true)
      const pass = new FilePass(file, format, 0)
      while ((yield* pass.fill) > 0) {
        expect(file.running).toBe(0)
        take(pass, whole, 0)
      }
      expect(pass.position).toBe(whole.length)
    }),
  )

  it.live("fails with a read that failed ahead when its turn comes, and not before", () =>
    Effect.gen(function* () {
      const whole = content.subarray(0, 2_000_000)
      const file = new MemoryFile(whole)
      file.failing = 4
      const pass = new FilePass(file, format, 0)
      while (file.reads <= file.failing) {
        yield* pass.fill
        take(pass, whole, 0)
      }
      yield* turns(6)
      expect((yield* Effect.flip(pass.fill))._tag).toBe("OriginUnable")
    }),
  )

  it.live("goes on behind what it holds, whoever put that there after a block was read ahead", () =>
    Effect.gen(function* () {
      const file = new MemoryFile(content.subarray(0, 2_000_000))
      const pass = new FilePass(file, format, 0)
      while (file.running === 0) {
        yield* pass.fill
        take(pass, content, 10)
      }
      pass.bytes = Buffer.from(content.subarray(pass.position, pass.position + 500))
      pass.start = 0
      pass.end = 500
      while ((yield* pass.fill) > 0) take(pass, content, 10)
      expect(pass.position + pass.end - pass.start).toBe(2_000_000)
    }),
  )

  it.live("forgets what it read ahead along with the block", () =>
    Effect.gen(function* () {
      const whole = content.subarray(0, 2_000_000)
      const file = new MemoryFile(whole)
      const pass = new FilePass(file, format, 0)
      while (file.running === 0) {
        yield* pass.fill
        take(pass, whole, 0)
      }
      pass.position -= 1000
      pass.release()
      yield* pass.fill
      take(pass, whole, 0)
      while ((yield* pass.fill) > 0) take(pass, whole, 0)
      expect(pass.position).toBe(whole.length)
    }),
  )
})
