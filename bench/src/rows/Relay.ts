/** Relaying an engine that answers from memory, against plain Node pipes and nginx: what the link and the two ends of it cost. */
import { Effect } from "effect"
import type { Observation } from "../Finding.ts"
import * as Floors from "../Floors.ts"
import { program } from "../Processes.ts"
import * as Rdl from "../Rdl.ts"
import * as Reading from "../Reading.ts"
import { interleaved, type Rounds } from "../Rounds.ts"
import type { Effort, Row } from "../Row.ts"

const NAME = "bulk"
const QUERY = "format=multiplexed"

const measure = (effort: Effort, streams: number) =>
  Effect.gen(function* () {
    const payload = effort.pick(1e9, 1e8)
    const engine = yield* Floors.startEngine({ containers: [{ name: NAME, kind: "bulk" }], linesPerSecond: 1 })
    const reader = yield* program<void>("Reader", {})
    const ws = yield* Rdl.start({ engine: engine.url })
    const http = yield* Rdl.start({ engine: engine.url, transport: "http" })
    const pipes = yield* Floors.startPipes(engine.target)
    const nginx = yield* Floors.startNginx(engine.target.socketPath ?? "")
    if (nginx === undefined) yield* effort.say("nginx is not here: left out")
    const all = <A>(item: A) => Array.from({ length: streams }, () => item)
    const through = (name: string, way: Reading.Way) => ({
      name,
      measure: Effect.map(Reading.read(reader, way), (sample) => Reading.rates(sample, payload)),
    })
    const plain = all(Floors.memoryLogHead(NAME, ""))
    const subjects = [
      through("Node pipes", { ...pipes, heads: plain }),
      through("rdl, ws", { ...ws, heads: all(ws.logHead(NAME, QUERY)) }),
      through("rdl, http", { ...http, heads: all(http.logHead(NAME, QUERY)) }),
      ...(nginx === undefined ? [] : [through("nginx, one hop", { ...nginx, heads: plain })]),
    ]
    yield* engine.setBytes(Math.ceil(payload / 10 / streams))
    const warmUp = Effect.forEach(subjects, (subject) => subject.measure)
    return yield* interleaved(
      effort.rounds,
      subjects,
      Effect.zipRight(warmUp, engine.setBytes(Math.ceil(payload / streams))),
    )
  }).pipe(Effect.scoped)

const observe = (rounds: Rounds, streams: number): ReadonlyArray<Observation> => {
  const suffix = streams === 1 ? "1 stream" : `${streams} streams`
  const throughput = (subject: string) => rounds.series(subject, "mbPerSecond")
  const cpu = (subject: string) => rounds.series(subject, "cpuPerGb")
  const against = (what: string, ours: string, peer: string): ReadonlyArray<Observation> => [
    {
      what: `throughput, ${suffix}${what}`,
      unit: "MB/s",
      ours: throughput(ours),
      peer: throughput(peer),
    },
    { what: `CPU, ${suffix}${what}`, unit: "s/GB", ours: cpu(ours), peer: cpu(peer) },
  ]
  const [speed, cost] = against("", "rdl, ws", "Node pipes")
  const [polled, polledCost] = against("", "rdl, http", "rdl, ws")
  return [
    { ...speed!, target: { of: "ratio", atLeast: 0.7 } },
    { ...cost!, target: { of: "ratio", atMost: 1.5 } },
    { ...polled!, target: { of: "ratio", atLeast: 0.6 } },
    polledCost!,
    ...(rounds.has("nginx, one hop") ? against("", "rdl, ws", "nginx, one hop") : []),
  ]
}

export const row: Row = {
  name: "relay",
  title: "relay of an engine that answers from memory, records of 16 kB",
  run: (effort) =>
    Effect.forEach([1, 16], (streams) =>
      Effect.map(measure(effort, streams), (rounds) => observe(rounds, streams)),
    ).pipe(Effect.map((both) => both.flat())),
}
