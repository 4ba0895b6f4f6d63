import { type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
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

/** Parameters as both the engine and the proxy take them. */
interface Asked {
  readonly stdout?: 1
  readonly stderr?: 1
  readonly timestamps?: 1
  readonly details?: 1
  readonly follow?: 1
  readonly tail?: number
  readonly since?: string
  readonly until?: string
}

const query = (asked: object): string =>
  Object.entries(asked)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
    .join("&")

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** What is in the engine's frames. */
const payloads = (framed: Buffer): Buffer => {
  const parts: Array<Buffer> = []
  for (let at = 0; at < framed.length;) {
    const end = at + 8 + framed.readUInt32BE(at + 4)
    parts.push(framed.subarray(at + 8, end))
    at = end
  }
  return Buffer.concat(parts)
}

/** The time of each record, as unix seconds with nine decimals. */
const timesOf = (stamped: Buffer): ReadonlyArray<string> =>
  Array.from(
    stamped.toString("latin1").matchAll(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z /g),
    ([, seconds, nanos]) => `${Date.parse(`${seconds}Z`) / 1000}.${nanos}`,
  )

const BOTH = { stdout: 1, stderr: 1 } as const

/** Each parameter alone and at its edges, then any together. */
const askedOf = (times: ReadonlyArray<string>): ReadonlyArray<Asked> => {
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

const { engines } = EndToEndFleet
const rdl = rdlProcess()

const cases = engines.flatMap((socket, index) =>
  (["json-file", "local"] as const).flatMap((logDriver) =>
    [false, true].map((tty) => ({ socket, logDriver, tty, source: `edge-${index + 1}` })),
  ),
)

describe.skipIf(engines.length === 0)("a log at the user is the engine's own, byte for byte", () => {
  let fleet: EndToEndFleet.EndToEndFleet
  const open = new Map<string, RealEngine>()
  const made: Array<RealContainer> = []

  beforeAll(async () => {
    for (const socket of engines) open.set(socket, new RealEngine(socket))
    fleet = await EndToEndFleet.start(rdl, engines)
  }, 120_000)
  afterAll(async () => {
    await Promise.all(made.map((container) => container.remove()))
    await fleet?.stop()
    for (const engine of open.values()) await engine.close()
  }, 120_000)

  it.each(cases)(
    "from $source, driver $logDriver, terminal $tty",
    { timeout: 300_000 },
    async ({ logDriver, socket, source, tty }) => {
      const engine = open.get(socket)!
      const logOptions = logDriver === "json-file" ? { labels: "a.label", tag: "t" } : {}
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
        const response = await fleet.get(`${path}?${query(asked)}`)
        expect([response.status, response.headers.get("content-type")]).toEqual([200, type])
        return sha256(new Uint8Array(await response.arrayBuffer()))
      }
      const native = tty
        ? (["raw", "application/vnd.docker.raw-stream"] as const)
        : (["multiplexed", "application/vnd.docker.multiplexed-stream"] as const)
      for (const asked of askedOf(times)) {
        const truth = await engine.logs(container.id, query(asked))
        const text = await fetched({ ...asked, host: "none" }, "text/plain; charset=utf-8")
        expect([query(asked), text]).toEqual([query(asked), sha256(tty ? truth : payloads(truth))])
        expect([query(asked), await fetched({ ...asked, format: native[0] }, native[1])]).toEqual([
          query(asked),
          sha256(truth),
        ])
      }
    },
  )

  it("whichever way a moment is written", { timeout: 120_000 }, async () => {
    const [container] = made
    const engine = open.get(engines[0]!)!
    const [seconds = "", nanos = ""] = timesOf(
      await engine.logs(container!.id, "stdout=1&stderr=1&timestamps=1&tail=9"),
    )[0]!.split(".")
    const moment = `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${nanos}Z`
    const truth = sha256(payloads(await engine.logs(container!.id, query({ ...BOTH, since: `${seconds}.${nanos}` }))))
    for (const since of [`${seconds}.${nanos}`, moment, moment.replace("Z", "+00:00")]) {
      const response = await fleet.get(`/containers/edge-1/${container!.name}/logs?${query({ since, host: "none" })}`)
      expect([since, sha256(new Uint8Array(await response.arrayBuffer()))]).toEqual([since, truth])
    }
  })
})
