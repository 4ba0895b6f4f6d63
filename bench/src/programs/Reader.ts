/** A user: reads answers over sockets of its own as fast as they come, and measures. Without an HTTP client, which would be most of the cost. */
import { spawn } from "node:child_process"
import { Agent, request as ask } from "node:http"
import { connect, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"
import * as LineAges from "../LineAges.ts"
import { serve } from "../Parent.ts"

/** Where to, and what to say there. */
export interface Target {
  readonly socketPath?: string
  readonly host?: string
  readonly port?: number
  /** Speaks TLS and trusts this certificate. */
  readonly ca?: string | undefined
}

/** A program whose output is read. */
export interface Command {
  readonly command: string
  readonly args: ReadonlyArray<string>
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
      /** A command is started once for each head, and not told it. */
      readonly target: Target | Command
      readonly heads: ReadonlyArray<string>
      readonly seconds: number
      /** Where they say so: in their own words (default), or in the time stamp that the engine gave them. */
      readonly by?: LineAges.SaidBy
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

/** How long those that are never read have to fill whatever there is to fill, in milliseconds. */
const STALL_MS = 1_000
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

/** Listens until it is stopped. */
const listen =
  (target: Target, head: string): LineAges.Follow =>
  (onBytes) => {
    const socket = open(target, onBytes)
    socket.on("error", () => undefined)
    socket.write(head)
    return () => socket.destroy()
  }

/** Runs a program until it is stopped. */
const run =
  ({ args, command }: Command): LineAges.Follow =>
  (onBytes) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] })
    child.on("error", () => undefined)
    child.stdout.on("data", onBytes)
    return () => child.kill("SIGKILL")
  }

const follow = ({
  by = "words",
  heads,
  seconds,
  target,
}: Request & { do: "follow" }): Promise<LineAges.LatencyOutcome> =>
  LineAges.measure(
    heads.map((head) => ("command" in target ? run(target) : listen(target, head))),
    { by, seconds },
  )

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
  return LineAges.latencyOf(millis)
}

serve(() => ({
  answer: (request: Request) => {
    if (request.do === "read") return read(request)
    return request.do === "follow" ? follow(request) : askAtRate(request)
  },
}))
