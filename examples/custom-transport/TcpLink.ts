/** One TCP connection as a Link: frames one after the other, and a goodbye that is answered by a goodbye. */
import * as Frame from "@rdl/core/link/Frame"
import { FrameDecoder } from "@rdl/core/link/FrameDecoder"
import { FrameType } from "@rdl/core/link/FrameType"
import type { Link, LinkClosed, LinkHandlers } from "@rdl/core/link/Link"
import { GREATEST_MAX_FRAME } from "@rdl/core/link/LinkLimits"
import { SessionCode } from "@rdl/core/link/SessionCode"
import type { Socket } from "node:net"

/** Milliseconds from a goodbye, said or heard, until the socket is destroyed. */
const closeMs = 1_000

/** The goodbye is a RESET of stream 0, which no session ever sends: it has room for a code and a reason. */
const goodbye = (code: number, reason: string): Uint8Array => Frame.reset(0, code, reason)
const isGoodbye = (frame: Uint8Array): boolean =>
  Frame.typeOf(frame) === FrameType.reset && Frame.streamIdOf(frame) === 0

export class TcpLink implements Link {
  readonly transport = "tcp"
  readonly #socket: Socket
  readonly #decoder = new FrameDecoder(GREATEST_MAX_FRAME)
  #handlers: LinkHandlers | undefined
  /** What this end said, and what it heard. */
  #said: LinkClosed | undefined
  #heard: LinkClosed | undefined
  #broken: string | undefined
  #closed: LinkClosed | undefined

  /** Takes a socket that is paused: nothing is read ahead of `start` but what the socket holds itself, 64 KiB. */
  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true).setKeepAlive(true, 15_000)
    socket.on("data", this.#onBytes)
    socket.on("drain", () => this.#handlers?.onDrain())
    socket.on("error", (error) => (this.#broken ??= error.message))
    // A FIN is no goodbye, and who sent one need not take anything more.
    socket.once("end", () => this.#heard === undefined && socket.destroy())
    socket.once("close", () => {
      this.#closed = this.#verdict()
      this.#handlers?.onClose(this.#closed)
    })
  }

  readonly start = (handlers: LinkHandlers): void => {
    this.#handlers = handlers
    if (this.#closed === undefined) this.#socket.resume()
    else handlers.onClose(this.#closed)
  }

  readonly send = (frame: Uint8Array): void => {
    if (this.#isOpen) this.#socket.write(frame)
  }

  readonly buffered = (): number => (this.#socket.destroyed ? 0 : this.#socket.writableLength)

  readonly close = (code: number, reason: string): void => this.#leave({ clean: true, code, reason })

  readonly destroy = (reason: string): void => {
    if (this.#socket.destroyed) return
    this.#said = { clean: false, code: SessionCode.none, reason }
    this.#socket.destroy()
  }

  /** Destroys the link unless a goodbye is under way: then that has its second. */
  readonly letGo = (reason: string): void => {
    if (this.#isOpen) this.destroy(reason)
  }

  get #isOpen(): boolean {
    return this.#said === undefined && this.#heard === undefined && !this.#socket.destroyed
  }

  /** Says goodbye behind what is buffered, and reads on for the answer. */
  #leave(closed: LinkClosed): void {
    if (!this.#isOpen) return
    this.#said = closed
    this.#socket.write(goodbye(closed.code, closed.reason))
    this.#expectClose()
  }

  #expectClose(): void {
    const timer = setTimeout(() => this.#socket.destroy(), closeMs)
    this.#socket.once("close", () => clearTimeout(timer))
    this.#socket.resume()
  }

  readonly #onBytes = (bytes: Uint8Array): void => {
    if (this.#heard !== undefined || this.#said?.clean === false) return
    try {
      this.#decoder.push(bytes, this.#onFrame)
    } catch (error) {
      if (!(error instanceof Frame.FrameError)) throw error
      this.#leave({ clean: false, code: error.code, reason: error.message })
    }
  }

  readonly #onFrame = (frame: Uint8Array): void => {
    if (isGoodbye(frame)) this.#onGoodbye(frame)
    else if (this.#isOpen) this.#handlers?.onFrame(frame)
  }

  #onGoodbye(frame: Uint8Array): void {
    const { code, text } = Frame.readReset(frame)
    this.#heard = { clean: true, code, reason: text }
    if (this.#said === undefined) {
      this.#socket.write(goodbye(code, ""))
      this.#expectClose()
    }
    this.#socket.end()
  }

  /** Whoever said goodbye has it clean if it was answered. */
  #verdict(): LinkClosed {
    if (this.#said !== undefined) return { ...this.#said, clean: this.#said.clean && this.#heard !== undefined }
    const loss = this.#broken === undefined ? "the peer hung up" : `the connection broke (${this.#broken})`
    return this.#heard ?? { clean: false, code: SessionCode.none, reason: loss }
  }
}
