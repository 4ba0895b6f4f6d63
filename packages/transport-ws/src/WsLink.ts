/** One open WebSocket as a Link: one frame is one binary message, at either end. */
import { HEADER_BYTES } from "@rdl/core/link/Frame"
import type { Link, LinkClosed, LinkHandlers } from "@rdl/core/link/Link"
import { GREATEST_MAX_FRAME, MAX_BUFFERED } from "@rdl/core/link/LinkLimits"
import { SessionCode } from "@rdl/core/link/SessionCode"
import type { Socket } from "node:net"
import { type RawData, WebSocket } from "ws"
import * as WsCloseCode from "./WsCloseCode.ts"

/** The version of the link protocol, as both ends name it in `Sec-WebSocket-Protocol`. */
export const subprotocol = "rdl.v1"

/** Where a proxy takes links, unless told otherwise. */
export const path = "/link/v1/ws"

/** What both ends ask of `ws`. A longer message than `maxPayload`, the longest frame there may be, ends the link with FRAME_TOO_LARGE. */
export const socketOptions = {
  maxPayload: GREATEST_MAX_FRAME + HEADER_BYTES,
  /** Costs ten times the CPU of the link itself; logs are worth compressing where they are stored, not here. */
  perMessageDeflate: false,
  skipUTF8Validation: true,
  /** Milliseconds from either side's goodbye until the socket is destroyed. Not yet in @types/ws. */
  closeTimeout: 1000,
}

/** What may be read ahead of `start`, in bytes. */
const readAhead = 1024 * 1024
/** One read of the socket and the message it completes still arrive after the pause. */
const pauseAt = readAhead - 64 * 1024 - socketOptions.maxPayload
/** What a held frame costs beside its bytes, so that empty ones count too. */
const frameOverhead = 128
const keepAliveMs = 15_000
/** What a close frame has room for, in bytes. */
const maxReason = 123

/** What `ws` reports where no close frame came. */
const noGoodbye = 1006

/** Wraps a WebSocket that has just opened, before its first message is read: in the same tick. */
export const make = (ws: WebSocket, socket: Socket): WsLink => new OpenWsLink(ws, socket)

/** A link over a WebSocket that is open. */
export interface WsLink extends Link {
  /** Destroys the link unless it has said goodbye: then that may finish, within its second. */
  readonly abandon: (reason: string) => void
}

class OpenWsLink implements WsLink {
  readonly transport = "ws"
  readonly #ws: WebSocket
  #handlers: LinkHandlers | undefined
  #held: Array<Uint8Array> = []
  #heldBytes = 0
  /** Whether `buffered()` was above 0 after a `send`, so that a drain is owed. */
  #owing = false
  /** What `buffered()` must fall to before the drain is told. */
  #drainAt = 0
  /** Set once this end has ended the link, with what `onClose` will tell if the peer answers. */
  #ending: LinkClosed | undefined
  #socketError: string | undefined
  #closed: LinkClosed | undefined

  constructor(ws: WebSocket, socket: Socket) {
    this.#ws = ws
    // `ws` sets TCP_NODELAY by itself. A TLS socket passes this on to the one below.
    socket.setKeepAlive(true, keepAliveMs)
    socket.once("error", (error: NodeJS.ErrnoException) => {
      this.#socketError = error.code ?? error.message
    })
    ws.on("message", this.#onMessage)
    ws.on("error", this.#onError)
    ws.once("close", this.#onWsClose)
    // A peer that ends its half but takes nothing more would keep the socket open.
    socket.once("end", () => {
      const timer = setTimeout(() => ws.terminate(), socketOptions.closeTimeout)
      ws.once("close", () => clearTimeout(timer))
    })
  }

  readonly start = (handlers: LinkHandlers): void => {
    this.#handlers = handlers
    const held = this.#held
    this.#release()
    for (const frame of held) {
      if (this.#ending !== undefined) break
      handlers.onFrame(frame)
    }
    if (this.#closed !== undefined) handlers.onClose(this.#closed)
    else this.#ws.resume()
  }

  readonly send = (frame: Uint8Array): void => {
    if (this.#ending !== undefined || this.#ws.readyState !== WebSocket.OPEN) return
    this.#ws.send(frame, this.#onSent)
    const buffered = this.#ws.bufferedAmount
    if (buffered === 0) return
    this.#owing = true
    if (this.#drainAt === 0 && buffered > MAX_BUFFERED) this.#drainAt = buffered / 2
  }

  readonly buffered = (): number => (this.#ws.readyState === WebSocket.CLOSED ? 0 : this.#ws.bufferedAmount)

  readonly close = (code: number, reason: string): void => {
    this.#sayGoodbye({ clean: true, code, reason }, WsCloseCode.toWs(code))
  }

  readonly destroy = (reason: string): void => {
    if (this.#closed !== undefined) return
    this.#ending = { clean: false, code: SessionCode.none, reason }
    this.#release()
    this.#ws.terminate()
  }

  readonly abandon = (reason: string): void => {
    if (this.#ending === undefined) this.destroy(reason)
  }

  readonly #onMessage = (data: RawData, isBinary: boolean): void => {
    if (this.#ending !== undefined) return
    if (!isBinary) return this.#refuseText()
    // `nodebuffer` is the binary type of `ws` unless it is changed.
    const frame = data as Buffer
    if (this.#handlers !== undefined) return this.#handlers.onFrame(frame)
    this.#held.push(frame)
    this.#heldBytes += frame.length + frameOverhead
    if (this.#heldBytes >= pauseAt) this.#ws.pause()
  }

  readonly #refuseText = (): void => {
    const reason = "a text message came; a link carries binary messages only"
    this.#sayGoodbye({ clean: false, code: SessionCode.protocol, reason }, 1003)
  }

  readonly #onSent = (error?: Error | null): void => {
    if (!this.#owing || error || this.#closed !== undefined) return
    const buffered = this.buffered()
    if (buffered > this.#drainAt) return
    this.#drainAt = 0
    this.#owing = buffered > 0
    this.#handlers?.onDrain()
  }

  /** The peer broke the WebSocket protocol: `ws` reads no more and has sent the close frame that says so. */
  readonly #onError = (error: NodeJS.ErrnoException): void => {
    const code = error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" ? SessionCode.frameTooLarge : SessionCode.protocol
    this.#ending ??= { clean: false, code, reason: error.message }
  }

  readonly #onWsClose = (wsCode: number, reason: Buffer): void => {
    this.#closed = this.#verdict(wsCode !== noGoodbye, wsCode, reason)
    this.#handlers?.onClose(this.#closed)
  }

  readonly #verdict = (goodbye: boolean, wsCode: number, reason: Buffer): LinkClosed => {
    if (this.#ending !== undefined) return { ...this.#ending, clean: this.#ending.clean && goodbye }
    if (goodbye) return { clean: true, code: WsCloseCode.fromWs(wsCode), reason: reason.toString() }
    const why = this.#socketError === undefined ? "the peer hung up" : `the connection broke (${this.#socketError})`
    return { clean: false, code: SessionCode.none, reason: `${why} without a goodbye` }
  }

  readonly #sayGoodbye = (ending: LinkClosed, wsCode: number): void => {
    if (this.#ending !== undefined || this.#closed !== undefined) return
    this.#ending = ending
    this.#release()
    this.#ws.close(wsCode, fitReason(ending.reason))
    // The peer's answer has to be read for the close to be a clean one.
    this.#ws.resume()
  }

  readonly #release = (): void => {
    this.#held = []
    this.#heldBytes = 0
  }
}

/** Cuts a reason to what a close frame holds, between two characters. */
const fitReason = (reason: string): Buffer => {
  const bytes = Buffer.from(reason)
  if (bytes.length <= maxReason) return bytes
  let end = maxReason
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.subarray(0, end)
}
