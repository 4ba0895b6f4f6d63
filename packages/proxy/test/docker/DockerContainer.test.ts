import type { ContainerInspection } from "@rdl/core/model/ContainerInspection"
import { ContainerInspection as Inspection } from "@rdl/core/model/ContainerInspection"
import { ContainerName, type SourceContainer } from "@rdl/core/model/Container"
import { SourceName } from "@rdl/core/model/SourceName"
import { Arbitrary, FastCheck } from "effect"
import { describe, expect, it } from "vitest"
import * as DockerContainer from "../../src/docker/DockerContainer.ts"

const of = { name: ContainerName.make("web"), source: SourceName.make("edge-1") } as SourceContainer

describe("A container by itself", () => {
  it("tells nothing of another one, whose network it shares, also where its source does not keep that back", () => {
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(Inspection), (told: ContainerInspection) => {
        const other = "5ec".padEnd(64, "5")
        const shared = {
          ...told,
          Config: { ...told.Config, Hostname: other.slice(0, 12) },
          HostConfig: { ...told.HostConfig, NetworkMode: `container:${other}` },
        }
        const shown = DockerContainer.inspected(of, shared)
        expect(shown).toMatchObject({ HostConfig: { NetworkMode: "container" }, Config: { Hostname: "" } })
        expect(JSON.stringify(shown)).not.toContain(other.slice(0, 12))
      }),
    )
  })
})
