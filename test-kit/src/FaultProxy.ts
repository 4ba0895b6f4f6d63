/** A TCP relay that breaks on command: put it between two ends of the real thing and switch its faults while they talk. */
import { once } from "node:events"
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net"
import { ownAddress } from "./OwnAddress.ts"

/** How a connection ends: `fin` = politely, after what was read has been passed on; `rst` = at once, as after a crash. */
export type Cut = "fin" | "rst"

/** What goes wrong in one direction. Everything is off by default and may be changed at any time. */
export interface Faults {
  /** Milliseconds each read is held back; order is kept. */
  latencyMs: number
  /** Up to so many milliseconds more, at random. */
  jitterMs: number
  /** Upper bound of the rate; 0 = none. */
  bytesPerSecond: number
  /** Writes are cut to a random 1…n bytes; 0 = written as read. */
  maxWrite: number
  /** Swallows everything, connections included that were open before: half-open, as behind a lost route. */
  blackhole: boolean
  /** Stops reading, so that TCP fills up and the sender is stopped. */
  freeze: boolean
}

const NO_FAULTS: Faults = { latencyMs: 0, jitterMs: 0, bytesPerSecond: 0, maxWrite: 0, blackhole: false, freeze: false }
const READ_AHEAD = 64 * 1024

/** One direction of all connections: its faults and its count of bytes passed on. */
export class Direction {
  /** Bytes written to the far side since the start. */
  bytes = 0
  /** Bytes that a blackhole took. */
  swallowed = 0
  private faults: Faults = NO_FAULTS
  private readonly listeners = new Set<() => void>()
  private cut: { left: number; how: Cut; done: () => void } | undefined

  /** Changes the named faults and leaves the others. */
  set(faults: Partial<Faults>): void {
    this.faults = { ...this.faults, ...faults }
    for (const listener of this.listeners) listener()
  }

  /** No faults from now on; what a blackhole swallowed stays lost. */
  heal(): void {
    this.cut = undefined
    this.set(NO_FAULTS)
  }

  /** Cuts the connection that carries the n-th byte from now, after that byte; resolves when it is done. Once. */
  cutAfter(bytes: number, how: Cut): Promise<void> {
    return new Promise((done) => {
      this.cut = { left: bytes, how, done }
    })
  }

  get current(): Faults {
    return this.faults
  }

  /** @internal Told whenever the faults change; returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** @internal How many of so many bytes may pass before the cut, and the cut if it is reached. */
  allow(length: number): { readonly length: number; readonly cut: Cut | undefined } {
    if (this.cut === undefined) return { length, cut: undefined }
    const { left, how, done } = this.cut
    if (length < left) {
      this.cut.left = left - length
      return { length, cut: undefined }
    }
    this.cut = undefined
    done()
    return { length: left, cut: how }
  }
}

export interface FaultProxyOptions {
  /** Where connections are relayed to. */
  readonly target: { readonly host?: string; readonly port: number }
}

/** A relay on a free port of this process's own address. Without faults it is transparent to the byte, half-closes included. */
export class FaultProxy {
  /** From the dialling side to the target. */
  readonly up = new Direction()
  /** From the target to the dialling side. */
  readonly down = new Direction()
  /** Connections taken since the start. */
  connections = 0
  private readonly pairs = new Set<readonly [Socket, Socket]>()
  private readonly target: { readonly host: string; readonly port: number }
  private server: Server
  private readonly listenPort: number

  private constructor(server: Server, target: { readonly host: string; readonly port: number }) {
    this.server = server
    this.target = target
    this.listenPort = (server.address() as AddressInfo).port
    server.on("connection", (socket: Socket) => this.relay(socket))
  }

  static async listen(options: FaultProxyOptions): Promise<FaultProxy> {
    return new FaultProxy(await listening(0), { host: "127.0.0.1", ...options.target })
  }

  get port(): number {
    return this.listenPort
  }

  get host(): string {
    return ownAddress
  }

  /** `http://host:port`. */
  get url(): string {
    return `http://${ownAddress}:${this.listenPort}`
  }

  /** Connections open now. */
  get open(): number {
    return this.pairs.size
  }

  /** Refuses new connections (nothing listens any more); open ones go on. */
  async refuse(): Promise<void> {
    if (!this.server.listening) return
    this.server.close()
    await new Promise(setImmediate)
  }

  /** Takes connections again, on the same port. */
  async admit(): Promise<void> {
    if (this.server.listening) return
    this.server = await listening(this.listenPort)
    this.server.on("connection", (socket: Socket) => this.relay(socket))
  }

  /** Cuts every open connection now. */
  dropAll(how: Cut): void {
    for (const pair of this.pairs) cutBoth(pair, how)
  }

  /** No faults in either direction. */
  heal(): void {
    this.up.heal()
    this.down.heal()
  }

  /** Stops listening, drops what is open, and waits until it is gone. */
  async close(): Promise<void> {
    this.heal()
    this.server.close()
    this.dropAll("rst")
    const open = [...this.pairs].flat().filter((socket) => !socket.closed)
    // Not `once`, which rejects where one of them is just being refused by a target that is gone.
    await Promise.all(open.map((socket) => new Promise((resolve) => socket.once("close", resolve))))
  }

  private relay(near: Socket): void {
    this.connections += 1
    const far = connect({ ...this.target, allowHalfOpen: true, noDelay: true })
    const pair = [near, far] as const
    this.pairs.add(pair)
    near.setNoDelay(true)
    // A socket that fails without warning takes its twin with it: that is what a relay in the path does.
    for (const [socket, twin] of [pair, [far, near]] as const) {
      socket.on("error", () => twin.resetAndDestroy())
      socket.on("close", () => {
        if (near.destroyed && far.destroyed) this.pairs.delete(pair)
      })
    }
    pump(near, far, this.up, (how) => cutBoth(pair, how))
    pump(far, near, this.down, (how) => cutBoth(pair, how))
  }
}

const listening = async (port: number): Promise<Server> => {
  const server = createServer({ allowHalfOpen: true })
  server.listen(port, ownAddress)
  await once(server, "listening")
  return server
}

const cutBoth = (pair: readonly [Socket, Socket], how: Cut): void => {
  for (const socket of pair) {
    if (how === "rst") socket.resetAndDestroy()
    else socket.destroySoon()
  }
}

interface Read {
  readonly bytes: Buffer
  readonly at: number
}

/** Carries one direction of one connection. Reads at most 64 KiB and one read ahead of what it has written. */
const pump = (from: Socket, to: Socket, direction: Direction, cut: (how: Cut) => void): void => {
  const queue: Array<Read> = []
  let queued = 0
  let ended = false
  let running = false

  const readOrStop = () => {
    if (direction.current.freeze || queued >= READ_AHEAD) from.pause()
    else from.resume()
  }

  const pass = async (bytes: Buffer): Promise<boolean> => {
    const { bytesPerSecond, blackhole } = direction.current
    if (blackhole) {
      direction.swallowed += bytes.length
      return true
    }
    if (bytesPerSecond > 0) await delay((bytes.length / bytesPerSecond) * 1000)
    const allowed = direction.allow(bytes.length)
    if (to.destroyed) return false
    to.write(bytes.subarray(0, allowed.length))
    direction.bytes += allowed.length
    // A slow receiver must be felt by the sender, and a cut must come after its byte.
    if (to.writableLength > 0) await drained(to)
    if (allowed.cut !== undefined) cut(allowed.cut)
    return allowed.cut === undefined
  }

  const run = async (): Promise<void> => {
    for (let read = queue.shift(); read !== undefined; read = queue.shift()) {
      const { latencyMs, jitterMs } = direction.current
      const wait = read.at + latencyMs + Math.random() * jitterMs - Date.now()
      if (wait > 0) await delay(wait)
      for (const piece of slices(read.bytes, direction)) if (!(await pass(piece))) return
      queued -= read.bytes.length
      readOrStop()
    }
    if (ended && !to.destroyed && !direction.current.blackhole) to.end()
  }

  const start = () => {
    if (running) return
    running = true
    void run().finally(() => {
      running = false
      if (queue.length > 0) start()
    })
  }

  from.on("data", (bytes: Buffer) => {
    queue.push({ bytes, at: Date.now() })
    queued += bytes.length
    readOrStop()
    start()
  })
  from.on("end", () => {
    ended = true
    start()
  })
  const forget = direction.onChange(readOrStop)
  from.on("close", forget)
  readOrStop()
}

/** The pieces a read is written in; how long they are is looked up anew for each. */
function* slices(bytes: Buffer, direction: Direction): Generator<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const { maxWrite, bytesPerSecond } = direction.current
    // A throttled read goes out in twentieths of a second, so that a change of rate is felt soon.
    const paced = bytesPerSecond > 0 ? Math.max(1, Math.floor(bytesPerSecond / 20)) : bytes.length
    const length = Math.min(paced, maxWrite > 0 ? 1 + Math.floor(Math.random() * maxWrite) : bytes.length)
    yield bytes.subarray(at, at + length)
    at += length
  }
}

/** Resolves when the operating system has taken everything, or nothing more can be written. */
const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      socket.off("close", done)
      resolve()
    }
    socket.on("close", done)
    socket.write("", done)
  })

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
