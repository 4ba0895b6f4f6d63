import { ContainerId, ContainerName } from "@rdl/core/model/Container"
import type { SourceEvent } from "@rdl/core/routing/FleetEvents"
import { SourceName } from "@rdl/core/model/SourceName"
import { Either } from "effect"
import { describe, expect, it } from "vitest"
import * as DockerEvent from "../../src/docker/DockerEvent.ts"
import * as DockerFilter from "../../src/docker/DockerFilter.ts"

const event = (action: string): SourceEvent => ({
  source: SourceName.make("edge-1"),
  event: {
    id: ContainerId.make("ab".padEnd(64, "0")),
    action,
    name: ContainerName.make("web"),
    image: "app:1",
    labels: { team: "a", b: "2" },
    ...(action === "die" ? { exitCode: "137" } : {}),
    timeNano: "1795361178483329566",
  },
})

describe("An event", () => {
  it("is written as the daemon writes it, to the nanosecond", () => {
    const id = "ab".padEnd(64, "0")
    expect(DockerEvent.write(event("die"))).toBe(
      `{"status":"die","id":"${id}","from":"app:1","Type":"container","Action":"die","Actor":{"ID":"${id}",` +
        `"Attributes":{"b":"2","exitCode":"137","image":"app:1","name":"edge-1/web","team":"a"}},"scope":"local",` +
        `"time":1795361178,"timeNano":1795361178483329566}\n`,
    )
  })

  it.each<[filters: object, action: string, wanted: boolean]>([
    [{}, "start", true],
    [{ type: ["container"] }, "start", true],
    [{ type: ["network"] }, "start", false],
    [{ type: ["network", "container"] }, "start", true],
    [{ network: ["x"] }, "start", false],
    [{ bogus: ["x"] }, "start", true],
    [{ event: ["start", "die"] }, "start", true],
    [{ event: ["sta"] }, "start", false],
    [{ event: ["health_status"] }, "health_status: healthy", true],
    [{ event: ["health_status"] }, "start", false],
    [{ event: ["health_status: healthy"] }, "health_status: healthy", true],
    [{ container: { we: true } }, "start", true],
    [{ container: ["abc", "edge-1/web"] }, "start", true],
    [{ container: ["edge-2/web"] }, "start", false],
    [{ container: ["edge"] }, "start", false],
    [{ container: ["ab00"] }, "start", true],
    [{ label: ["team=a", "b"] }, "start", true],
    [{ label: ["team=b"] }, "start", false],
    [{ image: ["app"] }, "start", true],
    [{ image: ["app:1"] }, "start", true],
    [{ image: ["ap"] }, "start", false],
  ])("under %j is %s wanted: %s", (filters, action, wanted) => {
    const filter = Either.getOrThrow(DockerFilter.parse(JSON.stringify(filters)))
    expect(DockerEvent.matches(filter)(event(action))).toBe(wanted)
  })
})
