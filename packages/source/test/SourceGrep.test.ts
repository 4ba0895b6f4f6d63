import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { ContainerId } from "@rdl/core/model/Container"
import type { OpenLogs } from "@rdl/core/link/LinkMessage"
import type { LogQuery, LogRendering } from "@rdl/core/log/LogQuery"
import * as SampleEngine from "@rdl/sample-engine/SampleEngine"
import * as Source from "../src/Source.ts"
import * as TestProxy from "./engine/TestProxy.ts"

const logs = (id: string, query: Partial<LogQuery>, rendering: LogRendering): OpenLogs => ({
  op: "logs",
  containerId: ContainerId.make(id),
  query: { follow: false, stdout: true, stderr: true, timestamps: false, details: false, ...query },
  rendering,
  scope: {},
})
const label: LogRendering = { format: "text", host: "prefix" }
const plain: LogRendering = { format: "text", host: "none" }
const json: LogRendering = { format: "ndjson", host: "none" }

const start = Effect.gen(function* () {
  const engine = yield* SampleEngine.make()
  const web = engine.createContainer({ name: "web" })
  for (const text of ["GET /a 200", "GET /b 500", "POST /a 500", "GET /health 500"]) web.log("stdout", `${text}\n`)
  const proxy = yield* TestProxy.make
  yield* Effect.forkScoped(
    Effect.provide(Source.run({ engine: engine.url, env: {}, agent: "rdl/test", logDir: "none" }), proxy.dialer),
  )
  const { session } = yield* proxy.session
  yield* (yield* TestProxy.ask(session, { op: "inventory" })).until((text) => text.includes('"_tag":"Ready"'))
  return { session, id: web.id }
})

describe("a source that is asked for some lines", () => {
  it.scopedLive("sends those alone, in every format", () =>
    Effect.gen(function* () {
      const { session, id } = yield* start
      const query = { grep: ["GET", " 5\\d\\d$"], exclude: ["/health"] }
      const ask = Effect.fnUntraced(function* (rendering: LogRendering) {
        const read = yield* TestProxy.ask(session, logs(id, query, rendering))
        expect(yield* read.end).toEqual({ reason: "eof" })
        return read.text()
      })
      expect(yield* ask(label)).toBe("edge-1 | GET /b 500\n")
      expect(yield* ask(plain)).toBe("GET /b 500\n")
      expect(JSON.parse(yield* ask(json))).toMatchObject({ line: "GET /b 500" })
    }),
  )

  it.scopedLive("refuses patterns that its proxy should not have let through", () =>
    Effect.gen(function* () {
      const { session, id } = yield* start
      const refused = yield* Effect.flip(session.open(logs(id, { exclude: ["(a)\\1"] }, plain)))
      expect(refused).toMatchObject({ reason: "bad-request" })
      expect(refused.message).toContain("a back-reference at character 4")
    }),
  )
})
