/** What two sessions settle between them arrives over every transport: versions, features, terms, cancellation, and whole answers. */
import * as Frame from "@rdl/core/link/Frame"
import { FrameType } from "@rdl/core/link/FrameType"
import { GREATEST_MAX_FRAME } from "@rdl/core/link/LinkLimits"
import { PROTOCOL_VERSION } from "@rdl/core/link/LinkMessage"
import * as LinkSession from "@rdl/core/link/LinkSession"
import { SessionCode } from "@rdl/core/link/SessionCode"
import { Effect, Exit, Fiber, Scope } from "effect"
import { expect } from "vitest"
import { until } from "./LinkWorld.ts"
import * as SessionPair from "./SessionPair.ts"
import type { Suite } from "./Suite.ts"

export const sessionCases = ({ check }: Suite): void => {
  // protocol.md#streams: "END says that the answer is whole and every byte of it has been sent before".
  check("whose answers arrive whole, several at a time", (world) =>
    Effect.gen(function* () {
      const { begin } = yield* SessionPair.make(world)
      const streams = yield* Effect.replicateEffect(begin, 4)
      const told = streams.map(([reader]) => new SessionPair.Told(reader))
      for (const [n, [, { finish, writer }]] of streams.entries())
        SessionPair.writeText(writer, n * 700_000, () => finish(SessionPair.eof))
      yield* until("every END", () => told.every(({ results }) => results.length > 0))
      expect(told.map(({ bytes, inOrder, results }) => [bytes, inOrder, results])).toEqual(
        streams.map((_, n) => [n * 700_000, true, [{ reason: "eof" }]]),
      )
    }),
  )

  // protocol.md#handshake: "Where none is common the proxy answers GOAWAY(UNSUPPORTED_VERSION)".
  check("only where both speak a version: else both are told so", (world) =>
    Effect.gen(function* () {
      const { proxy, source } = yield* world.pair
      const hello = { ...SessionPair.hello, versions: [PROTOCOL_VERSION + 1, PROTOCOL_VERSION + 7] } as const
      const serving = yield* Effect.forkScoped(
        LinkSession.serve(source, { hello, handler: () => Effect.never, onWelcome: () => Effect.void }),
      )
      const connecting = LinkSession.connect(proxy, { welcome: () => Effect.succeed(SessionPair.welcome) })
      for (const lost of [yield* Effect.flip(connecting), yield* Effect.flip(Fiber.join(serving))])
        expect(lost).toMatchObject({ _tag: "LinkLost", code: SessionCode.unsupportedVersion })
    }),
  )

  // protocol.md#handshake: the highest version both speak; a feature is used only where both ends list it.
  check("with versions and features that one side alone knows", (world) =>
    Effect.gen(function* () {
      const features = ["time-travel"]
      const hello = { versions: [PROTOCOL_VERSION, PROTOCOL_VERSION + 1], features } as const
      const { begin, session, welcomes } = yield* SessionPair.make(world, { hello, terms: { features: ["teleport"] } })
      expect(session.hello.features).toEqual(features)
      expect(welcomes).toMatchObject([{ version: PROTOCOL_VERSION, features: ["teleport"], source: "edge-1" }])
      yield* whole(yield* begin)
    }),
  )

  // protocol.md#frames: "A receiver MUST skip a frame of unknown type that carries" IGNORABLE.
  check("with frames that only a later version knows", (world) =>
    Effect.gen(function* () {
      const { begin, source } = yield* SessionPair.make(world)
      source.send(unknown(Frame.IGNORABLE))
      yield* whole(yield* begin)
    }),
  )

  for (const [sentence, code, bad] of [
    ["a frame of unknown type", SessionCode.protocol, () => unknown(0)],
    [
      "a payload longer than the terms allow",
      SessionCode.frameTooLarge,
      () => Frame.allocate(FrameType.data, 1, SessionPair.welcome.maxFrame + 1),
    ],
    [
      "a frame longer than any may be",
      SessionCode.frameTooLarge,
      () => Frame.allocate(FrameType.data, 1, GREATEST_MAX_FRAME + 1),
    ],
  ] as const)
    // protocol.md#errors, protocol.md#frames: "the receiver answers with GOAWAY(FRAME_TOO_LARGE)".
    check(`until ${sentence} comes, which ends it with code ${code}, for every stream`, (world) =>
      Effect.gen(function* () {
        const { begin, serving, session, source } = yield* SessionPair.make(world)
        const told = new SessionPair.Told((yield* begin)[0])
        source.send(bad())
        expect(yield* session.lost).toMatchObject({ clean: false, code })
        expect(told).toMatchObject({ bytes: 0, results: [{ _tag: "LinkLost", code }] })
        expect(yield* Effect.flip(Fiber.join(serving))).toMatchObject({ _tag: "LinkLost" })
      }),
    )

  // protocol.md#streams: RESET from the proxy: "the source MUST stop its work and drop what it holds".
  check("in which a handler is interrupted within a second of its reader leaving, idle or full", (world) =>
    Effect.gen(function* () {
      const { begin } = yield* SessionPair.make(world)
      const took = Effect.fnUntraced(function* (bytes: number) {
        const scope = yield* Scope.make()
        const [, handled] = yield* Scope.extend(begin, scope)
        SessionPair.writeText(handled.writer, bytes)
        const left = Date.now()
        yield* Scope.close(scope, Exit.void)
        yield* until("the handler's interruption", () => handled.interrupted === 1)
        return Date.now() - left
      })
      // The quickest of some: a busy machine may hold up one, and not all of them.
      for (const bytes of [0, 4_000_000])
        expect(Math.min(...(yield* Effect.replicateEffect(took(bytes), 4)))).toBeLessThan(1_000)
      yield* whole(yield* begin)
    }),
  )

  // protocol.md#goaway: a GOAWAY that is not graceful ends the session at once, with its code.
  check("that either end may end with a code the other hears", (world) =>
    Effect.gen(function* () {
      const { begin, serving, session } = yield* SessionPair.make(world)
      const [reader] = yield* begin
      const told = new SessionPair.Told(reader)
      yield* session.close(SessionCode.unauthorized, "the token was taken back")
      const lost = yield* Effect.flip(Fiber.join(serving))
      expect(lost).toMatchObject({ clean: true, code: SessionCode.unauthorized, detail: "the token was taken back" })
      expect(told.results).toMatchObject([{ _tag: "LinkLost", code: SessionCode.unauthorized }])
    }),
  )
}

const unknown = (flags: number): Uint8Array => {
  const frame = Frame.allocate(FrameType.ping, 0, 8)
  frame[0] = 0x7f
  frame[1] = flags
  return frame
}

/** The stream answers with some text, and it arrives. */
const whole = Effect.fnUntraced(function* ([reader, { finish, writer }]: Effect.Effect.Success<
  SessionPair.SessionPair["begin"]
>) {
  const told = new SessionPair.Told(reader)
  SessionPair.writeText(writer, 100_000, () => finish(SessionPair.eof))
  yield* until("END", () => told.results.length > 0)
  expect(told).toMatchObject({ bytes: 100_000, inOrder: true, results: [{ reason: "eof" }] })
})
