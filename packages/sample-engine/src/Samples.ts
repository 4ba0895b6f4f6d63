/** Three containers for those who have none: they log by themselves, as a shop's web server, worker and database would. */
import { Effect, Random, type Scope } from "effect"
import type { Container, ContainerSpec } from "./Container.ts"
import type { EngineClock } from "./EngineClock.ts"
import type { LogStream } from "./LogRecord.ts"

/** A number in 0 … 1. */
type Chance = () => number

type Line = readonly [stream: LogStream, text: string]

interface Sample {
  readonly name: string
  readonly command: ReadonlyArray<string>
  /** Mean time between two writes. */
  readonly everyMillis: number
  readonly write: (chance: Chance, at: Date) => ReadonlyArray<Line>
}

/** What the samples have logged already when the engine starts. */
const HISTORY_MILLIS = 15 * 60_000

/** Creates the samples, each with a quarter of an hour of history, and lets them log until the scope ends. */
export const runSamples = (
  create: (spec: ContainerSpec) => Container,
  clock: EngineClock,
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.forEach(SAMPLES, (sample) => runSample(sample, create, clock), { discard: true })

const runSample = (
  sample: Sample,
  create: (spec: ContainerSpec) => Container,
  clock: EngineClock,
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const chance = chanceFrom(yield* Random.nextInt)
    const now = clock.now()
    const born = now - BigInt(HISTORY_MILLIS) * 1_000_000n
    const container = create({
      name: sample.name,
      image: `rdl/sample-${sample.name}:1`,
      command: sample.command,
      labels: { "rdl.sample": "true", "com.example.team": "shop" },
      created: born,
    })
    const pause = () => Math.max(1, Math.round(sample.everyMillis * (0.5 + chance())))
    const write = (at: bigint) => {
      let time = at
      for (const [stream, text] of sample.write(chance, dateOf(at))) {
        container.log(stream, text + "\n", { at: time })
        time += BigInt(Math.round(1000 + chance() * 50_000))
      }
    }
    // Odd microseconds, as real clocks have them.
    const step = () => BigInt(Math.round((pause() + chance()) * 1e6))
    for (let at = born + step(); at < now; at += step()) write(at)
    const live = Effect.suspend(() => Effect.sleep(pause())).pipe(
      Effect.andThen(Effect.sync(() => container.running && write(clock.now()))),
    )
    yield* Effect.forkScoped(Effect.forever(live))
  })

const dateOf = (nanos: bigint): Date => new Date(Number(nanos / 1_000_000n))

/** A small generator of its own, so that a seed tells everything a sample will say. */
const chanceFrom = (seed: number): Chance => {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const pick = <A>(chance: Chance, choices: readonly [A, ...ReadonlyArray<A>]): A =>
  choices[Math.floor(chance() * choices.length)] ?? choices[0]

const between = (chance: Chance, low: number, high: number): number => Math.floor(low + chance() * (high - low))

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

/** `22/Nov/2026:12:20:01 +0000`. */
const accessTime = (at: Date): string => {
  const iso = at.toISOString()
  return `${iso.slice(8, 10)}/${MONTHS[at.getUTCMonth()]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`
}

const web: Sample["write"] = (chance, at) => {
  const [path, size] = pick<readonly [string, number]>(chance, [
    ["/", 5120],
    ["/products", 18_400],
    ["/products/42", 7800],
    ["/cart", 2100],
    ["/checkout", 3300],
    ["/api/search?q=lamp", 940],
    ["/static/app.js", 88_000],
    ["/healthz", 2],
  ])
  const posted = path === "/checkout"
  const status = pick(chance, posted ? [302, 302, 302, 302, 500] : [200, 200, 200, 200, 200, 200, 200, 304, 304, 404])
  const address = `10.1.${between(chance, 0, 4)}.${between(chance, 2, 250)}`
  const method = posted ? "POST" : "GET"
  const bytes = status === 304 ? 0 : size + between(chance, 0, 200)
  const access = `${address} - - [${accessTime(at)}] "${method} ${path} HTTP/1.1" ${status} ${bytes} "-" "Mozilla/5.0" rt=${chance().toFixed(3)}`
  if (status !== 500) return [["stdout", access]]
  const time = at.toISOString().slice(0, 19).replaceAll("-", "/").replace("T", " ")
  return [
    ["stdout", access],
    [
      "stderr",
      `${time} [error] 29#29: upstream timed out while reading response header, request: "${method} ${path} HTTP/1.1"`,
    ],
  ]
}

const worker: Sample["write"] = (chance, at) => {
  const job = between(chance, 10_000, 99_999)
  const kind = pick(chance, ["send-mail", "resize-image", "make-invoice", "sync-stock"])
  const line = (level: string, rest: string) => `${at.toISOString()} ${level} job=${job} kind=${kind} ${rest}`
  if (chance() < 0.08)
    return [
      ["stdout", line("INFO", "accepted")],
      ["stderr", line("ERROR", 'failed error="connect ECONNREFUSED 10.1.0.9:6379" attempt=1')],
      ["stderr", "    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1607:16)"],
      ["stderr", `    at async runJob (/app/jobs/${kind}.js:${between(chance, 10, 90)}:7)`],
    ]
  return [
    ["stdout", line("INFO", "accepted")],
    ["stdout", line("INFO", `done ms=${between(chance, 8, 900)}`)],
  ]
}

const db: Sample["write"] = (chance, at) => {
  const stamp = `${at.toISOString().slice(0, 23).replace("T", " ")} UTC [${between(chance, 40, 90)}]`
  const buffers = between(chance, 3, 900)
  const seconds = (chance() * 4).toFixed(3)
  return [
    [
      "stderr",
      pick(chance, [
        `${stamp} LOG:  checkpoint starting: time`,
        `${stamp} LOG:  checkpoint complete: wrote ${buffers} buffers (${(buffers / 164).toFixed(1)}%); write=${seconds} s, sync=0.004 s`,
        `${stamp} LOG:  duration: ${between(chance, 500, 4000)}.318 ms  statement: SELECT * FROM orders WHERE customer_id = $1`,
        `${stamp} LOG:  automatic vacuum of table "shop.public.carts": index scans: 1`,
        `${stamp} ERROR:  duplicate key value violates unique constraint "orders_pkey"`,
      ]),
    ],
  ]
}

const SAMPLES: ReadonlyArray<Sample> = [
  { name: "db", command: ["postgres"], everyMillis: 7000, write: db },
  { name: "worker", command: ["node", "worker.js"], everyMillis: 2500, write: worker },
  { name: "web", command: ["nginx", "-g", "daemon off;"], everyMillis: 900, write: web },
]
