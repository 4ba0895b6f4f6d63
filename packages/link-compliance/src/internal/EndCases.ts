/** A goodbye arrives with its code, behind all that was sent before it; an end is told once, last of all, and leaves nothing behind. */
import { type Link, LinkAcceptor } from "@rdl/core/link/Link"
import { SessionCode } from "@rdl/core/link/SessionCode"
import { Effect, Exit, FastCheck, Scope } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { expect } from "vitest"
import { tokens } from "../LinkHarness.ts"
import { firstWrong, frame, framesOf } from "./Bytes.ts"
import { LinkEnd } from "./LinkEnd.ts"
import { bothClosed, type LinkWorld, type Pair, until, whoseIs } from "./LinkWorld.ts"
import { forAll, type Suite } from "./Suite.ts"

export const endCases = ({ check, checkHarness, checkWith }: Suite): void => {
  for (const way of ["source", "proxy"] as const)
    // protocol.md#session-codes; Link.ts: "Sends what is buffered, says goodbye with the code".
    check(`with every code a goodbye may have, behind the last frame (by the ${way})`, (world) =>
      Effect.gen(function* () {
        for (const code of Object.values(SessionCode)) yield* Effect.scoped(goodbye(world, way, code))
      }),
    )

  // Link.ts: `send` "after the end drops the frame"; the first goodbye is the one.
  check("once: frames and goodbyes after the first goodbye change nothing", (world) =>
    Effect.gen(function* () {
      const pair = yield* world.recorded
      const { proxy, source } = pair
      source.close(SessionCode.shuttingDown, "first")
      source.send(frame(0, 100))
      source.close(SessionCode.internal, "second")
      yield* bothClosed(pair)
      source.send(frame(1, 100))
      proxy.send(frame(2, 100))
      for (const end of [source, proxy]) {
        end.close(SessionCode.internal, "third")
        end.destroy("fourth")
        expect(end.buffered()).toBe(0)
      }
      yield* Effect.sleep("50 millis")
      for (const end of [source, proxy])
        expect(end.closes).toMatchObject([{ clean: true, code: SessionCode.shuttingDown, reason: "first" }])
      expect([proxy.frames, source.frames]).toEqual([[], []])
    }),
  )

  // Link.ts: "Called exactly once, last of all, whichever side closed".
  check("exactly once, last of all, whatever both sides do at the same time", (world) =>
    forAll(FastCheck.array(act, { minLength: 1, maxLength: 12 }), 25, (acts) =>
      Effect.scoped(
        Effect.gen(function* () {
          const pair = yield* world.pair
          pair.source.record()
          for (const { what, who } of acts) {
            if (what === "wait") yield* Effect.sleep("2 millis")
            else if (what === "send") pair[who].send(frame(0, 20_000))
            else if (what === "close") pair[who].close(SessionCode.none, "enough")
            else pair[who].destroy("enough")
          }
          pair.proxy.record()
          pair.source.close(SessionCode.none, "at last")
          yield* bothClosed(pair)
          yield* Effect.sleep("5 millis")
          for (const { closes, late } of [pair.source, pair.proxy]) expect([closes.length, late]).toEqual([1, 0])
        }),
      ),
    ),
  )

  // Link.ts: "Drops everything at once; the peer sees a loss". protocol.md#carriage: "An end … without … goodbye is a loss".
  for (const way of ["source", "proxy"] as const)
    check(`as a loss to both where one end drops it (the ${way})`, (world) =>
      Effect.gen(function* () {
        const pair = yield* world.recorded
        for (let n = 0; n < 10; n++) pair[way].send(frame(n, 1_000))
        pair[way].destroy("the case wants it so")
        yield* bothClosed(pair)
        for (const { closes } of [pair.source, pair.proxy]) expect(closes).toMatchObject([{ clean: false, code: 0 }])
        const { frames } = pair[way === "source" ? "proxy" : "source"]
        expect(firstWrong(frames, Array(10).fill(1_000))).toBe(-1)
      }),
    )

  // Link.ts: `onClose` is "called exactly once", also where the receiver comes after the end.
  check("even for a receiver that comes only afterwards", (world) =>
    Effect.gen(function* () {
      const pair = yield* world.pair
      pair.source.destroy("before anyone listened")
      yield* Effect.sleep("20 millis")
      for (const end of [pair.source, pair.proxy]) end.record()
      yield* bothClosed(pair)
      yield* Effect.sleep("20 millis")
      for (const { closes, frames } of [pair.source, pair.proxy]) {
        expect(closes).toMatchObject([{ clean: false }])
        expect(frames).toEqual([])
      }
    }),
  )

  // Link.ts: the scope of a dial destroys its link; a goodbye that was said before is no less one.
  check("with the goodbye that was said just before its dialler's scope closed", (world) =>
    Effect.gen(function* () {
      const dialled = yield* Scope.make()
      const source = (yield* Scope.extend(world.dial(), dialled)).record()
      const proxy = (yield* world.accepted).end.record()
      const sent = Array<number>(16).fill(60_000)
      for (const each of framesOf(sent)) source.send(each)
      source.close(SessionCode.shuttingDown, "the source stops")
      yield* Scope.close(dialled, Exit.void)
      yield* bothClosed({ source, proxy })
      const told = { clean: true, code: SessionCode.shuttingDown, reason: "the source stops" }
      expect([source.closes, proxy.closes]).toEqual([[told], [told]])
      expect([proxy.frames.length, firstWrong(proxy.frames, sent)]).toEqual([16, -1])
    }),
  )

  // LinkAcceptor.accept "returns when it has ended": a session's own end is its goodbye, and the link's comes after.
  checkHarness("with the goodbye of an acceptor that returns as soon as it has said it", (harness) =>
    Effect.gen(function* () {
      const sent = Array<number>(15).fill(60_000)
      const accept = (link: Link) =>
        Effect.sync(() => {
          const proxy = new LinkEnd(link).record()
          for (const each of framesOf(sent)) proxy.send(each)
          proxy.close(SessionCode.replaced, "a newer one is here")
        })
      const { dial } = yield* Effect.provideService(harness, LinkAcceptor, { authenticate: whoseIs, accept })
      const source = new LinkEnd(yield* dial(tokens.source)).record()
      yield* until("the end", () => source.closes.length > 0)
      expect(source.closes).toEqual([{ clean: true, code: SessionCode.replaced, reason: "a newer one is here" }])
      expect([source.frames.length, firstWrong(source.frames, sent)]).toEqual([15, -1])
    }),
  )

  // LinkDialer.dial: "the caller's scope destroys it".
  check("as a loss where its dialler's scope closes without a word", (world) =>
    Effect.gen(function* () {
      const dialled = yield* Scope.make()
      yield* Scope.extend(world.dial(), dialled)
      const proxy = (yield* world.accepted).end.record()
      yield* Scope.close(dialled, Exit.void)
      yield* until("the end", () => proxy.closes.length > 0)
      expect(proxy.closes).toMatchObject([{ clean: false }])
    }),
  )

  // Link.ts: "is closed for good after at most 1 s".
  checkWith("freeze", "within about a second of a goodbye, though the peer takes nothing", (world, freeze) =>
    Effect.gen(function* () {
      for (const way of ["source", "proxy"] as const) {
        const pair = yield* world.recorded
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* freeze
            for (let n = 0; n < 5; n++) pair[way].send(frame(n, 50_000))
            const said = Date.now()
            pair[way].close(SessionCode.shuttingDown, "bye")
            yield* until("the end", () => pair[way].closes.length > 0)
            // Slack for a busy machine: what is wrong here waits for a timeout of TCP, or for ever.
            expect(Date.now() - said).toBeLessThan(10_000)
            expect(pair[way].closes).toMatchObject([{ clean: false }])
            expect(pair[way].buffered()).toBe(0)
          }),
        )
      }
    }),
  )

  check("and leaves nothing behind, 200 times over", (world) =>
    Effect.gen(function* () {
      const links: Array<WeakRef<object>> = []
      yield* openAndClose(world, 0, [])
      const before = resources()
      for (let n = 0; n < 200; n++) yield* openAndClose(world, n, links)
      expect(world.counts).toEqual({ given: 201, serving: 0 })
      // Sockets and timers have their own moment to go; a leak of one for each link stays.
      yield* until(`no more than ${before + 20} open resources`, () => resources() <= before + 20)
      yield* until("links that are garbage", () => {
        collectGarbage()
        return links.filter((link) => link.deref() !== undefined).length <= 40
      })
    }),
  )
}

const act = FastCheck.record({
  who: FastCheck.constantFrom<Array<keyof Pair>>("source", "proxy"),
  what: FastCheck.constantFrom("send", "send", "wait", "close", "destroy"),
})

const goodbye = (world: LinkWorld, way: keyof Pair, code: number) =>
  Effect.gen(function* () {
    const pair = yield* world.recorded
    const sent = Array<number>(20).fill(1_000)
    yield* pair[way].sendAll(framesOf(sent))
    pair[way].close(code, `goodbye ${code}`)
    yield* bothClosed(pair)
    const told = { clean: true, code, reason: `goodbye ${code}` }
    expect([pair.source.closes, pair.proxy.closes]).toEqual([[told], [told]])
    const other = pair[way === "source" ? "proxy" : "source"]
    expect([other.frames.length, firstWrong(other.frames, sent)]).toEqual([20, -1])
  })

/** A link that carries a frame each way and ends in one of three ways. */
const openAndClose = (world: LinkWorld, n: number, links: Array<WeakRef<object>>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const pair = yield* world.recorded
      const { proxy, source } = pair
      links.push(new WeakRef(source), new WeakRef(proxy))
      source.send(frame(0, 100))
      proxy.send(frame(0, 100))
      yield* until("a frame each way", () => source.frames.length + proxy.frames.length === 2)
      if (n % 3 === 0) source.close(SessionCode.none, "enough")
      else if (n % 3 === 1) proxy.close(SessionCode.none, "enough")
      else source.destroy("enough")
      yield* bothClosed(pair)
    }),
  )

/** Whatever keeps a process alive: sockets, servers, timers. */
const resources = (): number => process.getActiveResourcesInfo().length

const collectGarbage = ((): (() => void) => {
  setFlagsFromString("--expose-gc")
  return runInNewContext("gc") as () => void
})()
