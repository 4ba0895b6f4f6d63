/** One GET over a socket of its own, for answers that stream: three times cheaper a log line than Node's HTTP client. */
import { connect } from "node:net"
import { connectOptions, type EngineAddress } from "./EngineAddress.ts"
import { HttpBody, type HttpHead } from "./HttpBody.ts"
import { ReadPacer, REST_MS } from "./ReadPacer.ts"

/** Called in order: `onHead`, then `onData` and `onSettled` in turn, then `onEnd` or `onError`, once. */
export interface GetHandlers {
  readonly onHead: (head: HttpHead) => void
  /** A view of what was read from the socket, valid only during the call. */
  readonly onData: (slice: Uint8Array) => void
  /** Everything the socket held has been handed over; more comes in a later turn. */
  readonly onSettled: () => void
  readonly onEnd: () => void
  /** A foreign error from the socket, or what is wrong with the answer. */
  readonly onError: (error: Error) => void
}

export interface GetOptions {
  readonly address: EngineAddress
  readonly path: string
  /** How long the head may take, in milliseconds, connecting included; 0 = for ever. */
  readonly headTimeoutMs: number
}

/** A GET under way. */
export interface HttpGet {
  /** Stops reading: at most one more read of 64 KiB is handed over, the rest waits at the engine. */
  readonly pause: () => void
  readonly resume: () => void
  /** Drops the connection at once; no handler is called any more. */
  readonly destroy: () => void
}

/** The longest read of the socket, in bytes. */
const READ_BYTES = 64 * 1024

/** Starts at once. The path must be free of line breaks; EngineRequest sees to that. */
export const start = (options: GetOptions, handlers: GetHandlers): HttpGet => {
  const pacer = new ReadPacer()
  let held = false
  let rest: NodeJS.Timeout | undefined
  const endRest = () => {
    rest = undefined
    if (!held) socket.resume()
  }
  // One buffer for all that is read: one for each read is what the garbage collector would be busy with.
  const onread = {
    buffer: new Uint8Array(READ_BYTES),
    callback: (length: number, buffer: Uint8Array): boolean => {
      body.push(buffer.subarray(0, length))
      if (over) return false
      handlers.onSettled()
      if (rest === undefined && pacer.restsAfter(length, performance.now())) rest = setTimeout(endRest, REST_MS)
      return !held && rest === undefined
    },
  }
  const socket = connect({ ...connectOptions(options.address), onread })
  const timer =
    options.headTimeoutMs > 0
      ? setTimeout(() => fail(new Error(`no answer within ${options.headTimeoutMs / 1000} s`)), options.headTimeoutMs)
      : undefined
  const release = () => {
    clearTimeout(timer)
    clearTimeout(rest)
    body.stop()
    socket.destroy()
  }
  const fail = (error: Error) => {
    release()
    if (over) return
    over = true
    handlers.onError(error)
  }
  let over = false
  const body = new HttpBody({
    onHead: (head) => {
      clearTimeout(timer)
      handlers.onHead(head)
    },
    onData: handlers.onData,
    onEnd: () => {
      release()
      over = true
      handlers.onEnd()
    },
    onError: (detail) => fail(new Error(detail)),
  })
  socket.setKeepAlive(true, 15_000)
  socket.on("end", () => body.end())
  socket.on("error", fail)
  socket.on("close", () => over || fail(new Error("the connection was closed")))
  socket.write(
    `GET ${options.path} HTTP/1.1\r\nHost: engine\r\nUser-Agent: rdl-source\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
  )
  return {
    pause: () => {
      held = true
      socket.pause()
    },
    resume: () => {
      held = false
      if (rest === undefined) socket.resume()
    },
    destroy: () => {
      over = true
      release()
    },
  }
}
