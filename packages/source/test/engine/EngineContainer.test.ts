import { describe, expect, it } from "vitest"
import * as EngineContainer from "../../src/engine/EngineContainer.ts"

const Id = "ab".repeat(32)
const listed = (State: string) =>
  EngineContainer.fromList([{ Id, Names: ["/web"], Created: 1, State, Status: "as the engine says it" }])?.containers
const inspected = (Status: string) => EngineContainer.fromInspect({ Id, Config: {}, State: { Status } })

describe("EngineContainer", () => {
  it.each([
    ["configured", "created"],
    ["initialized", "created"],
    // It writes to its log until it has stopped.
    ["stopping", "running"],
    ["stopped", "exited"],
  ])("calls Podman's %s %s, listed or inspected", (podmans, dockers) => {
    expect(listed(podmans)).toMatchObject([{ state: dockers, status: "as the engine says it" }])
    expect(inspected(podmans)).toMatchObject({ status: dockers })
  })

  it.each(["created", "running", "paused", "restarting", "removing", "exited", "dead", "constructor"])(
    "leaves the state %s as it is",
    (state) => {
      expect(listed(state)).toMatchObject([{ state }])
      expect(inspected(state)).toMatchObject({ status: state })
    },
  )
})
