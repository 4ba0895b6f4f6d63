import { engines as everyEngine } from "@rdl/test-kit/Engines"
import { type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { type LogAsked, logTruth, payloads, queryOf } from "@rdl/test-kit/RealEngineTruth"
import { FastCheck as fc } from "effect"
import { createHash } from "node:crypto"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as EndToEndFleet from "./EndToEndFleet.ts"
import { rdlProcess } from "./RdlProcess.ts"

/** All that was ever cut or changed on its way; the longest line first, so that a short tail is cheap. */
const AWKWARD = `
  line() { head -c "$1" /dev/zero | tr '\\0' "$2"; echo; }
  line 1048576 e; line 16383 a; line 16384 b; line 16385 c; line 32768 d >&2
  echo plain; echo; echo to-stderr >&2; printf 'cr\\r\\n'; printf 'nul\\000esc\\033[31mred\\n'
  printf '\\377\\376 not utf-8\\n'; echo 'grüße 日本 😀'; echo >&2; printf '\\r\\r\\n'; printf ' \\n'
  for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done
  printf 'no newline at the end'`

/** Podman knows no `local`, and starts no container whose log is to have a `tag`; `json-file` is a name for its own there. */
const LOGS = {
  docker: [
    { logDriver: "json-file", logOptions: { labels: "a.label", tag: "t" } },
    { logDriver: "local", logOptions: {} },
  ],
  podman: [{ logDriver: "k8s-file", logOptions: {} }],
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** The time of each record, as unix seconds with the decimals that the engine tells: nine, or none. */
const timesOf = (stamped: Buffer): ReadonlyArray<string> =>
  Array.from(
    stamped.toString("latin1").matchAll(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{9})?Z /g),
    ([, seconds, decimals = ""]) => `${Date.parse(`${seconds}Z`) / 1000}${decimals}`,
  )

const BOTH = { stdout: 1, stderr: 1 } as const

/** Each parameter alone and at its edges, then any together. */
const askedOf = (times: ReadonlyArray<string>): ReadonlyArray<LogAsked> => {
  const first = times[0]!
  const middle = times[Math.floor(times.length / 2)]!
  const last = times.at(-1)!
  const one = fc.constant(1 as const)
  const any = fc.record(
    {
      stdout: one,
      stderr: one,
      timestamps: one,
      details: one,
      follow: one,
      tail: fc.oneof(fc.nat(3), fc.nat(100)),
      since: fc.constantFrom(...times),
      until: fc.constantFrom(...times),
    },
    { requiredKeys: [] },
  )
  return [
    BOTH,
    { stdout: 1 },
    { stderr: 1 },
    { ...BOTH, timestamps: 1, details: 1 },
    { ...BOTH, details: 1 },
    { ...BOTH, follow: 1 },
    { ...BOTH, tail: 0 },
    { ...BOTH, tail: 1 },
    { stdout: 1, tail: 7, timestamps: 1 },
    { ...BOTH, since: middle },
    { ...BOTH, until: middle, timestamps: 1 },
    { ...BOTH, since: last, until: last },
    { ...BOTH, until: first, tail: 40 },
    ...fc.sample(
      any.filter(({ stdout, stderr }) => stdout !== undefined || stderr !== undefined),
      8,
    ),
  ]
}

const engines = (await everyEngine()).map((facts, index) => ({ ...facts, source: `edge-${index + 1}` }))
const rdl = rdlProcess()

const cases = engines.flatMap((engine) =>
  LOGS[engine.kind].flatMap((log) => [false, true].map((tty) => ({ ...engine, ...log, tty }))),
)

describe.skipIf(engines.length === 0)("a log at the user is the engine's own, byte for byte", () => {
  let fleet: EndToEndFleet.EndToEndFleet
  const open = new Map<string, RealEngine>()
  const made: Array<RealContainer> = []

  beforeAll(async () => {
    for (const { socket } of engines) open.set(socket, new RealEngine(socket))
    fleet = await EndToEndFleet.start(
      rdl,
      engines.map(({ socket }) => socket),
    )
  }, 120_000)
  afterAll(async () => {
    await Promise.all(made.map((container) => container.remove()))
    await fleet?.stop()
    for (const engine of open.values()) await engine.close()
  }, 120_000)

  it.concurrent.each(cases)(
    "from $name, driver $logDriver, terminal $tty",
    { timeout: 300_000 },
    async ({ kind, logDriver, logOptions, socket, source, tty }) => {
      const engine = open.get(socket)!
      const container = await engine.runToEnd({
        script: AWKWARD,
        tty,
        logDriver,
        logOptions,
        labels: { "a.label": "x y" },
      })
      made.push(container)
      await fleet.listed(container.id, ({ state }) => state === "exited")
      const times = timesOf(await engine.logs(container.id, "stdout=1&stderr=1&timestamps=1"))
      expect(times.length).toBeGreaterThan(80)

      // By its id: a follow by name would wait for the container's next run.
      const path = `/containers/${source}/${container.id}/logs`
      const fetched = async (asked: object, type: string) => {
        const response = await fleet.get(`${path}?${queryOf(asked)}`)
        const bytes = new Uint8Array(await response.arrayBuffer())
        const why = response.status === 200 ? "" : Buffer.from(bytes).toString()
        const told = [queryOf(asked), response.status, response.headers.get("content-type"), why]
        expect(told).toEqual([queryOf(asked), 200, type, ""])
        return sha256(bytes)
      }
      const native = tty
        ? (["raw", "application/vnd.docker.raw-stream"] as const)
        : (["multiplexed", "application/vnd.docker.multiplexed-stream"] as const)
      for (const asked of askedOf(times)) {
        const truth = await logTruth(engine, kind, container, tty, asked)
        const text = await fetched({ ...asked, host: "none" }, "text/plain; charset=utf-8")
        expect([queryOf(asked), text]).toEqual([queryOf(asked), sha256(tty ? truth : payloads(truth))])
        expect([queryOf(asked), await fetched({ ...asked, format: native[0] }, native[1])]).toEqual([
          queryOf(asked),
          sha256(truth),
        ])
      }
    },
  )

  it.concurrent.each(engines)(
    "from $name, whichever way a moment is written",
    { timeout: 120_000 },
    async ({ kind, socket, source }) => {
      const engine = open.get(socket)!
      const script = "for i in 1 2 3; do echo out $i; echo err $i >&2; usleep 400000; done"
      const container = await engine.runToEnd({ script })
      made.push(container)
      await fleet.listed(container.id, ({ state }) => state === "exited")
      const times = timesOf(await engine.logs(container.id, "stdout=1&stderr=1&timestamps=1"))
      const middle = times[3]!
      const [seconds = "", decimals] = middle.split(".")
      const moment = new Date(Number(seconds) * 1000).toISOString().slice(0, 19)
      const text = decimals === undefined ? `${moment}Z` : `${moment}.${decimals}Z`
      const truth = sha256(payloads(await logTruth(engine, kind, container, false, { ...BOTH, since: middle })))
      for (const since of [middle, text, text.replace("Z", "+00:00")]) {
        const path = `/containers/${source}/${container.name}/logs?${queryOf({ since, host: "none" })}`
        const response = await fleet.get(path)
        expect([since, sha256(new Uint8Array(await response.arrayBuffer()))]).toEqual([since, truth])
      }
    },
  )
})
