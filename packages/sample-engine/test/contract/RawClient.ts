/** An HTTP client that keeps what others hide: header names, chunk boundaries, and how an answer ended. */
import { connect, type Socket } from "node:net"

/** `whole`: as long as it said, or up to the last chunk; `broken`: the connection closed before; `reset`: it was reset. */
export type Ending = "whole" | "broken" | "reset"

export class RawAnswer {
  status = 0
  /** Names in lower case. */
  readonly headers: Record<string, string> = {}
  readonly chunks: Array<Buffer> = []
  /** Undefined while more may come. */
  ending: Ending | undefined
  private readonly socket: Socket
  private readonly method: string
  private unread: Buffer = Buffer.alloc(0)
  private headSeen = false
  private readonly waiting = new Set<() => void>()

  constructor(socket: Socket, method: string) {
    this.socket = socket
    this.method = method
    socket.on("data", (data) => {
      this.unread = Buffer.concat([this.unread, data])
      this.parse()
      this.changed()
    })
    socket.on("error", () => this.end("reset"))
    socket.on("close", () => this.end(this.closeIsEnd() ? "whole" : "broken"))
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks)
  }

  get text(): string {
    return this.body.toString()
  }

  get json(): unknown {
    return JSON.parse(this.text) as unknown
  }

  /** Waits until the condition holds; fails when the answer ended before. */
  async when(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.ending !== undefined)
        throw new Error(`the answer ended (${this.ending}) too early: ${this.text.slice(0, 500)}`)
      await this.change()
    }
  }

  async whenHeaders(): Promise<void> {
    await this.when(() => this.headSeen)
  }

  async whenEnded(): Promise<Ending> {
    while (this.ending === undefined) await this.change()
    return this.ending
  }

  /** Stops reading, as a stalled reader does. */
  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  close(): void {
    this.socket.destroy()
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.waiting.add(resolve))
  }

  private changed(): void {
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const callback of waiting) callback()
  }

  private end(ending: Ending): void {
    this.ending ??= ending
    this.changed()
    this.socket.destroy()
  }

  private closeIsEnd(): boolean {
    return (
      this.headSeen && this.headers["content-length"] === undefined && this.headers["transfer-encoding"] === undefined
    )
  }

  private parse(): void {
    if (!this.headSeen && !this.parseHead()) return
    if (this.headers["transfer-encoding"] === "chunked") return this.parseChunks()
    if (this.unread.length > 0) this.chunks.push(this.unread)
    this.unread = Buffer.alloc(0)
    const length = this.method === "HEAD" ? "0" : this.headers["content-length"]
    if (length !== undefined && this.body.length >= Number(length)) this.end("whole")
  }

  private parseHead(): boolean {
    const end = this.unread.indexOf("\r\n\r\n")
    if (end < 0) return false
    const [first = "", ...lines] = this.unread.subarray(0, end).toString("latin1").split("\r\n")
    this.unread = this.unread.subarray(end + 4)
    this.status = Number(first.split(" ")[1])
    for (const line of lines) {
      const colon = line.indexOf(":")
      this.headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
    }
    this.headSeen = true
    return true
  }

  private parseChunks(): void {
    for (;;) {
      const line = this.unread.indexOf("\r\n")
      if (line < 0) return
      const size = Number.parseInt(this.unread.subarray(0, line).toString("latin1"), 16)
      const end = line + 2 + size
      if (this.unread.length < end + 2) return
      if (size > 0) this.chunks.push(this.unread.subarray(line + 2, end))
      this.unread = this.unread.subarray(end + 2)
      if (size === 0) return this.end("whole")
    }
  }
}

/** Asks, and waits for the headers of the answer. */
export const ask = async (url: string, path: string, method = "GET"): Promise<RawAnswer> => {
  const answer = send(url, path, method)
  await answer.whenHeaders()
  return answer
}

/** Asks, and waits for the whole answer; an answer that breaks is a failure. */
export const askWhole = async (url: string, path: string, method = "GET"): Promise<RawAnswer> => {
  const answer = await ask(url, path, method)
  const ending = await answer.whenEnded()
  if (ending !== "whole") throw new Error(`${method} ${path}: the answer is ${ending}`)
  return answer
}

/** Asks, and does not wait. */
export const send = (url: string, path: string, method = "GET"): RawAnswer => {
  const unix = /^unix:\/\/(.*)$/.exec(url)
  const [, host = "", port = ""] = /^tcp:\/\/(.*):(\d+)$/.exec(url) ?? []
  const socket = unix === null ? connect(Number(port), host) : connect(unix[1] ?? "")
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: engine\r\n\r\n`)
  return new RawAnswer(socket, method)
}

/** A frame of the multiplexed form. */
export interface Frame {
  readonly type: number
  readonly payload: string
}

/** One chunk that must be exactly one frame. */
export const frameOf = (chunk: Buffer): Frame => {
  const length = chunk.readUInt32BE(4)
  if (chunk.length !== 8 + length) throw new Error(`a chunk of ${chunk.length} bytes is no frame of ${length}`)
  if (chunk.readUInt32BE(0) % 0x1000000 !== 0) throw new Error("the bytes after the type of a frame are not zero")
  return { type: chunk.readUInt8(0), payload: chunk.subarray(8).toString("latin1") }
}

/** The frames of an answer whose every chunk is one frame. */
export const framesOf = (answer: RawAnswer): ReadonlyArray<Frame> => answer.chunks.map(frameOf)
