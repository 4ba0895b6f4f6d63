import { describeEachEngine, type EngineFacts, engines } from "@rdl/test-kit/Engines"
import { type ContainerSpec, type RealContainer, RealEngine } from "@rdl/test-kit/RealEngine"
import { randomBytes } from "node:crypto"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as EndToEndFleet from "./EndToEndFleet.ts"
import type { Listed } from "./EndToEndFleet.ts"
import { rdlProcess } from "./RdlProcess.ts"

const rdl = rdlProcess()
const [first] = await engines()

interface Refused {
  readonly error: { readonly code: string; readonly message: string; readonly candidates?: ReadonlyArray<string> }
}

const suite = (edge2: EngineFacts) => {
  const edge1 = first ?? edge2
  /** Others may use the same engines. */
  const own = `rdl-test-${randomBytes(4).toString("hex")}`
  const [one, two] = [new RealEngine(edge1.socket), new RealEngine(edge2.socket)]
  const made: Array<RealContainer> = []
  let fleet: EndToEndFleet.EndToEndFleet

  const run = async (engine: RealEngine, spec: ContainerSpec) => {
    const container = await engine.run(spec)
    made.push(container)
    return container
  }
  const log = async (ref: string, token?: string) => {
    const response = await fleet.get(`/containers/${ref}/logs`, token === undefined ? {} : { token })
    return { status: response.status, retry: response.headers.get("retry-after"), body: await response.text() }
  }
  const refused = async (ref: string, token?: string) => {
    const { body, retry, status } = await log(ref, token)
    return { status, retry, ...(JSON.parse(body) as Refused).error }
  }

  beforeAll(async () => {
    const says = (what: string) => `echo ${what}; sleep 100000`
    await run(one, { name: `${own}-twin`, script: says("first"), labels: { team: "shop" } })
    await run(two, { name: `${own}-twin`, script: says("second") })
    await run(one, { name: `${own}-only-1`, script: says("alone") })
    await run(two, { name: `${own}-only-2`, script: says("apart"), labels: { team: "shop" } })
    fleet = await EndToEndFleet.start(rdl, [edge1.socket, edge2.socket])
    for (const { id } of made) await fleet.listed(id)
  }, 120_000)
  afterAll(async () => {
    await Promise.all(made.map((container) => container.remove()))
    await fleet?.stop()
    await Promise.all([one.close(), two.close()])
  }, 120_000)

  const list = (token?: string) =>
    fleet.json<ReadonlyArray<Listed>>(`/containers?name=${own}-*`, token === undefined ? {} : { token })
  const names = (containers: ReadonlyArray<Listed>) =>
    containers.map(({ name, source }) => `${source}/${name.slice(own.length + 1)}`).sort()

  it("show as one list, each container labelled with its source", { timeout: 120_000 }, async () => {
    expect(names(await list())).toEqual(["edge-1/only-1", "edge-1/twin", "edge-2/only-2", "edge-2/twin"])
    expect(await fleet.json("/sources")).toMatchObject([
      { name: "edge-1", connected: true, transport: "ws", engine: { kind: edge1.kind, version: edge1.version } },
      { name: "edge-2", connected: true, transport: "ws", engine: { kind: edge2.kind, version: edge2.version } },
    ])
  })

  it(
    "answer for a name alone where only one has it, and with the candidates where both do",
    { timeout: 120_000 },
    async () => {
      expect(await log(`${own}-only-2`)).toMatchObject({ status: 200, body: "edge-2 | apart\n" })
      const ambiguous = await refused(`${own}-twin`)
      expect(ambiguous).toMatchObject({ status: 409, code: "ambiguous" })
      expect([...(ambiguous.candidates ?? [])].sort()).toEqual([`edge-1/${own}-twin`, `edge-2/${own}-twin`])
      expect(await log(`edge-1/${own}-twin`)).toMatchObject({ status: 200, body: "edge-1 | first\n" })
      expect(await log(`edge-2/${own}-twin`)).toMatchObject({ status: 200, body: "edge-2 | second\n" })
      for (const { id } of made) expect((await log(id)).status).toBe(200)
    },
  )

  it(
    "show a user the token's part of them, and of the rest not even that it is there",
    { timeout: 120_000 },
    async () => {
      const host = await fleet.issue("host", "--allow-source", "edge-1")
      const name = await fleet.issue("name", "--allow-container", `${own}-only-*`)
      const label = await fleet.issue("label", "--allow-label", "team=shop")
      expect(names(await list(host))).toEqual(["edge-1/only-1", "edge-1/twin"])
      expect(names(await list(name))).toEqual(["edge-1/only-1", "edge-2/only-2"])
      expect(names(await list(label))).toEqual(["edge-1/twin", "edge-2/only-2"])
      expect(
        (await fleet.json<ReadonlyArray<{ name: string }>>("/sources", { token: host })).map((each) => each.name),
      ).toEqual(["edge-1"])
      // What is ambiguous to others has one meaning here.
      expect(await log(`${own}-twin`, host)).toMatchObject({ status: 200, body: "edge-1 | first\n" })
      for (const [token, hidden] of [
        [host, `edge-2/${own}-only-2`],
        [host, `${own}-only-2`],
        [name, `edge-1/${own}-twin`],
        [name, made[0]!.id],
        [label, `${own}-only-1`],
        [label, made[1]!.id.slice(0, 12)],
      ] as const) {
        const absent = hidden.replace(/[^/]+$/, (ref) => ref.replaceAll(/[0-9a-f]/g, "0").concat("00"))
        const answer = await refused(hidden, token)
        expect(answer).toMatchObject({ status: 404, code: "no-such-container" })
        expect({ ...(await refused(absent, token)), message: "" }).toEqual({ ...answer, message: "" })
        expect(answer.message).not.toContain("edge-2/".concat(own, "-twin"))
      }
      const sourceToken = await rdl.run([
        "token",
        "issue",
        "--key-file",
        `${rdl.directory}/signing.jwk`,
        "--source",
        "edge-1",
      ])
      expect((await refused(`${own}-only-1`, sourceToken.stdout.trim())).status).toBe(403)
      expect((await refused(`${own}-only-1`, `${host}x`)).status).toBe(401)
    },
  )

  it(
    "stay listed when one is killed, stale and refusing with when to ask again, until it is back",
    { timeout: 180_000 },
    async () => {
      const lost = made[3]!
      await fleet.source("edge-2").stop("SIGKILL")
      await fleet.listed(lost.id, ({ stale }) => stale)
      expect((await list()).map(({ source, stale }) => stale === (source === "edge-2"))).toEqual([
        true,
        true,
        true,
        true,
      ])
      const { retry, ...offline } = await refused(`${own}-only-2`)
      expect(offline).toMatchObject({ status: 503, code: "source-offline", source: "edge-2" })
      expect(Number(retry)).toBeGreaterThan(0)
      // The neighbour serves on; what was ambiguous still is, since the other will be back.
      expect((await log(`${own}-only-1`)).body).toBe("edge-1 | alone\n")
      expect((await refused(`${own}-twin`)).status).toBe(409)
      // A user who may not see the source learns nothing of its trouble.
      const host = await fleet.issue("host", "--allow-source", "edge-1")
      expect((await refused(`${own}-only-2`, host)).status).toBe(404)

      await lost.stop()
      await fleet.startSource("edge-2", edge2.socket)
      await fleet.listed(lost.id, ({ stale, state }) => !stale && state === "exited")
      expect(await log(`edge-2/${own}-only-2`)).toMatchObject({ status: 200, body: "edge-2 | apart\n" })
    },
  )

  it("link again by themselves when the proxy was killed and started anew", { timeout: 180_000 }, async () => {
    await fleet.proxy().stop("SIGKILL")
    await fleet.startProxy()
    for (const { id } of made) await fleet.listed(id, ({ stale }) => !stale)
    for (const name of ["edge-1", "edge-2"]) {
      expect(fleet.source(name).child.exitCode).toBeNull()
      expect((await log(`${name}/${own}-twin`)).status).toBe(200)
    }
  })
}

await describeEachEngine(
  `two sources, on ${first?.name ?? "an engine"} and on another`,
  suite,
  ({ socket }) => socket !== first?.socket,
)
