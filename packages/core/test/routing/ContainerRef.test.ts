import { describe, expect, it } from "vitest"
import { ContainerId, ContainerName } from "../../src/model/Container.ts"
import { SourceName } from "../../src/model/SourceName.ts"
import * as ContainerRef from "../../src/routing/ContainerRef.ts"
import * as FakeSession from "./FakeSession.ts"

const candidate = (source: string, number: number, name: string): ContainerRef.Candidate => ({
  source: SourceName.make(source),
  stale: false,
  container: {
    ...FakeSession.container("a", name),
    id: ContainerId.make(number.toString(16).padStart(64, "a")),
    name: ContainerName.make(name),
  },
})

describe("the candidates of a reference", () => {
  it("are told by their names, and by their ids where a source has the name twice", () => {
    const [one, two] = [candidate("edge-1", 1, "web"), candidate("edge-1", 2, "web")]
    expect(ContainerRef.describe([candidate("edge-2", 3, "web"), two, one])).toEqual([
      `edge-1/${one.container.id}`,
      `edge-1/${two.container.id}`,
      "edge-2/web",
    ])
  })

  it("are 20 at most, the first by name, and take no longer each where there are many", () => {
    const many = Array.from({ length: 100_000 }, (_, n) => candidate(`edge-${n % 100}`, n, `web-${n}`))
    const told = ContainerRef.describe(many.toReversed())
    expect(told).toEqual(
      many
        .map(({ source, container }) => `${source}/${container.name}`)
        .sort()
        .slice(0, 20),
    )
  })
})
