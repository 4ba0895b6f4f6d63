/** The body of one answer on its way to the socket: no faster than the reader takes it, and broken where a fault says so. */
import type { ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { CutHow, Fault } from "./Fault.ts"

/** How often a slowed answer sends its share of a second. */
const SLICE_MILLIS = 50

export class Outlet {
  private readonly response: ServerResponse
  private readonly socket: Socket
  private readonly fault: Fault
  private readonly whenClosed = new Set<() => void>()
  private sent = 0
  private over = false

  /** The response must have its socket: answers of one connection are written one after the other. */
  constructor(response: ServerResponse, fault: Fault | undefined) {
    this.response = response
    this.socket = response.req.socket
    this.fault = fault ?? {}
    response.once("close", () => this.close())
  }

  /** True when nothing more can be sent: ended, cut, or the reader has left. */
  get closed(): boolean {
    return this.over
  }

  /** Calls back once when closed, at once if it is. */
  onClose(callback: () => void): void {
    if (this.over) callback()
    else this.whenClosed.add(callback)
  }

  /** Sends the headers at once, even if no body follows for long. */
  begin(status: number, headers: Readonly<Record<string, string>>): void {
    if (this.over) return
    this.response.removeHeader("connection")
    this.response.writeHead(status, headers)
    this.response.flushHeaders()
    if (this.fault.cut?.afterBytes === 0) this.break(this.fault.cut.how)
  }

  /**
   * Sends bytes of the body as they stand on the wire, and waits until the socket has taken them.
   * False when the answer is over; what was not sent then is lost.
   */
  async write(bytes: Buffer): Promise<boolean> {
    const { bytesPerSecond } = this.fault
    if (bytesPerSecond === undefined) return this.push(bytes)
    const size = Math.max(1, Math.floor((bytesPerSecond * SLICE_MILLIS) / 1000))
    for (let at = 0; at < bytes.length; at += size) {
      const slice = bytes.subarray(at, at + size)
      if (!(await this.push(slice))) return false
      await this.pause((slice.length * 1000) / bytesPerSecond)
    }
    return !this.over
  }

  /** Waits, but no longer than the connection lives. */
  pause(millis: number): Promise<void> {
    if (this.over) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.whenClosed.delete(done)
        resolve()
      }
      const timer = Number.isFinite(millis) ? setTimeout(done, millis) : undefined
      this.whenClosed.add(done)
    })
  }

  /** Ends the answer as one that is whole. */
  end(): void {
    if (this.over) return
    this.response.end()
    this.close()
  }

  /** Breaks the connection in the middle of the answer. */
  break(how: CutHow): void {
    if (this.over) return
    if (how === "fin") this.socket.end()
    else if (this.socket.remoteAddress === undefined) this.socket.destroy()
    else this.socket.resetAndDestroy()
    this.close()
  }

  private async push(bytes: Buffer): Promise<boolean> {
    if (this.over) return false
    const { cut } = this.fault
    const left = cut === undefined ? Infinity : cut.afterBytes - this.sent
    this.sent += bytes.length
    if (cut === undefined || bytes.length < left) {
      if (!this.socket.write(bytes)) await this.drained()
      return !this.over
    }
    await new Promise<void>((resolve) => this.socket.write(bytes.subarray(0, left), () => resolve()))
    this.break(cut.how)
    return false
  }

  private drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.socket.off("drain", done)
        this.whenClosed.delete(done)
        resolve()
      }
      this.socket.once("drain", done)
      this.whenClosed.add(done)
    })
  }

  private close(): void {
    this.over = true
    const callbacks = [...this.whenClosed]
    this.whenClosed.clear()
    for (const callback of callbacks) callback()
  }
}
