import { describe, expect, it } from "@effect/vitest"
import { engineSockets, type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { Effect, type Scope } from "effect"
import { createHash } from "node:crypto"
import * as EngineEdge from "./EngineEdge.ts"
import * as FaultWorld from "./FaultWorld.ts"
import { brisk, carriers, until } from "./FaultWorld.ts"
import * as LogTruth from "./LogTruth.ts"
import { formatNames, formats } from "./LogTruth.ts"

/** Cuts of all sources together; the long form is run by hand. */
const ALL_CUTS = Number(process.env["RDL_CUTS"] ?? 16)
/** A cut comes after up to so many bytes of the source's. */
const MAX_CUT_BYTES = 400_000

const engines = engineSockets().slice(0, 2)
const drivers = ["json-file", "local"] as const
const readers = ["files", "engine"] as const

/** Both streams in turn, lines that are alike, lines the engine stores in pieces, bursts and pauses. */
const TURN = `
  turn() {
    echo "out $1"; echo "err $1" >&2; echo same; echo same; echo same >&2; echo >&2
    [ $(($1 % long)) = 0 ] && { head -c 40000 /dev/zero | tr '\\0' x; echo; head -c 16384 /dev/zero | tr '\\0' y >&2; echo >&2; }
    [ $(($1 % 97)) = 0 ] && { seq 1 500; seq 1 50 >&2; }
    return 0
  }`
const HISTORY = `${TURN}
  long=60; i=0; while [ $i -lt 150 ]; do i=$((i+1)); turn $i; done
  printf 'no newline at the end'`
const LIVE = `${TURN}
  trap 'over=1' TERM
  long=120; i=0; while [ -z "$over" ]; do i=$((i+1)); turn $i; [ $((i % 10)) = 0 ] && sleep 0.3; [ $((i % 307)) = 0 ] && sleep 1; done
  printf 'no newline at the end'`

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** Where two bodies part, for people. */
const parting = (one: Buffer, other: Buffer): string => {
  let at = 0
  while (at < one.length && one[at] === other[at]) at++
  const shown = (bytes: Buffer) => JSON.stringify(bytes.toString("latin1", Math.max(0, at - 80), at + 80))
  return one.equals(other)
    ? ""
    : `at ${at} of ${one.length} and ${other.length}: ${shown(one)} instead of ${shown(other)}`
}

/** A container until the scope closes. */
const container = (engine: RealEngine, script: string, logDriver: string) =>
  Effect.acquireRelease(
    Effect.promise(() => engine.run({ script, logDriver })),
    (made) => Effect.promise(() => made.remove()),
  )

/** One container's log at the user, in every format, over one source. */
interface Reading {
  readonly path: string
  readonly bodies: ReadonlyMap<LogTruth.Format, EngineEdge.Body>
}

const readAll = (
  world: FaultWorld.World,
  token: string,
  { name }: EngineEdge.EngineEdge,
  { id }: RealContainer,
  follow: 0 | 1,
): Effect.Effect<Reading, never, Scope.Scope> =>
  Effect.gen(function* () {
    const path = `${world.url}/containers/${name}/${id}/logs?follow=${follow}`
    const bodies = yield* Effect.forEach(
      formatNames,
      (format) => Effect.map(EngineEdge.read(`${path}&${formats[format]}`, token), (body) => [format, body] as const),
      { concurrency: "unbounded" },
    )
    return { path, bodies: new Map(bodies) }
  })

const isOver = ({ bodies }: Reading) => [...bodies.values()].every(({ state }) => state() !== "open")

/** Ends that are good ones. */
const isGoodEnd = (word: unknown): boolean => /"reason":"(stopped|eof)"/.test(JSON.stringify(word))

/** What was read of logs that are over while nothing was cut, by what was asked. */
const undisturbed = new Map<string, Buffer>()

const readUndisturbed = Effect.fnUntraced(function* (url: string, token: string, format: LogTruth.Format) {
  const known = undisturbed.get(url)
  if (known !== undefined) return known
  const body = yield* EngineEdge.read(url, token)
  yield* until(() => body.state() !== "open")
  expect(body.state()).toBe("whole")
  const bytes = LogTruth.logBytes(format, body.bytes())
  undisturbed.set(url, bytes)
  return bytes
}, Effect.scoped)

/** What is wrong with a log that was read over cuts; nothing, it is to be hoped. */
const wrongs = Effect.fnUntraced(function* (
  token: string,
  engine: RealEngine,
  { id }: RealContainer,
  { bodies, path }: Reading,
) {
  const truth = yield* Effect.promise(() => engine.logs(id, "stdout=1&stderr=1"))
  const own: Partial<Record<LogTruth.Format, Buffer>> = {
    text: LogTruth.payloads(truth),
    multiplexed: truth,
    frames: truth,
  }
  const found: Array<string> = []
  for (const [format, body] of bodies) {
    const got = LogTruth.logBytes(format, body.bytes())
    const uncut = own[format] ?? (yield* readUndisturbed(`${path}&${formats[format]}`, token, format))
    const told = LogTruth.words(format, body.bytes()).filter((word) => !isGoodEnd(word))
    if (body.state() !== "whole" || body.gap() !== undefined || told.length > 0)
      found.push(`${format}: ${body.state()} ${body.gap()} ${JSON.stringify(told)}`)
    if (sha256(got) !== sha256(uncut)) found.push(`${format}: ${parting(got, uncut)}`)
  }
  return found
})

/** An engine with its containers, of each driver one that is over and one that goes on writing. */
const startEngine = Effect.fnUntraced(function* (socket: string) {
  const engine = yield* Effect.acquireRelease(
    Effect.sync(() => new RealEngine(socket)),
    (one) => Effect.promise(() => one.close()),
  )
  const logs = yield* Effect.forEach(
    drivers,
    Effect.fnUntraced(function* (driver) {
      const history = yield* container(engine, HISTORY, driver)
      const live = yield* container(engine, LIVE, driver)
      yield* Effect.promise(() => history.wait())
      return { driver, history, live }
    }),
    { concurrency: "unbounded" },
  )
  return { socket, engine, logs }
})
type OnEngine = Effect.Effect.Success<ReturnType<typeof startEngine>>

/** Follows what is live and reads what is over, again and again, until its link was cut so often. */
const readOverCuts = Effect.fnUntraced(function* (
  world: FaultWorld.World,
  token: string,
  { engine, logs }: OnEngine,
  edge: EngineEdge.EngineEdge,
  cuts: number,
) {
  for (const { history, live } of logs) yield* Effect.zip(edge.knows(history.id), edge.knows(live.id))
  const follows = yield* Effect.forEach(logs, ({ live }) => readAll(world, token, edge, live, 1))
  const found: Array<string> = []
  const readHistories = Effect.gen(function* () {
    const histories = yield* Effect.forEach(logs, ({ history }) => readAll(world, token, edge, history, 0))
    const areOver = () => histories.every(isOver)
    while (!areOver() && edge.cuts() < cuts) yield* edge.cut(1 + Math.floor(Math.random() * MAX_CUT_BYTES), areOver)
    yield* until(areOver)
    for (const [n, { driver, history }] of logs.entries())
      for (const wrong of yield* wrongs(token, engine, history, histories[n]!))
        found.push(`${edge.name} ${driver} history ${wrong}`)
  })
  while (edge.cuts() < cuts) yield* Effect.scoped(readHistories)
  const checkFollows = Effect.gen(function* () {
    yield* until(() => follows.every(isOver))
    for (const [n, { driver, live }] of logs.entries())
      for (const wrong of yield* wrongs(token, engine, live, follows[n]!))
        found.push(`${edge.name} ${driver} live ${wrong}`)
    if (process.env["RDL_CUTS"] !== undefined)
      console.log(
        `${edge.name}: ${edge.cuts()} cuts, ${edge.losses()} links, ${found.length === 0 ? "identical" : "not"}`,
      )
    return found
  })
  return checkFollows
})

describe.skipIf(engines.length === 0)("a log of a real engine", () => {
  it.scopedLive(
    "is the engine's own, byte for byte, live and as history, over cuts at random places",
    () =>
      Effect.gen(function* () {
        const world = yield* FaultWorld.start("ws", { links: brisk })
        const token = yield* world.token("user", "ann")
        const onEngines = yield* Effect.forEach(engines, startEngine, { concurrency: "unbounded" })
        const cells = onEngines.flatMap((on, n) =>
          readers.flatMap((reader) =>
            carriers.map((carrier) => ({ on, reader, carrier, name: `e${n + 1}-${reader}-${carrier}` })),
          ),
        )
        const cuts = Math.ceil(ALL_CUTS / cells.length)
        const checks = yield* Effect.forEach(
          cells,
          Effect.fnUntraced(function* ({ carrier, name, on, reader }) {
            const edge = yield* EngineEdge.start(world, carrier, { name, reader, socket: on.socket })
            return yield* readOverCuts(world, token, on, edge, cuts)
          }),
          { concurrency: "unbounded" },
        )
        for (const { engine, logs } of onEngines)
          for (const { live } of logs)
            yield* Effect.promise(() => engine.request("POST", `/containers/${live.id}/kill?signal=TERM`))
        expect((yield* Effect.all(checks)).flat()).toEqual([])
      }),
    240_000 + ALL_CUTS * 2_000,
  )
})
