/** A user: reads answers over sockets of its own as fast as they come, and measures. Without an HTTP client, which would be most of the cost. */
import { Agent, request as ask } from "node:http"
import { connect, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"
import { serve } from "../Parent.ts"

/** Where to, and what to say there. */
export interface Target {
  readonly socketPath?: string
  readonly host?: string
  readonly port?: number
  /** Speaks TLS and trusts this certificate. */
  readonly ca?: string | undefined
}

export type Request =
  | {
      /** Reads each answer to its end. `stalled` are asked for first and never read. */
      readonly do: "read"
      readonly target: Target
      readonly heads: ReadonlyArray<string>
      readonly stalled: ReadonlyArray<string>
    }
  | {
      /** Reads lines that say when they were written; counted from a second after every answer has had one. */
      readonly do: "follow"
      readonly target: Target
      readonly heads: ReadonlyArray<string>
      readonly seconds: number
      /** Where they say so: in their own words (default), or in the time stamp that the engine gave them. */
      readonly by?: "words" | "stamp"
    }
  | {
      /** Asks so many times a second, whether or not there were answers. */
      readonly do: "ask"
      readonly target: Target
      readonly path: string
      readonly token: string
      readonly perSecond: number
      readonly seconds: number
    }

export interface ReadOutcome {
  readonly seconds: number
  /** As they were on the wire, HTTP's own included. */
  readonly bytes: number
}

/** Milliseconds. */
export interface LatencyOutcome {
  readonly p50: number
  readonly p99: number
  readonly count: number
}

/** How long those that are never read have to fill whatever there is to fill, in milliseconds. */
const STALL_MS = 1_000
/** How long all follows have to give their first line, and how long they then have to settle, in milliseconds. */
const FLOW_MS = 30_000
const SETTLE_MS = 1_000
/** Why an answer did not come whole. */
type Broken = Error | undefined

const open = (target: Target, onBytes: (bytes: Buffer) => void): Socket => {
  const { ca, host, port, socketPath } = target
  const where = socketPath === undefined ? { host: host ?? "127.0.0.1", port: port ?? 0 } : { path: socketPath }
  if (ca !== undefined) return connectTls({ ...where, ca }).on("data", onBytes)
  // One buffer for all that comes: what is read is looked at and let go.
  const buffer = Buffer.allocUnsafe(256 * 1024)
  return connect({
    ...where,
    onread: {
      buffer,
      callback: (length) => {
        onBytes(buffer.subarray(0, length))
        return true
      },
    },
  })
}

/** Reads one answer to its end; fails where it is not 200 or not whole. */
const readOne = (target: Target, head: string): Promise<number> =>
  new Promise((resolve, reject) => {
    let bytes = 0
    let start = ""
    let end: Buffer = Buffer.alloc(0)
    let broken: Broken
    const socket = open(target, (chunk) => {
      if (bytes < 12) start += chunk.toString("latin1", 0, 12)
      bytes += chunk.length
      end = Buffer.from(chunk.length >= 7 ? chunk.subarray(-7) : Buffer.concat([end, chunk]).subarray(-7))
    })
    socket.on("error", (error) => (broken = error))
    socket.on("close", () => {
      if (broken !== undefined) reject(broken)
      else if (!start.startsWith("HTTP/1.1 200")) reject(new Error(`the answer was ${start.slice(0, 12)}`))
      else if (end.toString("latin1") !== "\r\n0\r\n\r\n") reject(new Error("the answer broke off"))
      else resolve(bytes)
    })
    socket.write(head)
  })

const stall = (target: Target, head: string): Socket => {
  const { host, port, socketPath } = target
  const socket = connect(
    socketPath === undefined ? { host: host ?? "127.0.0.1", port: port ?? 0 } : { path: socketPath },
  )
  socket.on("error", () => undefined)
  socket.pause()
  socket.write(head)
  return socket
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const failAfter = async (ms: number, what: string): Promise<never> => {
  await pause(ms)
  throw new Error(`${what} after ${ms / 1_000} s`)
}

const read = async ({ heads, stalled, target }: Request & { do: "read" }): Promise<ReadOutcome> => {
  const idle = stalled.map((head) => stall(target, head))
  if (idle.length > 0) await pause(STALL_MS)
  const began = process.hrtime.bigint()
  try {
    const sizes = await Promise.all(heads.map((head) => readOne(target, head)))
    const seconds = Number(process.hrtime.bigint() - began) / 1e9
    return { seconds, bytes: sizes.reduce((sum, size) => sum + size, 0) }
  } finally {
    for (const socket of idle) socket.destroy()
  }
}

const quantile = (sorted: ReadonlyArray<number>, part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN

const latencyOf = (millis: Array<number>): LatencyOutcome => {
  const sorted = millis.sort((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), count: sorted.length }
}

/** Milliseconds that the lines of some bytes have been on their way. */
const agesIn = (bytes: Buffer, by: "words" | "stamp"): ReadonlyArray<number> => {
  const text = bytes.toString("latin1")
  if (by === "stamp") {
    const now = performance.timeOrigin + performance.now()
    return [...text.matchAll(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{9})Z /g)].map(
      ([, second, fraction]) => now - Date.parse(`${second}Z`) - Number(fraction) * 1_000,
    )
  }
  const now = process.hrtime.bigint()
  return [...text.matchAll(/T(\d{6,})\./g)].map(([, written]) => Number(now - BigInt(written!)) / 1e6)
}

const follow = async ({
  by = "words",
  heads,
  seconds,
  target,
}: Request & { do: "follow" }): Promise<LatencyOutcome> => {
  const millis: Array<number> = []
  let counts = false
  const flowing: Array<Promise<void>> = []
  const followOne = (head: string): Socket => {
    let flows = (): void => undefined
    flowing.push(new Promise((resolve) => (flows = resolve)))
    const socket = open(target, (bytes) => {
      for (const age of agesIn(bytes, by)) {
        flows()
        if (counts) millis.push(age)
      }
    })
    socket.on("error", () => undefined)
    socket.write(head)
    return socket
  }
  const sockets = heads.map(followOne)
  await Promise.race([Promise.all(flowing), failAfter(FLOW_MS, "not every follow had a line")])
  await pause(SETTLE_MS)
  counts = true
  await pause(seconds * 1_000)
  for (const socket of sockets) socket.destroy()
  return latencyOf(millis)
}

/** From when it was due until its last byte: a request that had to wait for its turn is counted with its waiting. */
const askAtRate = async ({ path, perSecond, seconds, target, token }: Request & { do: "ask" }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const millis: Array<number> = []
  const began = performance.now()
  const one = (due: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` }
      const outgoing = ask({ host: target.host, port: target.port, path, agent, headers }, (answer) => {
        if (answer.statusCode !== 200) reject(new Error(`the answer was ${answer.statusCode}`))
        answer.resume()
        answer.once("end", () => {
          millis.push(performance.now() - due)
          resolve()
        })
      })
      outgoing.once("error", reject)
      outgoing.end()
    })
  const asked: Array<Promise<void>> = []
  for (let at = 0; at < perSecond * seconds; at++) {
    const due = began + (at * 1_000) / perSecond
    const wait = due - performance.now()
    if (wait > 0) await pause(wait)
    asked.push(one(due))
  }
  await Promise.all(asked)
  agent.destroy()
  return latencyOf(millis)
}

serve(() => ({
  answer: (request: Request) => {
    if (request.do === "read") return read(request)
    return request.do === "follow" ? follow(request) : askAtRate(request)
  },
}))
