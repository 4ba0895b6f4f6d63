/** Listing, inspecting, and how a reference finds a container. */
import { randomBytes } from "node:crypto"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Subject } from "./engineContract.ts"
import type { PlayContainer } from "./Play.ts"
import { askWhole } from "./RawClient.ts"

const INSPECT_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z$/
const ANY_NUMBER = expect.any(Number) as unknown
const NEVER = "0001-01-01T00:00:00Z"

const run = randomBytes(4).toString("hex")
const MINE = `rdl.contract=${run}`
const LABELS = { "rdl.contract": run, a: "1", b: "x y/é" }
/** What an engine then shows: the test kit adds one. */
const SHOWN_LABELS = { ...LABELS, "rdl.test": "1" }

interface Element {
  readonly Names: ReadonlyArray<string>
  readonly Id: string
}

export const listContract = (subject: Subject): void => {
  const { truth } = subject
  describe("list and inspect", () => {
    const made: Record<string, PlayContainer> = {}
    const get = (name: string): PlayContainer => {
      const container = made[name]
      if (container === undefined) throw new Error(`no container ${name}`)
      return container
    }
    const name = (short: string) => `rdl-${run}-${short}`

    beforeAll(async () => {
      const create = async (short: string, later?: ReadonlyArray<never>) => {
        made[short] = await subject.play().create({
          name: name(short),
          labels: short === "bare" ? { "rdl.contract": run } : LABELS,
          env: ["FOO=bar"],
          writes: [["stdout", "one two\n"]],
          ...(later === undefined ? {} : { later }),
        })
      }
      await create("exited")
      await get("exited").start()
      await create("bare", [])
      await get("bare").start()
      await create("running", [])
      await get("running").start()
      await create("paused", [])
      await get("paused").start()
      await get("paused").pause()
      await create("created")
    })
    afterAll(async () => {
      for (const container of Object.values(made)) await container.remove()
    })

    const list = (query: string) => askWhole(subject.play().url, `/v1.41/containers/json?${query}`)
    const filters = (value: unknown) => `filters=${encodeURIComponent(JSON.stringify(value))}`
    const names = async (query: string): Promise<ReadonlyArray<string>> => {
      const got = await list(query)
      expect([got.status, got.text.slice(0, 1)]).toEqual([200, "["])
      return (got.json as ReadonlyArray<Element>).map((element) => element.Names[0]?.replace(`/rdl-${run}-`, "") ?? "")
    }

    it("describes a container, newest first", async () => {
      const elements = (await list(`all=1&${filters({ label: [MINE] })}`)).json as ReadonlyArray<
        Record<string, unknown>
      >
      expect(elements.map((element) => (element["Names"] as ReadonlyArray<string>)[0])).toEqual(
        ["created", "paused", "running", "bare", "exited"].map((short) => "/" + name(short)),
      )
      const status = {
        created: /^Created$/,
        paused: /^Up (Less than a second|\d+ seconds?) \(Paused\)$/,
        running: /^Up (Less than a second|\d+ seconds?)$/,
        exited: /^Exited \(0\) (Less than a second|\d+ seconds?) ago$/,
      }
      for (const [state, text] of Object.entries(status)) {
        const container = get(state)
        const element = elements.find(({ Id }) => Id === container.id)
        expect(element).toMatchObject({
          Id: container.id,
          Names: ["/" + container.name],
          Image: subject.play().image,
          ImageID: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as unknown,
          Command: `/bin/sh -c '${container.command[2]}'`,
          Ports: [],
          Labels: SHOWN_LABELS,
          State: state,
          Status: expect.stringMatching(text) as unknown,
          HostConfig: { NetworkMode: "none" },
          NetworkSettings: { Networks: expect.any(Object) as unknown },
          Mounts: [],
        })
        expect(Math.abs(Number(element?.["Created"]) - Date.now() / 1000)).toBeLessThan(60)
      }
    })

    it.each([
      [{ label: [MINE] }, ["paused", "running", "bare"], ["created", "paused", "running", "bare", "exited"]],
      [{ label: { [MINE]: true } }, ["paused", "running", "bare"], ["created", "paused", "running", "bare", "exited"]],
      [{ label: { [MINE]: false } }, ["paused", "running", "bare"], ["created", "paused", "running", "bare", "exited"]],
      [{ label: [MINE, "a"] }, ["paused", "running"], ["created", "paused", "running", "exited"]],
      [{ label: [MINE, "a=1", "b=x y/é"] }, ["paused", "running"], ["created", "paused", "running", "exited"]],
      [{ label: [MINE, "a=2"] }, [], []],
      [{ label: [MINE, "a="] }, [], []],
      [{ label: [MINE, "A"] }, [], []],
      [{ name: [`rdl-${run}`] }, ["paused", "running", "bare"], ["created", "paused", "running", "bare", "exited"]],
      [{ name: [`^/rdl-${run}-running$`] }, ["running"], ["running"]],
      [{ name: [`^rdl-${run}-running$`] }, ["running"], ["running"]],
      [{ name: [`${run}-(r|e)`] }, ["running"], ["running", "exited"]],
      [{ name: [`${run}-run`, `${run}-cre`] }, ["running"], ["created", "running"]],
      [{ name: [`RDL-${run}`] }, [], []],
      [{ name: ["["], label: [MINE] }, [], []],
      [{ status: ["exited"], label: [MINE] }, ["exited"], ["exited"]],
      [{ status: ["running"], label: [MINE] }, ["running", "bare"], ["running", "bare"]],
      [{ status: ["paused", "created"], label: [MINE] }, ["created", "paused"], ["created", "paused"]],
      [{ status: ["dead", "removing", "restarting"], label: [MINE] }, [], []],
      [{ name: [`${run}-exited`], label: [MINE] }, [], ["exited"]],
    ])("filters by %j", async (filter, running, all) => {
      expect(await names(filters(filter))).toEqual(running)
      expect(await names(`all=1&${filters(filter)}`)).toEqual(all)
    })

    it("filters by the start of an id", async () => {
      const { id } = get("running")
      expect(await names(filters({ id: [id] }))).toEqual(["running"])
      expect(await names(filters({ id: [id.slice(0, 12)] }))).toEqual(["running"])
      expect(await names(filters({ id: [id.slice(1, 20)] }))).toEqual([])
      expect(await names(filters({ id: [get("exited").id] }))).toEqual([])
      expect(await names(`all=1&${filters({ id: [get("exited").id] })}`)).toEqual(["exited"])
    })

    it("takes a limit to mean all states, and anything below 1 to mean none", async () => {
      expect(await names(`limit=2&${filters({ label: [MINE] })}`)).toEqual(["created", "paused"])
      expect(await names(`limit=1&all=0&${filters({ label: [MINE] })}`)).toEqual(["created"])
      expect(await names(`limit=0&${filters({ label: [MINE] })}`)).toEqual(["paused", "running", "bare"])
      expect(await names(`limit=-1&${filters({ label: [MINE] })}`)).toEqual(["paused", "running", "bare"])
      expect(await names(`all=no&${filters({ label: [MINE] })}`)).toEqual(["paused", "running", "bare"])
      expect(await names(`all=TRUE&limit=&${filters({ label: [MINE] })}`)).toHaveLength(5)
    })

    it.each([
      ["limit=x", 500, 'strconv.Atoi: parsing "x": invalid syntax'],
      ["filters=%7B", ...truth.badFilter("unexpected end of JSON input")],
      ["filters=x", ...truth.badFilter("invalid character 'x' looking for beginning of value")],
      [
        "filters=[]",
        ...truth.badFilter("json: cannot unmarshal array into Go value of type map[string]map[string]bool"),
      ],
      [
        filters({ name: "x" }),
        ...truth.badFilter("json: cannot unmarshal string into Go value of type map[string]bool"),
      ],
      [filters({ bogus: ["x"] }), 400, truth.unknownFilter("bogus")],
      [filters({ status: ["bogus"] }), 400, truth.unknownFilter("status=bogus")],
    ])("refuses %s", async (query, status, message) => {
      const got = await list(query)
      expect([got.status, got.json]).toEqual([status, { message }])
    })

    it("inspects a container in each state", async () => {
      const inspect = async (short: string) =>
        (await askWhole(subject.play().url, `/containers/${get(short).id}/json`)).json as Record<string, unknown>
      const state = (status: string, running: boolean, started: unknown, finished: unknown) => ({
        Status: status,
        Running: running,
        Paused: status === "paused",
        Restarting: false,
        OOMKilled: false,
        Dead: false,
        Pid: running ? ANY_NUMBER : 0,
        ExitCode: 0,
        Error: "",
        StartedAt: started,
        FinishedAt: finished,
      })
      const time = expect.stringMatching(INSPECT_TIME) as unknown
      expect((await inspect("created"))["State"]).toEqual(state("created", false, NEVER, NEVER))
      expect((await inspect("running"))["State"]).toEqual(state("running", true, time, NEVER))
      expect((await inspect("paused"))["State"]).toEqual(state("paused", true, time, NEVER))
      expect((await inspect("exited"))["State"]).toEqual(state("exited", false, time, time))
    })

    it("inspects what a container is", async () => {
      const container = get("running")
      const got = await askWhole(subject.play().url, `/v1.41/containers/${container.name}/json`)
      expect(got.json).toMatchObject({
        Id: container.id,
        Name: "/" + container.name,
        Created: expect.stringMatching(INSPECT_TIME) as unknown,
        Path: "/bin/sh",
        Args: container.command.slice(1),
        Image: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as unknown,
        LogPath: expect.any(String) as unknown,
        RestartCount: 0,
        Platform: "linux",
        Mounts: [],
        HostConfig: { LogConfig: { Type: "json-file", Config: {} }, NetworkMode: "none", AutoRemove: false },
        Config: {
          Hostname: container.id.slice(0, 12),
          Tty: false,
          OpenStdin: false,
          Env: ["FOO=bar"],
          Cmd: container.command,
          Image: subject.play().image,
          Entrypoint: null,
          Labels: SHOWN_LABELS,
        },
      })
    })

    it("finds by full id, then by exact name, then by the start of one id", async () => {
      const { id } = get("running")
      const namesake = await subject.play().create({ name: id.slice(0, 10), labels: LABELS, writes: [] })
      const found = async (reference: string) => {
        const got = await askWhole(subject.play().url, `/containers/${reference}/json`)
        return got.status === 200 ? (got.json as Element).Id : got.json
      }
      const unknown = (reference: string) => ({ message: `No such container: ${reference}` })
      expect(await found(id)).toBe(id)
      expect(await found(id.slice(0, 12))).toBe(id)
      expect(await found(id.slice(0, 63))).toBe(id)
      expect(await found(id.slice(0, 10))).toBe(namesake.id)
      expect(await found(name("running"))).toBe(id)
      expect(await found(name("runnin"))).toEqual(unknown(name("runnin")))
      expect(await found(name("RUNNING"))).toEqual(unknown(name("RUNNING")))
      expect(await found(id + "0")).toEqual(unknown(id + "0"))
      expect(await found("a%2Fb")).toEqual(unknown("a/b"))
      const letters = id.slice(0, 1 + id.search(/[a-f]/)).padStart(12, id)
      expect(await found(letters.toUpperCase())).toEqual(unknown(letters.toUpperCase()))
      await namesake.remove()
      expect(await found(id.slice(0, 10))).toBe(id)
    })

    it("refuses the start of several ids", async () => {
      const crowd: Array<PlayContainer> = []
      const digits = new Set<string>()
      let shared: string | undefined
      while (shared === undefined) {
        const container = await subject.play().create({ writes: [] })
        crowd.push(container)
        const digit = container.id.slice(0, 1)
        if (digits.has(digit)) shared = digit
        digits.add(digit)
      }
      for (const path of ["json", "logs?stdout=1"]) {
        const got = await askWhole(subject.play().url, `/containers/${shared}/${path}`)
        const [status, message] = truth.ambiguousPrefix(shared)
        expect([got.status, got.json]).toEqual([status, { message }])
      }
      for (const container of crowd) await container.remove()
    })
  })
}
