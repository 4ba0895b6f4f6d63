import { describeEachEngine } from "@rdl/test-kit/Engines"
import { type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { isSafe, ProcessColumns } from "@rdl/core/model/ProcessColumns"
import { ContainerId } from "@rdl/core/model/Container"
import { Effect, Either } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as EngineClient from "../../src/engine/EngineClient.ts"
import * as EngineRequest from "../../src/engine/EngineRequest.ts"
import * as PodmanColumns from "../../src/engine/PodmanColumns.ts"

const from = (text: string) => PodmanColumns.from(ProcessColumns.make(text))
const USUAL = "user,pid,ppid,pcpu,etime,tty,time,args"
/** Each column that Podman has by itself, asked for alone. */
const OWN = (
  "args cmd command comm ucmd ucomm etime group egroup nice ni pcpu %cpu pgid pgrp pid tgid ppid rgroup rss rssize " +
  "rsz ruser state s stime time cputime tty tt tname user euser uname vsz vsize"
).split(" ")

describe("PodmanColumns", () => {
  it("are the usual ones where nobody asks for any", () => {
    expect(PodmanColumns.from(undefined)).toEqual(Either.right(USUAL))
    for (const option of ["-ef", "-f", "-F", "-l", "u", "ax", "aux"]) expect(from(option)).toEqual(Either.right(USUAL))
  })

  it("are in Podman's own words those that were asked for, in their order", () => {
    expect(from("-o pid,cmd")).toEqual(Either.right("pid,args"))
    expect(from("o  %cpu,uname,pid")).toEqual(Either.right("pcpu,user,pid"))
    for (const column of OWN) {
      expect([column, isSafe(`-o ${column}`)]).toEqual([column, true])
      expect([column, Either.map(from(`-o ${column}`), PodmanColumns.isOwn)]).toEqual([column, Either.right(true)])
    }
  })

  it("are refused by name where Podman would have to run ps", () => {
    const refused = from("-o pid,wchan")
    expect(Either.isLeft(refused) && refused.left).toMatch(
      /^Podman has no column "wchan" .* ask for some of args, comm/,
    )
    for (const column of ["uid", "stat", "lwp", "size", "start"])
      expect([column, Either.isLeft(from(`-o ${column}`))]).toEqual([column, true])
  })

  it("make no question with anything else, whatever the type claims", () => {
    const id = ContainerId.make("ab".repeat(32))
    for (const text of ["-ef", "pid,wchan", "-o pid", "", "pid,", "pid;id", "constructor"])
      expect([text, EngineRequest.podmanTop("1.41", id, text as PodmanColumns.PodmanColumns)]).toEqual([
        text,
        undefined,
      ])
  })
})

await describeEachEngine(
  "processes at Podman",
  ({ socket }) => {
    const engine = new RealEngine(socket)
    let container: RealContainer
    beforeAll(async () => {
      container = await engine.run({ script: "trap 'exit 0' TERM; while :; do sleep 100 & wait; done" })
    })
    afterAll(async () => {
      await container?.remove()
      await engine.close()
    })
    const top = (columns?: string) =>
      Effect.runPromise(
        EngineClient.make({ engine: `unix://${socket}`, env: {} }).pipe(
          Effect.flatMap((client) =>
            client.top(
              ContainerId.make(container.id),
              columns === undefined ? undefined : ProcessColumns.make(columns),
            ),
          ),
          Effect.either,
          Effect.scoped,
        ),
      )

    it("are told without anything being run in the container, whatever is asked", { timeout: 120_000 }, async () => {
      const usual = { Titles: ["USER", "PID", "PPID", "%CPU", "ELAPSED", "TTY", "TIME", "COMMAND"] }
      expect(await top()).toMatchObject({ _tag: "Right", right: usual })
      expect(await top("-ef")).toMatchObject({ _tag: "Right", right: usual })
      expect(await top("-o pid,comm")).toMatchObject({
        right: { Titles: ["PID", "COMMAND"], Processes: expect.arrayContaining([["1", "sh"]]) as unknown },
      })
      const all = await top(`-o ${OWN.join(",")}`)
      expect(Either.map(all, ({ Titles }) => Titles.length)).toEqual(Either.right(OWN.length))
      expect(await top("-o pid,wchan")).toMatchObject({ _tag: "Left", left: { _tag: "EngineError", status: 400 } })
      const { ExecIDs } = await engine.json<{ readonly ExecIDs: ReadonlyArray<string> | null }>(
        `/containers/${container.id}/json`,
      )
      expect(ExecIDs ?? []).toEqual([])
    })
  },
  ({ kind }) => kind === "podman",
)
