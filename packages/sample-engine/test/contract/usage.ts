/** What a container uses, and what runs in it. */
import { beforeAll, describe, expect, it } from "vitest"
import type { Subject } from "./engineContract.ts"
import type { PlayContainer } from "./Play.ts"
import { ask, askWhole, type RawAnswer } from "./RawClient.ts"

interface Figures {
  readonly read: string
  readonly preread: string
  readonly name?: string
  readonly id?: string
  readonly pids_stats: object
  readonly memory_stats: object
  readonly cpu_stats: { readonly cpu_usage: { readonly total_usage: number } }
  readonly precpu_stats: { readonly cpu_usage: { readonly total_usage: number } }
}

interface Table {
  readonly Titles: ReadonlyArray<string>
  readonly Processes: ReadonlyArray<ReadonlyArray<string>>
}

const NO_TIME = "0001-01-01T00:00:00Z"

const linesOf = ({ text }: RawAnswer): ReadonlyArray<Figures> =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Figures)

/** The members of an object, and of those in it that every engine has; what a kernel counts is its own affair. */
const shapeOf = (figures: Figures): unknown => ({
  members: Object.keys(figures),
  cpu: Object.keys(figures.cpu_stats),
  // Of each core by itself only older kernels' control groups tell.
  usage: Object.keys(figures.cpu_stats.cpu_usage).filter((name) => name !== "percpu_usage"),
  blocks: Object.keys((figures as unknown as { readonly blkio_stats: object }).blkio_stats),
})

const MEMBERS = "read preread pids_stats blkio_stats num_procs storage_stats cpu_stats precpu_stats memory_stats".split(
  " ",
)
const BLOCKS = "io_service_bytes io_serviced io_queue io_service_time io_wait_time io_merged io_time sectors"
const USAGE = ["total_usage", "usage_in_kernelmode", "usage_in_usermode"]

const shape = (isRunning: boolean, isNamed: boolean) => ({
  members: [...MEMBERS, ...(isNamed ? ["name", "id"] : [])],
  cpu: isRunning
    ? ["cpu_usage", "system_cpu_usage", "online_cpus", "throttling_data"]
    : ["cpu_usage", "throttling_data"],
  usage: USAGE,
  blocks: BLOCKS.split(" ").map((name) => `${name}_recursive`),
})

export const usageContract = ({ play, truth }: Subject): void => {
  const get = (path: string) => askWhole(play().url, `/v1.41/containers/${path}`)

  describe("usage", () => {
    let running: PlayContainer
    let stopped: PlayContainer
    beforeAll(async () => {
      running = await play().create({ writes: [["stdout", "up\n"]], later: [[]] })
      stopped = await play().create({ writes: [["stdout", "gone\n"]] })
      for (const container of [running, stopped]) await container.start()
    })

    it("is told once, at once, where one look is asked for", async () => {
      const answer = await get(`${running.id}/stats?stream=0&one-shot=1`)
      expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/json"])
      const [figures, ...more] = linesOf(answer)
      expect(more).toEqual([])
      expect(shapeOf(figures!)).toEqual(shape(true, truth.oneShotIsNamed))
      expect([figures?.preread, figures?.precpu_stats.cpu_usage.total_usage]).toEqual([NO_TIME, 0])
      expect(figures?.pids_stats).toMatchObject({ current: expect.any(Number) })
    })

    it("is told once, with the look before, where no stream is asked for", async () => {
      const [figures, ...more] = linesOf(await get(`${running.name}/stats?stream=false`))
      expect(more).toEqual([])
      expect(shapeOf(figures!)).toEqual(shape(true, true))
      expect(figures).toMatchObject({ name: `/${running.name}`, id: running.id })
      expect(Date.parse(figures!.preread)).toBeLessThan(Date.parse(figures!.read))
    })

    it.each(["stream=0", "stream=0&one-shot=1"])(
      "is nothing, told at once, of what does not run: %s",
      async (query) => {
        const [figures] = linesOf(await get(`${stopped.id}/stats?${query}`))
        expect(shapeOf(figures!)).toEqual(shape(false, true))
        expect(figures).toMatchObject({ read: NO_TIME, preread: NO_TIME, pids_stats: {}, memory_stats: {} })
      },
    )

    it("is told every second, each look with the one before, until the container is gone", async () => {
      const passing = await play().create({ writes: [["stdout", "up\n"]], later: [[]] })
      await passing.start()
      const answer = await ask(play().url, `/v1.41/containers/${passing.id}/stats`)
      await answer.when(() => linesOf(answer).length >= 2)
      const [first, second] = linesOf(answer)
      expect([first?.preread, second?.preread]).toEqual([NO_TIME, first?.read])
      expect(shapeOf(second!)).toEqual(shape(true, true))
      expect(second?.precpu_stats).toEqual(first?.cpu_stats)
      await passing.kill()
      await answer.when(() => linesOf(answer).at(-1)?.read === NO_TIME)
      await passing.remove()
      expect(await answer.whenEnded()).toBe("whole")
    })

    it("of its processes tells of each what ps was asked for", async () => {
      const tables: ReadonlyArray<readonly [query: string, titles: string]> = [
        ["", "UID PID PPID C STIME TTY TIME CMD"],
        ["?ps_args=-ef", "UID PID PPID C STIME TTY TIME CMD"],
        ["?ps_args=aux", "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND"],
        ["?ps_args=-o%20pid,args", "PID COMMAND"],
        [
          "?ps_args=-o%20user,pid,ppid,pcpu,pmem,vsz,rss,tt,stat,start,time,etime,comm",
          "USER PID PPID %CPU %MEM VSZ RSS TT STAT STARTED TIME ELAPSED COMMAND",
        ],
      ]
      for (const [query, titles] of tables) {
        const answer = await get(`${running.id}/top${query}`)
        expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/json"])
        const table = answer.json as Table
        expect(Object.keys(table)).toEqual(["Processes", "Titles"])
        expect(table.Titles.join(" ")).toBe(titles)
        expect(table.Processes.length).toBeGreaterThan(0)
        for (const process of table.Processes) expect(process).toHaveLength(table.Titles.length)
      }
      const { Processes: processes } = (await get(`${running.id}/top?ps_args=-o%20pid,args`)).json as Table
      // In order of their numbers, which begin anew at times: the shell's own may come after its child's.
      expect(processes.map(([, command]) => command)).toContain(running.command.join(" "))
    })

    it.each<[string, string, (id: string) => readonly [number, string]]>([
      ["figures of nothing", "nothing/stats?stream=0", () => [404, "No such container: nothing"]],
      ["processes of nothing", "nothing/top", () => [404, "No such container: nothing"]],
      ["a stream of one", "ID/stats?one-shot=1", () => [400, "cannot have stream=true and one-shot=true"]],
      ["processes of what does not run", "ID/top", (id) => [409, truth.notRunning(id)]],
    ])("is refused: %s", async (_, path, expected) => {
      const answer = await get(path.replace("ID", stopped.id))
      const [status, message] = expected(stopped.id)
      expect([answer.status, answer.json]).toEqual([status, { message }])
    })

    it("of processes is refused without their numbers, or in words that ps does not know", async () => {
      const refusals = [
        ["-o%20args", "Couldn't find PID field in ps output"],
        ["--bogus", "ps: error: unknown gnu long option"],
      ]
      for (const [words, message] of refusals) {
        const answer = await get(`${running.id}/top?ps_args=${words}`)
        expect([answer.status, answer.json]).toEqual([500, { message }])
      }
    })
  })
}
