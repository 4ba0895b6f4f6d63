/** A source that says what a test wants: frames of its own making on a real connection, by either carrier. */
import * as Frame from "@rdl/core/link/Frame"
import { FrameType } from "@rdl/core/link/FrameType"
import { Effect, type Scope } from "effect"
import { WebSocket } from "ws"
import { type Carrier, until } from "./FaultWorld.ts"

export interface RawSource {
  /** Every frame the proxy sent. */
  readonly received: ReadonlyArray<Uint8Array>
  /** Sends the bytes as one frame, right or wrong. */
  readonly send: (frame: Uint8Array) => void
  /** Waits until what was sent has left, and a turn of the event loop longer. */
  readonly passed: Effect.Effect<void>
  /** HELLO, and the wait for WELCOME. */
  readonly shakeHands: Effect.Effect<void>
  /** Waits for the OPEN of such a request. */
  readonly opened: (op: "inventory" | "logs") => Effect.Effect<{ readonly id: number; readonly credit: number }>
  /** Answers the request for its inventory with one container. */
  readonly tellInventory: (name: string) => Effect.Effect<void>
  readonly hasReset: (id: number) => boolean
  /** Waits for the end of the link. */
  readonly ended: Effect.Effect<void>
}

/** A connection as its carrier makes it. */
interface Wire {
  readonly received: ReadonlyArray<Uint8Array>
  readonly send: (frame: Uint8Array) => void
  readonly waiting: () => number
  readonly isOver: () => boolean
}

/** HELLO of a source that has no engine. */
export const hello = (instanceId: string): Uint8Array =>
  json(FrameType.hello, 0, { versions: [1], instanceId, time: Date.now(), agent: "test", engine: null, features: [] })

/** Opens a link; the scope drops it. */
export const dial = (carrier: Carrier, url: string, token: string): Effect.Effect<RawSource, never, Scope.Scope> =>
  Effect.map(carrier === "ws" ? overWebSocket(url, token) : overHttp(url, token), rawSource)

/** A WebSocket that the proxy has taken for a link. */
export const webSocket = (url: string, token: string): Effect.Effect<WebSocket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<WebSocket>((resume) => {
      const headers = { authorization: `Bearer ${token}` }
      const ws = new WebSocket(`${url.replace("http", "ws")}/link/v1/ws`, "rdl.v1", { headers })
      ws.on("error", () => undefined)
      ws.once("open", () => resume(Effect.succeed(ws)))
    }),
    (ws) => Effect.sync(() => ws.terminate()),
  )

const rawSource = (wire: Wire): RawSource => {
  const find = (type: FrameType, suits: (frame: Uint8Array) => boolean = () => true) =>
    wire.received.find((frame) => Frame.typeOf(frame) === type && suits(frame))
  const requestOf = (frame: Uint8Array) =>
    JSON.parse(new TextDecoder().decode(Frame.afterOffset(frame))) as { op: string }
  const opened: RawSource["opened"] = (op) =>
    Effect.gen(function* () {
      const isIt = (frame: Uint8Array) => requestOf(frame).op === op
      yield* until(() => find(FrameType.open, isIt) !== undefined)
      const frame = find(FrameType.open, isIt)!
      return { id: Frame.streamIdOf(frame), credit: Frame.readOffset(frame) }
    })
  return {
    received: wire.received,
    send: wire.send,
    passed: Effect.zipRight(
      until(() => wire.waiting() === 0),
      Effect.promise(() => new Promise((resolve) => setImmediate(resolve))),
    ),
    shakeHands: Effect.suspend(() => {
      wire.send(hello("hostile"))
      return until(() => wire.isOver() || find(FrameType.welcome) !== undefined)
    }),
    opened,
    tellInventory: (name) =>
      Effect.map(opened("inventory"), ({ id }) => {
        wire.send(json(FrameType.head, id, { contentType: "application/x-ndjson" }))
        const changes = [{ _tag: "Begin" }, { _tag: "Put", container: container(name) }, { _tag: "Ready" }]
        const lines = changes.map((change) => `${JSON.stringify(change)}\n`).join("")
        wire.send(Frame.withPayload(FrameType.data, id, Buffer.from(lines)))
      }),
    hasReset: (id) => find(FrameType.reset, (frame) => Frame.streamIdOf(frame) === id) !== undefined,
    ended: until(() => wire.isOver()),
  }
}

/** A container as the link describes it, with an id of its own. */
export const container = (name: string, id = "a".repeat(64)) => ({
  id,
  name,
  names: [name],
  image: "busybox",
  imageId: "sha256:0",
  command: "sh",
  created: 0,
  state: "running",
  status: "Up 1 second",
  labels: {},
  ports: [],
})

const overWebSocket = (url: string, token: string): Effect.Effect<Wire, never, Scope.Scope> =>
  Effect.map(webSocket(url, token), (ws) => {
    const received: Array<Uint8Array> = []
    ws.on("message", (data: Buffer) => void received.push(data))
    return {
      received,
      send: (frame) => ws.send(frame),
      waiting: () => ws.bufferedAmount,
      isOver: () => ws.readyState === WebSocket.CLOSED,
    }
  })

/** One POST after the other, each of one frame, and a poll. */
const overHttp = (url: string, token: string): Effect.Effect<Wire, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const abort = new AbortController()
      const sessions = `${url}/link/v1/sessions`
      const terms = { headers: { authorization: `Bearer ${token}` }, signal: abort.signal }
      const created = await fetch(sessions, { ...terms, method: "POST" })
      const { session } = (await created.json()) as { readonly session: string }
      const received: Array<Uint8Array> = []
      let over = false
      let waiting = 0
      let seq = 0
      let posting = Promise.resolve()
      const end = () => void (over = true)
      const post = async (frame: Uint8Array) => {
        if (over) return
        const answer = await fetch(`${sessions}/${session}/up?seq=${seq++}`, {
          ...terms,
          method: "POST",
          headers: { ...terms.headers, "content-type": "application/octet-stream" },
          body: frame,
        })
        if (answer.status !== 200) end()
        await answer.arrayBuffer()
      }
      const poll = async () => {
        for (;;) {
          const answer = await fetch(`${sessions}/${session}/down?ack=${received.length}`, terms)
          const body = Buffer.from(await answer.arrayBuffer())
          if (answer.status === 200) received.push(...framesOf(body))
          else if (answer.status !== 204) return end()
        }
      }
      poll().catch(end)
      const wire: Wire = {
        received,
        send: (frame) => {
          waiting += 1
          posting = posting
            .then(() => post(frame))
            .catch(end)
            .finally(() => (waiting -= 1))
        },
        waiting: () => waiting,
        isOver: () => over,
      }
      return { abort, wire }
    }),
    ({ abort }) => Effect.sync(() => abort.abort()),
  ).pipe(Effect.map(({ wire }) => wire))

/** The frames of a poll's answer, behind the number of the first. */
const framesOf = (body: Buffer): ReadonlyArray<Uint8Array> => {
  const frames: Array<Uint8Array> = []
  for (let at = 8; at < body.length;) {
    const end = at + Frame.HEADER_BYTES + body.readUInt32BE(at + 8)
    frames.push(body.subarray(at, end))
    at = end
  }
  return frames
}

const json = (type: FrameType, id: number, value: unknown): Uint8Array =>
  Frame.withPayload(type, id, Buffer.from(JSON.stringify(value)))
