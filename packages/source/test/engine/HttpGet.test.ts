import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as HttpGet from "../../src/engine/HttpGet.ts"
import { FREE_READS } from "../../src/engine/ReadPacer.ts"

/** An engine on a unix socket whose connection is in the test's hand, and the path to it. */
const engine = (serve: (socket: Socket) => void) =>
  Effect.acquireRelease(
    Effect.async<{ readonly path: string; readonly close: () => void }>((resume) => {
      const directory = mkdtempSync(join(tmpdir(), "rdl-get-"))
      const path = join(directory, "engine.sock")
      const server = createServer((socket) => {
        socket.on("error", () => undefined)
        socket.once("data", () => serve(socket))
      })
      const close = () => {
        server.close()
        rmSync(directory, { recursive: true, force: true })
      }
      server.listen(path, () => resume(Effect.succeed({ path, close })))
    }),
    ({ close }) => Effect.sync(close),
  )

const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`

interface Got {
  text: string
  settled: number
}

/** Reads to the end; `onSettled` may hold the answer. */
const get = (path: string, onSettled: (got: Got, flow: HttpGet.HttpGet) => void) =>
  Effect.async<Got, Error>((resume) => {
    const got = { text: "", settled: 0 }
    const flow = HttpGet.start(
      { address: { _tag: "Unix", path }, path: "/logs", headTimeoutMs: 5_000 },
      {
        onHead: () => {},
        onData: (slice) => (got.text += Buffer.from(slice).toString("latin1")),
        onSettled: () => {
          got.settled += 1
          onSettled(got, flow)
        },
        onEnd: () => resume(Effect.succeed(got)),
        onError: (error) => resume(Effect.fail(error)),
      },
    )
    return Effect.sync(flow.destroy)
  })

const lines = Array.from({ length: 500 }, (_, index) => `line ${index} ${"x".repeat(index % 90)}\n`)

/** Writes a chunk as soon as the last one is on its way, for as long as there are any. */
const inSmallPieces = (socket: Socket) => {
  socket.write(HEAD)
  const next = (index: number): void => {
    if (index === lines.length) return void socket.end("0\r\n\r\n")
    socket.write(chunk(lines[index]!))
    setImmediate(() => next(index + 1))
  }
  next(0)
}

it.scopedLive("gives the whole answer in order, resting now and then when it comes in small pieces", () =>
  Effect.gen(function* () {
    const { path } = yield* engine(inSmallPieces)
    const { settled, text } = yield* get(path, () => {})
    expect(text).toBe(lines.join(""))
    expect(settled).toBeLessThan(lines.length / 2)
  }),
)

it.scopedLive("gives nothing more while it is held, rest or no rest, and the whole answer after all", () =>
  Effect.gen(function* () {
    const { path } = yield* engine(inSmallPieces)
    let holding = false
    let broken = 0
    const { text } = yield* get(path, (got, flow) => {
      if (holding) broken += 1
      if (got.settled % (FREE_READS + 2) !== 0) return
      holding = true
      flow.pause()
      setTimeout(() => {
        holding = false
        flow.resume()
      }, 5)
    })
    expect(text).toBe(lines.join(""))
    expect(broken).toBe(0)
  }),
)

it.scopedLive("calls nothing after it was destroyed in the middle of a read", () =>
  Effect.gen(function* () {
    const { path } = yield* engine((socket) => socket.write(HEAD + lines.map(chunk).join("")))
    const calls: Array<string> = []
    const closed = yield* Effect.async<ReadonlyArray<string>>((resume) => {
      const flow = HttpGet.start(
        { address: { _tag: "Unix", path }, path: "/logs", headTimeoutMs: 5_000 },
        {
          onHead: () => {},
          onData: () => {
            calls.push("data")
            flow.destroy()
            setTimeout(() => resume(Effect.succeed(calls)), 20)
          },
          onSettled: () => calls.push("settled"),
          onEnd: () => calls.push("end"),
          onError: () => calls.push("error"),
        },
      )
    })
    expect(closed).toEqual(["data"])
  }),
)
