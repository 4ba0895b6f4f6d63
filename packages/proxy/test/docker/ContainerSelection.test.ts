import { ContainerId, ContainerName, type SourceContainer } from "@rdl/core/model/Container"
import { SourceName } from "@rdl/core/model/SourceName"
import { Either } from "effect"
import { describe, expect, it } from "vitest"
import * as ContainerSelection from "../../src/docker/ContainerSelection.ts"
import * as DockerFilter from "../../src/docker/DockerFilter.ts"

const one = (source: string, id: string, name: string, more: Partial<SourceContainer> = {}): SourceContainer => ({
  id: ContainerId.make(id.padEnd(64, "0")),
  name: ContainerName.make(name),
  names: [ContainerName.make(name)],
  image: "busybox",
  imageId: "sha256:aa11",
  command: "sh",
  created: 0,
  state: "running",
  status: "Up 2 minutes",
  labels: {},
  ports: [],
  source: SourceName.make(source),
  stale: false,
  ...more,
})

const fleet = [
  one("edge-1", "aa1", "web", { labels: { team: "a", tier: "front" } }),
  one("edge-1", "aa2", "web-2", { labels: { team: "b" }, state: "paused" }),
  one("edge-1", "ab", "job", {
    state: "exited",
    status: "Exited (3) 2 hours ago",
    image: "app:1",
    imageId: "sha256:bb",
  }),
  one("edge-2", "aa3", "web", { image: "app:1", imageId: "sha256:cc" }),
  one("edge-2", "c0", "job-2", { state: "exited", status: "Exited (0) 2 hours ago" }),
  one("edge-2", "c1", "new", { state: "created", status: "Created" }),
]

const select = (filters: object): ReadonlyArray<string> | string =>
  DockerFilter.parse(JSON.stringify(filters)).pipe(
    Either.flatMap(ContainerSelection.parse),
    Either.match({
      onLeft: ({ message }) => message,
      onRight: (selection) =>
        ContainerSelection.apply(selection, fleet).map(({ names, source }) => `${source}/${names[0]}`),
    }),
  )

describe("A Docker list over several sources", () => {
  it.each<[filters: object, expected: ReadonlyArray<string>]>([
    [{}, ["edge-1/web", "edge-1/web-2", "edge-2/web"]],
    [{ name: ["^web$"] }, ["edge-1/web", "edge-2/web"]],
    [{ name: ["^/web$"] }, ["edge-1/web", "edge-2/web"]],
    [{ name: { "^edge-1/web$": true } }, ["edge-1/web"]],
    [{ name: ["/edge-2/web"] }, ["edge-2/web"]],
    [{ name: ["edge"] }, []],
    [{ name: ["[", "web-2"] }, ["edge-1/web-2"]],
    [{ name: [] }, ["edge-1/web", "edge-1/web-2", "edge-2/web"]],
    [{ label: ["team"] }, ["edge-1/web", "edge-1/web-2"]],
    [{ label: ["team=a", "tier"] }, ["edge-1/web"]],
    [{ label: ["constructor"] }, []],
    [{ status: ["exited"] }, ["edge-1/job", "edge-2/job-2"]],
    [{ status: ["running", "created"] }, ["edge-1/web", "edge-2/web", "edge-2/new"]],
    [{ exited: ["3"], status: ["exited"] }, ["edge-1/job"]],
    [{ exited: ["0", "3"] }, []],
    [{ id: ["aa"] }, ["edge-2/web"]],
    [{ id: ["aa1", "aa"] }, ["edge-1/web", "edge-2/web"]],
    [{ id: [""] }, []],
    [{ ancestor: ["busybox"] }, ["edge-1/web", "edge-1/web-2"]],
    [{ ancestor: ["docker.io/library/busybox:latest"] }, ["edge-1/web", "edge-1/web-2"]],
    [{ ancestor: ["app:1"], status: ["exited", "running"] }, ["edge-1/job", "edge-2/web"]],
    [{ ancestor: ["cc"] }, ["edge-2/web"]],
    [{ ancestor: ["app"] }, []],
    [{ ancestor: [] }, []],
    [{ status: [], id: [], network: [] }, ["edge-1/web", "edge-1/web-2", "edge-2/web"]],
  ])("answers %j", (filters, expected) => {
    expect(select(filters)).toEqual(expected)
  })

  it("takes no more values than it can hold against every container", () => {
    const names = Array.from({ length: DockerFilter.MAX_VALUES + 1 }, (_, i) => `n${i}`)
    expect(select({ name: names })).toMatch(/more than 64 values/)
    expect(select({ label: names.slice(1) })).toEqual([])
    expect(select({ name: ["a{100}", "b{100}"] })).toEqual([])
    expect(select({ name: ["a{100}", "b{100}", "c{100}"] })).toMatch(/name=c.*too long a pattern/)
  })
})
