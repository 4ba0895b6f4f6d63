import { describe, expect, it } from "@effect/vitest"
import { ContainerId, ContainerName } from "@rdl/core/model/Container"
import { MAX_CONTAINER_BYTES } from "@rdl/core/model/InventoryChange"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import { Effect, FastCheck as fc } from "effect"
import { fromList } from "../src/engine/EngineContainer.ts"
import * as Source from "../src/Source.ts"
import * as SourcePolicy from "../src/SourcePolicy.ts"
import * as TestProxy from "./engine/TestProxy.ts"

const subject = (names: readonly [string, ...Array<string>], labels: Record<string, string> = {}) => ({
  names: names.map((name) => ContainerName.make(name)) as [ContainerName, ...Array<ContainerName>],
  labels,
})

describe("SourcePolicy", () => {
  it.each<[string, Partial<SourcePolicy.SourcePolicy>, ReturnType<typeof subject>, boolean]>([
    ["shares what nothing speaks against", {}, subject(["web"]), true],
    ["shares what is allowed", { allow: ["db", "w*"] }, subject(["web"]), true],
    ["keeps back what is not", { allow: ["db"] }, subject(["web"]), false],
    ["keeps back what is denied", { deny: ["w?b"] }, subject(["web"]), false],
    ["lets denial win", { allow: ["web"], deny: ["web"] }, subject(["web"]), false],
    ["looks at every name for denial", { deny: ["alias"] }, subject(["web", "alias"]), false],
    ["looks at every name for permission", { allow: ["alias"] }, subject(["web", "alias"]), true],
    ["keeps back what its label does not enable", {}, subject(["web"], { "rdl.enable": "false" }), false],
    ["lets no permission outdo the label", { allow: ["web"] }, subject(["web"], { "rdl.enable": "0" }), false],
    ["takes a label it cannot read for a no", {}, subject(["web"], { "rdl.enable": "flase" }), false],
    ["takes a label without a value for a yes", {}, subject(["web"], { "rdl.enable": "" }), true],
    ["takes other spellings of yes", {}, subject(["web"], { "rdl.enable": " TRUE " }), true],
    ["lets no label outdo denial", { deny: ["web"] }, subject(["web"], { "rdl.enable": "true" }), false],
  ])("%s", (_, policy, container, shared) => {
    expect(SourcePolicy.shares({ ...SourcePolicy.defaults, ...policy }, container)).toBe(shared)
  })

  it("shares no more by another denial, and with no list fewer than with one that allows", () => {
    const globs = fc.array(fc.constantFrom("web", "w*", "?b", "*", "db", "x"))
    const names = fc.constantFrom("web", "db", "wx")
    fc.assert(
      fc.property(globs, globs, fc.constantFrom("web", "*b", "*"), names, (allow, deny, more, name) => {
        const shares = (policy: SourcePolicy.SourcePolicy) => SourcePolicy.shares(policy, subject([name]))
        expect(shares({ allow, deny: [...deny, more] }) && !shares({ allow, deny })).toBe(false)
        expect(shares({ allow, deny }) && !shares({ allow: [], deny })).toBe(false)
      }),
    )
  })

  it("is asked before a container is cut down to what fits, so that no length hides a label", () => {
    const labels = { long: "x".repeat(MAX_CONTAINER_BYTES), "rdl.enable": "false" }
    const listed = { Id: "a".repeat(64), Names: ["/web"], Created: 0, State: "running", Labels: labels }
    expect(fromList([listed])?.containers).toEqual([])
    expect(fromList([{ ...listed, Labels: { long: labels.long } }])?.containers).toHaveLength(1)
  })
})

describe("A source with a policy", () => {
  it.scopedLive(
    "tells of no container that it keeps back, in no list and no change, and reads none of their logs",
    () =>
      Effect.gen(function* () {
        const engine = yield* SampleEngine.make()
        const web = engine.createContainer({ name: "web" })
        const vault = engine.createContainer({ name: "vault-1" })
        const shy = engine.createContainer({ name: "shy", labels: { "rdl.enable": "false" } })
        const proxy = yield* TestProxy.make
        const policy = { allow: [], deny: ["vault*"] }
        const source = Source.run({ engine: engine.url, env: {}, agent: "rdl/test", policy })
        yield* Effect.forkScoped(Effect.provide(source, proxy.dialer))
        const { session } = yield* proxy.session
        const told = yield* TestProxy.ask(session, { op: "inventory" })
        yield* told.until((text) => text.includes('"_tag":"Ready"'))

        // Events: one that starts, stops, is renamed out of and into what is shared.
        const later = engine.createContainer({ name: "vault-2" })
        later.stop()
        web.rename("vault-3")
        yield* told.until((text) => text.includes(`{"_tag":"Remove","id":"${web.id}"}`))
        web.rename("web")
        yield* told.until((text) => text.split(`"id":"${web.id}"`).length === 4)
        for (const hidden of ["vault", "shy", vault.id, shy.id, later.id]) expect(told.text()).not.toContain(hidden)

        const refusal = (id: string) =>
          Effect.flip(
            session.open({
              op: "logs",
              containerId: ContainerId.make(id),
              query: { follow: false, stdout: true, stderr: true, timestamps: false, details: false },
              rendering: { format: "text", host: "prefix" },
              scope: {},
            }),
          )
        const facts = (error: unknown, id: string) => JSON.stringify(error).replaceAll(id, "ID")
        const absent = facts(yield* refusal("0".repeat(64)), "0".repeat(64))
        for (const { id } of [vault, shy, later]) {
          expect(facts(yield* refusal(id), id)).toBe(absent)
          expect(engine.requests.filter(({ path }) => path.includes(id)).map(({ path }) => path)).toEqual([])
        }
      }),
  )
})
