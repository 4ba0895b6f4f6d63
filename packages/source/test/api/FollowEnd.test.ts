import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock } from "effect"
import type { Engine } from "@rdl/core/model/Engine"
import { ContainerId } from "@rdl/core/model/Container"
import { LogTime } from "@rdl/core/log/LogTime"
import * as FollowEnd from "../../src/api/FollowEnd.ts"
import type { ContainerDetails } from "../../src/engine/EngineContainer.ts"
import { ContainerNotFound } from "../../src/engine/EngineError.ts"

const id = ContainerId.make("ab".repeat(32))
const detailsOf = (status: string, startedAt = "2026-11-22T10:00:00Z"): ContainerDetails => ({
  id,
  tty: false,
  status,
  logDriver: "",
  logPath: "",
  logOptions: {},
  startedAt,
})
const again = "2026-11-22T10:00:09Z"

/** What the engine says of the container at each look; nothing = there is none. */
const follow = (kind: Engine["kind"], looks: ReadonlyArray<ContainerDetails | undefined>, opened = "running") => {
  const left = [...looks]
  const client = {
    inspect: () =>
      Effect.suspend(() => {
        const found = left.shift()
        return found === undefined ? new ContainerNotFound({ id }) : Effect.succeed(found)
      }),
  }
  const ask = { query: {}, container: { id }, details: detailsOf(opened), engine: { kind } }
  return { reason: FollowEnd.reason(client, ask), ask, client }
}

describe("FollowEnd", () => {
  it.effect("is at once what Docker says of the container", () =>
    Effect.gen(function* () {
      for (const [looked, told] of [
        [detailsOf("running"), undefined],
        [detailsOf("paused"), undefined],
        [detailsOf("running", again), "stopped"],
        [detailsOf("running", ""), "stopped"],
        [detailsOf("exited"), "stopped"],
        [detailsOf("removing"), "removed"],
        [detailsOf("dead"), "removed"],
      ] as const)
        expect([looked.status, yield* follow("docker", [looked]).reason]).toEqual([looked.status, told])
    }),
  )

  it.effect("fails where there is no such container any more", () =>
    Effect.gen(function* () {
      for (const kind of ["docker", "podman"] as const)
        expect(yield* Effect.flip(follow(kind, []).reason)).toMatchObject({ _tag: "ContainerNotFound", id })
    }),
  )

  it.effect("is looked for twice where Podman stops what it may be about to remove", () =>
    Effect.gen(function* () {
      for (const [second, told] of [
        [detailsOf("exited"), "stopped"],
        [detailsOf("removing"), "removed"],
        [undefined, "gone"],
        [detailsOf("running", again), "stopped"],
      ] as const) {
        const { reason } = follow("podman", [detailsOf("exited"), second])
        const asked = yield* Effect.fork(Effect.catchTag(reason, "ContainerNotFound", () => Effect.succeed("gone")))
        yield* TestClock.adjust(FollowEnd.SECOND_LOOK_MS - 1)
        expect(Option.isNone(yield* Fiber.poll(asked))).toBe(true)
        yield* TestClock.adjust(1)
        expect(yield* Fiber.join(asked)).toBe(told)
      }
    }),
  )

  it.effect("is told at once by Podman too where the container runs, or did not when its log was opened", () =>
    Effect.gen(function* () {
      expect(yield* follow("podman", [detailsOf("running")]).reason).toBeUndefined()
      expect(yield* follow("podman", [detailsOf("running", again)]).reason).toBe("stopped")
      for (const opened of ["created", "exited"])
        expect(yield* follow("podman", [detailsOf("exited")], opened).reason).toBe("stopped")
    }),
  )

  it.effect("is the clock where the log was wanted until now, whatever has become of the container", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_000)
      const { ask, client } = follow("docker", [])
      const until = (time: string) => FollowEnd.reason(client, { ...ask, query: { until: LogTime.make(time) } })
      expect(yield* until("1700000000")).toBe("eof")
      expect(yield* Effect.flip(until("1700000001"))).toMatchObject({ _tag: "ContainerNotFound" })
    }),
  )
})
