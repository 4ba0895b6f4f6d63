/** The sample engine says less than a real one, but nothing that a real one does not say, and nothing in another type. */
import type { FlavourName } from "@rdl/sample-engine/Flavour"
import { describeEachEngine, type EngineFacts } from "@rdl/test-kit/Engines"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { Play, PlayContainer } from "./contract/Play.ts"
import { ask, askWhole } from "./contract/RawClient.ts"
import { realPlay } from "./contract/RealPlay.ts"
import { samplePlay } from "./contract/SamplePlay.ts"

/** Each place in a JSON value and the type that stands there; `{}` and `[]` are not looked into where they hold free keys. */
const shape = (value: unknown, path = ""): ReadonlyArray<string> => {
  if (Array.isArray(value)) return [`${path}: array`, ...value.slice(0, 1).flatMap((item) => shape(item, `${path}[]`))]
  if (typeof value !== "object" || value === null) return [`${path}: ${value === null ? "null" : typeof value}`]
  if (/\.(Labels|Config\.Config|Networks)$/.test(path)) return [`${path}: free`]
  return [`${path}: object`, ...Object.entries(value).flatMap(([key, item]) => shape(item, `${path}.${key}`))]
}

const PLAYED: Readonly<Record<string, FlavourName>> = { "docker-20.10": "docker-20.10", "docker-26.1": "docker-26.1" }

const shapes = ({ socket, name: engineName }: EngineFacts): void => {
  const plays: Array<Play> = []
  const containers: Array<PlayContainer> = []
  const name = `rdl-shapes-${process.pid}-${engineName}`

  beforeAll(async () => {
    plays.push(await samplePlay(PLAYED[engineName] ?? "docker-20.10"), realPlay(socket))
    for (const play of plays) {
      const container = await play.create({ name, env: ["A=1"], labels: { b: "2" }, writes: [["stdout", "x\n"]] })
      await container.start()
      containers.push(container)
    }
  })
  afterAll(async () => {
    for (const play of plays) await play.close()
  })

  it.each([
    "/version",
    "/info",
    `/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify({ name: [name] }))}`,
    `/containers/${name}/json`,
  ])("are a part of the real ones in %s", async (path) => {
    const [sample, real] = await Promise.all(plays.map(async (play) => shape((await askWhole(play.url, path)).json)))
    expect(sample?.filter((place) => !real?.includes(place))).toEqual([])
    expect(sample?.length).toBeGreaterThan(10)
  })

  it("are the same in an event", async () => {
    const shapes = plays.map(async (play, index) => {
      const answer = await ask(play.url, `/events?since=0&filters={"container":["${name}"],"event":["die"]}`)
      await answer.when(() => answer.chunks.length > 0)
      answer.close()
      expect(containers[index]).toBeDefined()
      return shape(JSON.parse(answer.text.split("\n")[0] ?? ""))
    })
    const [sample, real] = await Promise.all(shapes)
    expect(sample).toEqual(real)
  })
}

await describeEachEngine("shapes", shapes, ({ name }) => name in PLAYED)
