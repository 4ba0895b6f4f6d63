/** Logs whose times run back: written into a real engine's own file, and played, then asked for in the same words. */
import { Effect, Exit, Scope } from "effect"
import type { FlavourName } from "@rdl/sample-engine/Flavour"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { describeEachEngine, type EngineFacts } from "@rdl/test-kit/Engines"
import { type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { writeFile } from "node:fs/promises"
import { afterAll, beforeAll, expect, it } from "vitest"
import { askWhole, framesOf } from "./contract/RawClient.ts"

const PLAYED: Readonly<Record<string, FlavourName>> = { "docker-20.10": "docker-20.10", "docker-26.1": "docker-26.1" }

/** The second of each record; its text is its number. */
const SECONDS = [10, 30, 20, 40, 20, 50, 5]

const QUERIES = [undefined, 10, 15, 20, 30, 31, 50, 51].flatMap((since) =>
  [undefined, 9, 20, 30, 40, 60].flatMap((until) =>
    [undefined, 2, 4].map((tail) =>
      ["stdout=1", ...Object.entries({ since, until, tail }).map(([name, value]) => `${name}=${value ?? ""}`)].join(
        "&",
      ),
    ),
  ),
)

const jsonFile = (): string =>
  SECONDS.map((second, index) => {
    const time = `1970-01-01T00:00:${String(second).padStart(2, "0")}Z`
    return JSON.stringify({ log: `${index}\n`, stream: "stdout", time }) + "\n"
  }).join("")

const suite = ({ socket, name }: EngineFacts): void => {
  const real = new RealEngine(socket)
  const scope = Effect.runSync(Scope.make())
  let container: RealContainer
  let sample: SampleEngine.SampleEngine

  beforeAll(async () => {
    container = await real.runToEnd({ script: "true" })
    const { LogPath } = await real.json<{ readonly LogPath: string }>(`/containers/${container.id}/json`)
    await writeFile(LogPath, jsonFile())
    const flavour = PLAYED[name] ?? "docker-20.10"
    sample = await Effect.runPromise(SampleEngine.make({ flavour }).pipe(Scope.extend(scope)))
    const played = sample.createContainer({ name: "played" })
    SECONDS.forEach((second, index) => played.log("stdout", `${index}\n`, { at: BigInt(second) * 1_000_000_000n }))
    played.exit()
  })
  afterAll(async () => {
    await container.remove()
    await real.close()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  })

  const read = async (url: string, id: string, query: string): Promise<string> =>
    framesOf(await askWhole(url, `/containers/${id}/logs?${query}`))
      .map(({ payload }) => payload.trim())
      .join("")

  it("are cut by since, until and tail alike", async () => {
    for (const query of QUERIES) {
      const truth = await read(`unix://${socket}`, container.id, query)
      expect([query, await read(sample.url, "played", query)]).toEqual([query, truth])
    }
  })

  it("show which rule since follows", async () => {
    const expected = name === "docker-20.10" ? "135" : "123456"
    expect(await read(`unix://${socket}`, container.id, "stdout=1&since=30")).toBe(expected)
  })
}

/** Only root may write an engine's files. */
await describeEachEngine("times that run back", suite, ({ name }) => name in PLAYED && process.getuid?.() === 0)
