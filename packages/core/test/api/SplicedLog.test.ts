import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Fiber, type Scope, Stream, TestClock, TestContext } from "effect"
import { ApiError } from "../../src/api/ApiError.ts"
import type { RdlError } from "../../src/api/RdlConnectionError.ts"
import * as SplicedLog from "../../src/api/SplicedLog.ts"
import * as LogEntry from "../../src/log/LogEntry.ts"
import { answer, answerInPieces, cable, type Form, frames, ID, linesOf, ndjson, OTHER_ID } from "./AnswerWorld.ts"

const forms = [frames, ndjson]
const RUNS = Number(process.env["RDL_RUNS"] ?? 1) * 20

type Answers = (
  request: SplicedLog.SpliceRequest,
  n: number,
) => Effect.Effect<SplicedLog.SpliceAnswer, RdlError, Scope.Scope>

interface Given {
  readonly ref?: string
  readonly follow?: boolean
  readonly giveUpAfter?: string
  readonly isLinked?: boolean
  readonly resume?: string
}

/** Reads to the end in time that flies; what was asked, what came, and how it ended. */
const read = (form: Form, answers: Answers, given: Given = {}) =>
  Effect.gen(function* () {
    const asked: Array<SplicedLog.SpliceRequest> = []
    const log = yield* SplicedLog.open(
      (request) => Effect.suspend(() => answers(request, asked.push(request) - 1)),
      {
        ref: given.ref ?? "web",
        follow: given.follow ?? true,
        giveUpAfter: given.giveUpAfter === undefined ? "10 minutes" : Number(given.giveUpAfter),
        isLinked: () => Effect.succeed(given.isLinked ?? true),
      },
      form.splice(given.resume),
    )
    const events: Array<SplicedLog.LogEvent> = []
    const reading = yield* Effect.fork(
      Effect.either(Stream.runForEach(log.events, (event) => Effect.sync(() => events.push(event)))),
    )
    for (let n = 0; n < 300 && (yield* Fiber.poll(reading))._tag === "None"; n++) yield* TestClock.adjust("5 seconds")
    if ((yield* Fiber.poll(reading))._tag === "None") return yield* Effect.dieMessage("the log is not over")
    const result = yield* Fiber.join(reading)
    const words = events.filter(({ _tag }) => _tag !== "Bytes" && _tag !== "Mark")
    return { asked, events, words, text: linesIn(textOf(events)), result }
  })

const textOf = (events: ReadonlyArray<SplicedLog.LogEvent>): string =>
  Buffer.concat(events.flatMap((event) => (event._tag === "Bytes" ? [event.bytes] : []))).toString("latin1")

/** Without the objects that are told beside it. */
const linesIn = (text: string): string => text.replaceAll(/^\{"(?:gap|next|end)":.*\n/gm, "")

/** What is told among the lines, as a reader of entries sees it; where there are none, as much as there should be. */
const objectsIn = (form: Form, events: ReadonlyArray<SplicedLog.LogEvent>): ReadonlyArray<string> => {
  const found: Array<LogEntry.LogEntry> = []
  const reader = LogEntry.reader((entry) => found.push(entry))
  const told = events.filter(({ _tag }) => ["Gap", "Next", "End"].includes(_tag)).map(({ _tag }) => _tag.toLowerCase())
  if (form.name === "frames") return told
  expect(reader.push(Buffer.from(textOf(events), "latin1"))).toBeUndefined()
  expect(reader.end()).toBeUndefined()
  const names = found.flatMap((entry) => ("line" in entry ? [] : Object.keys(entry)))
  expect(names).toEqual(told)
  return names
}

const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Effect.scoped(effect).pipe(Effect.orDie, Effect.provide(TestContext.TestContext)))

const ended = (form: Form, lines: number, place: SplicedLog.SpliceRequest["place"], every = 1) =>
  Buffer.concat([form.body(lines, every, place), form.end])

const gone = new ApiError({ code: "no-such-container", message: "gone" })

describe.each(forms)("a log out of several answers in $name", (form) => {
  it("has every line once, wherever each answer breaks off", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.integer({ min: 0, max: 30 }),
        FastCheck.integer({ min: 1, max: 6 }),
        FastCheck.array(FastCheck.tuple(FastCheck.nat(), FastCheck.boolean()), { maxLength: 8 }),
        (lines, every, cuts) =>
          run(
            Effect.gen(function* () {
              // Lines of JSON say where they stand, each of them.
              const marked = form.name === "ndjson" ? 1 : every
              const { text, words } = yield* read(form, ({ place }, n) => {
                const whole = ended(form, lines, place, marked)
                const cut = cuts[n]
                return Effect.succeed(
                  cut === undefined ? answer(whole, false) : answer(whole.subarray(0, cut[0] % whole.length), cut[1]),
                )
              })
              expect(text).toBe(linesOf(form, lines))
              expect(words.filter(({ _tag }) => _tag !== "Lost" && _tag !== "Resumed")).toEqual([
                { _tag: "End", end: { reason: "stopped" } },
              ])
            }),
          ),
      ),
      { numRuns: RUNS },
    )
  })

  it("goes on for another program with any mark that the one before it got", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.integer({ min: 1, max: 6 }),
        FastCheck.integer({ min: 1, max: 6 }),
        FastCheck.integer({ min: 1, max: 200 }),
        FastCheck.nat(),
        (marked, every, piece, which) =>
          run(
            Effect.gen(function* () {
              const lines = marked * every
              const whole: Answers = ({ place }) =>
                Effect.succeed(answerInPieces(ended(form, lines, place, every), piece))
              const { events } = yield* read(form, whole)
              const marks = events.flatMap((event, index) => (event._tag === "Mark" ? [{ event, index }] : []))
              const { event, index } = marks[which % marks.length]!
              const again = yield* read(form, whole, { resume: event.cursor })
              expect(again.asked[0]?.place).toEqual({ cursor: event.cursor, received: 0 })
              expect(linesIn(textOf(events.slice(0, index))) + again.text).toBe(linesOf(form, lines))
              // A mark stands behind what came before it, and is told once.
              expect(new Set(marks.map(({ event }) => event.cursor)).size).toBe(marks.length)
              expect(again.events.slice(0, -1).some(({ _tag }) => _tag === "End")).toBe(false)
            }),
          ),
      ),
      { numRuns: RUNS },
    )
  })

  it.scoped("leaves out the lines that came after the last cursor", () =>
    Effect.gen(function* () {
      const { text } = yield* read(form, ({ place }, n) => {
        const whole = ended(form, 9, place, 4)
        return Effect.succeed(answer(n === 0 ? form.body(7, 4, place) : whole, n === 0))
      })
      expect(text).toBe(linesOf(form, 9))
    }),
  )

  it.scoped("is given up once there was no answer for so long, and not before", () =>
    Effect.gen(function* () {
      let answersAt = 0
      const { asked, result, words } = yield* read(
        form,
        ({ place }, n) => {
          if (n === 0) return Effect.succeed(answer(form.body(2, 1, place), true))
          return Effect.zipRight(
            Effect.sync(() => answersAt++),
            Effect.fail(cable),
          )
        },
        { giveUpAfter: "60000" },
      )
      expect(result).toMatchObject({ _tag: "Left", left: cable })
      expect(words).toEqual([{ _tag: "Lost", why: "cable cut" }])
      // Pauses of 5 s at most, half of which is left to chance.
      expect(answersAt).toBeGreaterThanOrEqual(12)
      expect(answersAt).toBeLessThanOrEqual(30)
      expect(yield* TestClock.currentTimeMillis).toBeGreaterThanOrEqual(60_000)
      expect(yield* TestClock.currentTimeMillis).toBeLessThanOrEqual(75_000)
      expect(asked[0]?.place).toEqual({ cursor: undefined, received: 0 })
    }),
  )

  it.scoped("is given up at once where that is asked for", () =>
    Effect.gen(function* () {
      const only: Answers = ({ place }) => Effect.succeed(answer(form.body(2, 1, place), true))
      const { asked, result, text } = yield* read(form, only, { giveUpAfter: "0" })
      expect([result._tag, asked.length, text]).toEqual(["Left", 1, linesOf(form, 2)])
    }),
  )

  it.scoped(
    "goes on with the new container of its name, and tells a gap, where the old one was removed meanwhile",
    () =>
      Effect.gen(function* () {
        const taken = new ApiError({ code: "bad-parameter", message: "another's", parameter: "resume" })
        const { asked, events, text, words } = yield* read(form, ({ place, ref }, n) => {
          if (n === 0) return Effect.succeed(answer(form.body(3, 1, place), true))
          if (n === 1) return Effect.fail(taken)
          if (ref === `edge-1/${ID}`) return Effect.fail(gone)
          return Effect.succeed(answer(ended(form, 2, place), false, OTHER_ID))
        })
        expect(asked.map(({ isAnother, ref }) => [ref, isAnother])).toEqual([
          ["web", false],
          ["edge-1/web", false],
          [`edge-1/${ID}`, false],
          [`edge-1/${ID}`, false],
          ["edge-1/web", true],
        ])
        expect(asked.at(-1)?.place).toEqual({ cursor: undefined, received: 0 })
        expect(text).toBe(linesOf(form, 3) + linesOf(form, 2))
        expect(words).toMatchObject([
          { _tag: "Lost" },
          { _tag: "Gap" },
          { _tag: "Next", next: { id: OTHER_ID, why: "recreated" } },
          { _tag: "Resumed" },
          { _tag: "End" },
        ])
        expect(objectsIn(form, events)).toEqual(["gap", "next", "end"])
      }),
  )

  it.scoped("reads the old container's log to its end first, where it is still there under no name", () =>
    Effect.gen(function* () {
      const taken = new ApiError({ code: "bad-parameter", message: "another's", parameter: "resume" })
      const { events, text, words } = yield* read(form, ({ isAnother, place, ref }, n) => {
        if (n === 0) return Effect.succeed(answer(form.body(3, 1, place), true))
        if (ref === `edge-1/${ID}`) return Effect.succeed(answer(ended(form, 5, place), false))
        return isAnother ? Effect.succeed(answer(ended(form, 2, place), false, OTHER_ID)) : Effect.fail(taken)
      })
      expect(text).toBe(linesOf(form, 5) + linesOf(form, 2))
      expect(words.map(({ _tag }) => _tag)).toEqual(["Lost", "Resumed", "Next", "Resumed", "End"])
      expect(objectsIn(form, events)).toEqual(["next", "end"])
    }),
  )

  it.scoped("fails where its container is gone from a source that is there, told so twice", () =>
    Effect.gen(function* () {
      const first: Answers = ({ place }, n) =>
        n === 0 ? Effect.succeed(answer(form.body(1, 1, place), true)) : Effect.fail(gone)
      const { asked, result } = yield* read(form, first)
      expect([result._tag, asked.length]).toEqual(["Left", 3])
      const away = yield* read(form, first, { isLinked: false, giveUpAfter: "60000" })
      expect(away.asked.length).toBeGreaterThan(3)
    }),
  )

  it.scoped("starts anew where the proxy says that another container follows", () =>
    Effect.gen(function* () {
      const { asked, text } = yield* read(
        form,
        ({ place }, n) => {
          const whole = Buffer.concat([
            form.body(3, 1, place),
            form.next("recreated"),
            form.body(2, 1, { cursor: undefined, received: 0 }),
          ])
          return Effect.succeed(n === 0 ? answer(whole, false) : answer(ended(form, 2, place), false, OTHER_ID))
        },
        { ref: "edge-1/web" },
      )
      expect(asked[1]?.isAnother).toBe(true)
      expect(text).toBe(linesOf(form, 3) + linesOf(form, 2))
    }),
  )

  it.scoped("fails on what is no log", () =>
    Effect.gen(function* () {
      const { result } = yield* read(form, () =>
        Effect.succeed(answer(Buffer.from("<html>no such page</html>\n"), false)),
      )
      expect(result).toMatchObject({ _tag: "Left", left: { _tag: "RdlConnectionError" } })
    }),
  )
})
