import { createHash } from "node:crypto"
import { describeEachEngine, engines } from "@rdl/test-kit/Engines"
import { RealEngine, type ContainerSpec, type RealContainer } from "@rdl/test-kit/RealEngine"
import { payloads } from "@rdl/test-kit/RealEngineTruth"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { LogRendering } from "../../src/log/LogQuery.ts"
import * as LogRenderer from "../../src/log/LogRenderer.ts"
import { cut } from "./LogModel.ts"

const AWKWARD = [
  "echo first; echo oops >&2; echo",
  "printf 'cr\\rhere\\0nul \\033[31mred\\033[0m \\377\\376 bad utf8\\n'",
  "for n in 16383 16384 16385 40000; do head -c $n /dev/zero | tr '\\0' x; echo; done",
  "head -c 16383 /dev/zero | tr '\\0' x; printf 'é across the cut\\n'",
  "(head -c 60000 /dev/zero | tr '\\0' e; echo) >&2 & head -c 60000 /dev/zero | tr '\\0' o; echo; wait",
  "head -c 1048576 /dev/zero | tr '\\0' m; echo",
  "echo at 2020-01-01T00:00:00.000000000Z it was",
  "seq 1 200; printf 'no newline at the end'",
].join("; ")

const LABELS = { "com.x/y": "v=1, é", b: "2" }

type Spec = readonly [name: string, spec: ContainerSpec]

/** The local driver takes no labels along; Podman has one driver, and no labels. */
const specsOf = (kind: "docker" | "podman"): ReadonlyArray<Spec> =>
  [false, true].flatMap((tty): ReadonlyArray<Spec> => {
    const spec = { script: AWKWARD, tty, labels: LABELS }
    const name = tty ? "terminal" : "no terminal"
    if (kind === "podman") return [[`json-file, ${name}`, spec]]
    return [
      [`json-file, ${name}`, spec],
      [`json-file, ${name}, details`, { ...spec, logOptions: { labels: "com.x/y,b" } }],
      [`local, ${name}`, { ...spec, logDriver: "local" }],
    ]
  })

const queries = ["stdout=1&stderr=1", "stdout=1", "stderr=1"].flatMap((streams) =>
  ["", "&timestamps=1"].flatMap((timestamps) =>
    ["", "&details=1"].flatMap((details) =>
      ["", "&tail=7", "&tail=0"].map((tail) => streams + timestamps + details + tail),
    ),
  ),
)

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

const renderBy = (
  partials: "docker" | "podman",
  input: Buffer,
  query: string,
  tty: boolean,
  rendering: LogRendering,
): Buffer => {
  const has = (parameter: string) => query.includes(`${parameter}=1`)
  const out: Array<Uint8Array> = []
  const renderer = LogRenderer.make({
    emit: (bytes) => out.push(bytes),
    query: { stdout: has("stdout"), stderr: has("stderr"), timestamps: has("timestamps"), details: has("details") },
    rendering,
    tty,
    source: "edge-1",
    container: { id: "0".repeat(64), name: "web" },
    partials,
  })
  const reader = LogRenderer.recordReader({ tty, details: has("details"), partials }, renderer)
  const places = Array.from({ length: 20 }, (_, index) => index * 7_919 * 31)
  for (const piece of cut(input, places)) expect(reader.push(piece)).toBeUndefined()
  expect(reader.end()).toBeUndefined()
  renderer.flush()
  return Buffer.concat(out)
}

const [firstOne] = await engines()
const isMeant = ({ name, kind }: { readonly name: string; readonly kind: string }) =>
  name === firstOne?.name || kind === "podman"

await describeEachEngine(
  "beside the real engine's own answers",
  ({ kind, socket }) => {
    const engine = new RealEngine(socket)
    const specs = specsOf(kind)
    const render = (input: Buffer, query: string, tty: boolean, rendering: LogRendering) =>
      renderBy(kind, input, query, tty, rendering)
    const containers = new Map<string, RealContainer>()

    // Twice each, so that an unterminated line stands in the middle of the log too.
    beforeAll(async () => {
      for (const [name, spec] of specs) {
        const container = await engine.create(spec)
        containers.set(name, container)
        for (let run = 0; run < 2; run++) {
          await container.start()
          await container.wait()
        }
      }
    })

    afterAll(async () => {
      for (const container of containers.values()) await container.remove()
      await engine.close()
    })

    describe.each(specs)("%s", (name, spec) => {
      const tty = spec.tty === true
      const idOf = () => containers.get(name)?.id ?? expect.fail("no container")

      it("the bytes are the same, whatever part of the log is asked for", async () => {
        expect((await engine.logs(idOf(), "stdout=1")).length).toBeGreaterThan(2_000_000)
        for (const query of queries) {
          const truth = await engine.logs(idOf(), query)
          const input = query.includes("timestamps") ? truth : await engine.logs(idOf(), `${query}&timestamps=1`)
          const text = tty ? truth : payloads(truth)
          expect([query, sha256(render(input, query, tty, { format: "raw", host: "none" }))]).toEqual([
            query,
            sha256(truth),
          ])
          expect([query, sha256(render(input, query, tty, { format: "text", host: "none" }))]).toEqual([
            query,
            sha256(text),
          ])
        }
      })

      it("each line has the one label, and without it is what the container wrote", async () => {
        const input = await engine.logs(idOf(), "stdout=1&timestamps=1")
        const plain = render(input, "stdout=1", tty, { format: "text", host: "none" }).toString("latin1")
        const labelled = render(input, "stdout=1", tty, { format: "text", host: "prefix" }).toString("latin1")
        // A line that is over only because the log is gets a newline; Podman's last one is such a line.
        const lines = labelled.replace(/\n$/, "").split("\n")
        expect(lines.every((line) => line.startsWith("edge-1 | "))).toBe(true)
        const bare = lines.map((line) => line.slice("edge-1 | ".length))
        // The first run's last line has got a newline, as have those whose newline the local driver forgot.
        expect(bare.join("")).toBe(plain.replaceAll("\n", ""))
        // Podman's line goes on in the next run's first.
        const firstEnd = kind === "podman" ? "no newline at the endfirst" : "no newline at the end"
        expect(bare.flatMap((line) => (line.startsWith("no newline at the end") ? [line.trimEnd()] : []))).toEqual([
          firstEnd,
          "no newline at the end",
        ])
      })

      it("the JSON lines have no timestamp within, and the long line is whole", async () => {
        const input = await engine.logs(idOf(), "stdout=1&timestamps=1&details=1")
        const objects = render(input, "stdout=1&details=1", tty, { format: "ndjson", host: "none" })
          .toString()
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as { line?: string; attrs?: unknown })
        expect(objects.filter(({ line = "" }) => line.includes("2026-") || line.includes("2027-"))).toEqual([])
        const long = objects.flatMap(({ line = "" }) => (/^m+$/.test(line) ? [line.length] : []))
        expect(long.reduce((sum, length) => sum + length, 0)).toBe(2 * 1_048_576)
        const attrs = spec.logOptions?.["labels"] === undefined ? {} : LABELS
        expect(objects[0]).toMatchObject(kind === "podman" ? { line: "first" } : { line: "first", attrs })
      })
    })
  },
  isMeant,
)
